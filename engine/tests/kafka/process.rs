//! A process of `temblor`, and what it says.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until something is so.
pub(crate) fn until(mut is_so: impl FnMut() -> bool, what: impl Fn() -> String) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{}", what());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program, at the root of the repository.
pub(crate) fn temblor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_temblor"));
    command.args(arguments).current_dir(root());
    command
}

/// A process that runs a flow; it is killed where a test fails.
pub(crate) struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Runs a flow with changed configurations; what it writes goes to files with this name.
    pub(crate) fn run(flow: &str, settings: &[String], dir: &Path, name: &str) -> Process {
        let (out, err) = (
            dir.join(format!("{name}.out")),
            dir.join(format!("{name}.err")),
        );
        let mut command = temblor(&["run", flow, "--drain-timeout", "60"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let command = command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap());
        let child = command.spawn().unwrap();
        Process { child, out, err }
    }

    pub(crate) fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// Waits until the process has said this.
    pub(crate) fn said(&mut self, text: &str) {
        let err = self.err.clone();
        let read = || std::fs::read_to_string(&err).unwrap();
        until(
            || {
                assert!(
                    self.child.try_wait().unwrap().is_none(),
                    "it ended: {}",
                    read()
                );
                read().contains(text)
            },
            || format!("`{text}` was not said: {}", read()),
        );
    }

    /// Waits for the end; returns how many events came in.
    pub(crate) fn ended(mut self) -> usize {
        let status = self.child.wait().unwrap();
        let err = self.err();
        assert!(status.success(), "{status}: {err}");
        let (_, counts) = err.rsplit_once("`: in ").unwrap();
        let count = counts.split(' ').next().unwrap();
        count.parse().unwrap()
    }

    /// Ends it in good order; returns how many events came in.
    pub(crate) fn stop(self) -> usize {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(kill.unwrap().success());
        self.ended()
    }
}
