//! One measurement: the flow in a fresh process, which leaves its report in a file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use temblor_registry::LinkMode;

use super::stats::Sample;
use crate::cli::failure::Failure;

/// The environment variable in which a run finds a name that no other run has, for what it must not share with them,
/// such as a group of consumers.
const RUN: &str = "TEMBLOR_BENCH_RUN";

/// What is the same for every measurement.
pub(crate) struct Bench<'b> {
    /// The `.troy` file.
    pub(crate) flow: &'b Path,
    /// The file that lists plugins.
    pub(crate) connectors: Option<&'b Path>,
    /// Where modules are looked for.
    pub(crate) module_path: Vec<PathBuf>,
    /// The connector whose link mode differs.
    pub(crate) connector: &'b str,
    /// The connector of kind `blackhole` that measures.
    pub(crate) measures: &'b str,
    /// The connector of kind `blaster` that a rate is set for.
    pub(crate) blasts: Option<&'b str>,
    /// Values for configurations, as the user wrote them.
    pub(crate) sets: Vec<String>,
    /// The number of worker threads.
    pub(crate) workers: Option<usize>,
    /// Where reports are written.
    pub(crate) directory: Directory,
}

impl Bench<'_> {
    /// Runs the flow with the connector on one side, at a rate, or as fast as it goes.
    pub(crate) fn measure(&self, side: LinkMode, rate: Option<f64>) -> Result<Sample, Failure> {
        let failed = |reason: String| {
            Failure::failed(format!(
                "the flow with `{}={side}` {reason}",
                self.connector
            ))
        };
        let report = self.directory.0.join("report.json");
        // A report of the run before would look like one of this run.
        if let Err(error) = fs::remove_file(&report)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(failed(format!("cannot report: {error}")));
        }
        let mut command = self
            .command(side, rate, &report)
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        let output = command
            .output()
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let reason = format!(
                "ended with {}; it said:\n{}",
                output.status,
                said.trim_end()
            );
            return Err(failed(reason));
        }
        let text = fs::read_to_string(&report)
            .map_err(|error| failed(format!("left no report: {error}; it said:\n{said}")))?;
        serde_json::from_str(&text).map_err(|error| failed(format!("left a bad report: {error}")))
    }

    fn command(&self, side: LinkMode, rate: Option<f64>, report: &Path) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("run").arg(self.flow).arg("--quiet");
        command.arg(format!("--link={}={side}", self.connector));
        if let Some(path) = self.connectors {
            command.arg("--connectors").arg(path);
        }
        for directory in &self.module_path {
            command.arg("-I").arg(directory);
        }
        if let Some(workers) = self.workers {
            command.arg(format!("--workers={workers}"));
        }
        for set in &self.sets {
            command.arg(format!("--set={set}"));
        }
        let measures = self.measures;
        let report = serde_json::to_string(report).map_err(io::Error::from)?;
        command.arg(format!("--set={measures}.report=\"json\""));
        command.arg(format!("--set={measures}.report_file={report}"));
        if let (Some(rate), Some(blasts)) = (rate, self.blasts) {
            command.arg(format!("--set={blasts}.rate_per_s={rate}"));
        }
        command.env(RUN, run_name());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(command)
    }
}

fn run_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    format!("{}-{millis}", std::process::id())
}

/// A directory of this process that is removed in the end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Makes the directory.
    pub(crate) fn new() -> Result<Directory, Failure> {
        let path = std::env::temp_dir().join(format!("temblor-bench-{}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => Ok(Directory(path)),
            Err(error) => {
                let path = path.display();
                Err(Failure::failed(format!("`{path}` cannot be made: {error}"))
                    .help("name a directory that can be written in the variable TMPDIR"))
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What remains is a small file in a directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
