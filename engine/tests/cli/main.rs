//! The program `temblor` as its users meet it: exit codes, texts, JSON.

mod alone;
mod bench;
mod build;
mod check;
mod connectors;
mod descriptors;
mod dlq;
mod exit;
mod metrics;
mod plugin;
mod position;
mod run;
mod secrets;
mod state_dir;
mod state_killed;
mod test;
mod usage;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with the files of one test, in which the program runs.
struct Place(TempDir);

/// What the program did.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Place {
        Place(TempDir::new().expect("a temporary directory"))
    }

    /// A place that holds one file.
    fn with(name: &str, text: &str) -> Place {
        let place = Place::new();
        place.write(name, text);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("a file is written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file is read")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_temblor"));
        command.args(arguments).current_dir(self.0.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output();
        Ran::of(output.expect("temblor runs"))
    }
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Ran {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Checks the exit code, and returns what was written to the standard output.
    #[track_caller]
    fn exits(&self, code: i32) -> &str {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        &self.out
    }

    /// Checks the exit code and what was written to the standard error stream, but for what a busy machine makes the
    /// watchdog say.
    #[track_caller]
    fn fails(&self, code: i32, err: &str) {
        self.exits(code);
        let is_of_load = |line: &&str| line.contains(": a poll takes longer than ");
        let lines = self.err.split_inclusive('\n');
        let said: String = lines.filter(|line| !is_of_load(line)).collect();
        assert_eq!(said, err);
    }

    /// Checks the exit code and that the standard error stream holds every part.
    #[track_caller]
    fn says(&self, code: i32, parts: &[&str]) {
        self.exits(code);
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in:\n{}", self.err);
        }
    }

    /// Checks the exit code, and parses the standard output.
    #[track_caller]
    fn json(&self, code: i32) -> Value {
        serde_json::from_str(self.exits(code)).expect("the output is JSON")
    }
}

/// The workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a workspace")
}

/// A flow that reads lines of `in.txt`, lets the long ones pass, and writes them to `out.txt`.
const COPY: &str = r#"define flow sieve
flow
  define connector input from file
  with
    codec = "string",
    preprocessors = ["separate"],
    config = { "path": "in.txt", "mode": "read" }
  end;
  define connector output from file
  with
    codec = "string",
    postprocessors = ["separate"],
    config = { "path": "out.txt", "mode": "truncate" }
  end;
  define pipeline long
  pipeline
    select event from in where event > "b" into out
  end;
  create connector input;
  create connector output;
  create pipeline long;
  connect /connector/input to /pipeline/long;
  connect /pipeline/long to /connector/output;
end;
deploy flow sieve;
"#;
