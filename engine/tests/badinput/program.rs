//! A `temblor run` with a `tcp_server`, whose events and failures go to files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

/// Far longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A running program.
pub(crate) struct Program {
    child: Child,
    place: TempDir,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) address: String,
}

/// The flow: what comes in over TCP goes to `out.json`, and what fails to `err.json`.
fn flow(codec: &str, preprocessors: &str, config: &str) -> String {
    format!(
        r#"define flow bad
flow
  define connector door from tcp_server
  with codec = "{codec}", preprocessors = {preprocessors}, config = {config} end;
  define connector events from file
  with codec = "json", postprocessors = ["separate"], config = {{"path": "out.json", "mode": "write"}} end;
  define connector failures from file
  with codec = "json", postprocessors = ["separate"], config = {{"path": "err.json", "mode": "write"}} end;
  define pipeline good pipeline select event from in into out end;
  define pipeline wrong pipeline select event from in into out end;
  create connector door;
  create connector events;
  create connector failures;
  create pipeline good;
  create pipeline wrong;
  connect /connector/door to /pipeline/good;
  connect /pipeline/good to /connector/events;
  connect /connector/door/err to /pipeline/wrong;
  connect /pipeline/wrong to /connector/failures;
end;
deploy flow bad;
"#
    )
}

/// Starts the program with lines of JSON; `max_length` bounds a line.
pub(crate) fn lines(max_length: usize, config: &str) -> Program {
    let separate = format!(r#"[{{"name": "separate", "config": {{"max_length": {max_length}}}}}]"#);
    Program::start("json", &separate, config, "")
}

impl Program {
    /// Starts the program; `shell` is run before it, such as to set limits.
    pub(crate) fn start(codec: &str, preprocessors: &str, config: &str, shell: &str) -> Program {
        let place = TempDir::new().unwrap();
        fs::write(
            place.path().join("bad.troy"),
            flow(codec, preprocessors, config),
        )
        .unwrap();
        let run = format!("{shell}\nexec \"$0\" run bad.troy");
        let mut child = Command::new("sh")
            .args(["-c", &run, env!("CARGO_BIN_EXE_temblor")])
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let mut program = Program {
            child,
            place,
            log,
            address: String::new(),
        };
        let said = |program: &Program| {
            let log = program.log.lock().unwrap();
            log.iter()
                .find_map(|line| Some(line.split_once("listening at ")?.1.to_owned()))
        };
        until("it listens", || said(&program).is_some());
        program.address = said(&program).unwrap();
        program
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// What was written to a file so far, without a line that is being written.
    fn written(&self, file: &str) -> Vec<Json> {
        let text = fs::read_to_string(self.path(file)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.place.path().join(file)
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Json> {
        self.written("out.json")
    }

    /// The records of failures so far.
    pub(crate) fn failures(&self) -> Vec<Json> {
        self.written("err.json")
    }

    /// Sends a good event on a new connection and waits until it has come through.
    pub(crate) fn passes(&self, name: &str) {
        let mut stream = self.connect();
        writeln!(stream, "{{\"good\":\"{name}\"}}").unwrap();
        self.has_event(&serde_json::json!({ "good": name }));
    }

    /// Waits until an event has come through.
    pub(crate) fn has_event(&self, event: &Json) {
        until(&format!("{event} comes through"), || {
            self.events().contains(event)
        });
    }

    /// Whether something was said.
    pub(crate) fn said(&self, text: &str) -> bool {
        self.log
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
    }

    /// The memory that the program holds now, in MiB.
    pub(crate) fn memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB").trim();
        kib.parse::<u64>().unwrap() / 1024
    }

    /// How many descriptors the program has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .count()
    }

    /// The time that the program has computed, in hundredths of a second.
    pub(crate) fn computed(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Drains the program; it ends well, and every event has a fate. Returns the line that says so.
    pub(crate) fn ends(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let code = self.child.wait().unwrap().code();
        until("the end is told", || self.said("in flight 0"));
        let log = self.log.lock().unwrap();
        assert_eq!(code, Some(0), "{log:?}");
        assert!(!log.iter().any(|line| line.contains("panicked")), "{log:?}");
        let sum = log
            .iter()
            .find(|line| line.contains("in flight 0"))
            .unwrap()
            .clone();
        let numbers: Vec<u64> = sum
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        assert_eq!(numbers[0], numbers[1] + numbers[2] + numbers[3], "{sum}");
        sum
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LONG, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
