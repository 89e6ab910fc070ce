//! More peers than descriptors: the last ones are left for files.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Place;

const FLOWS: &str = r#"define flow crowded
flow
  define connector door from tcp_server
  with
    codec = "json",
    preprocessors = ["separate"],
    config = { "url": "127.0.0.1:0" }
  end;
  define connector output from null;
  define pipeline pass pipeline select event from in into out; end;
  create connector door;
  create connector output;
  create pipeline pass;
  connect /connector/door to /pipeline/pass;
  connect /pipeline/pass to /connector/output;
end;
define flow beside
flow
  define connector input from file
  with
    codec = "json",
    preprocessors = ["separate"],
    config = { "path": "in.jsonl", "mode": "read", "follow": true, "position": "position" }
  end;
  define connector output from null;
  define pipeline pass pipeline select event from in into out; end;
  create connector input;
  create connector output;
  create pipeline pass;
  connect /connector/input to /pipeline/pass;
  connect /pipeline/pass to /connector/output;
end;
deploy flow crowded;
deploy flow beside;
"#;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it has ended");
    }
}

#[track_caller]
fn wait_for<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn positions_are_written_while_peers_take_all_descriptors_that_they_can_get() {
    let place = Place::with("flows.troy", FLOWS);
    place.write("in.jsonl", "1\n");
    let log = std::fs::File::create(place.path("log")).unwrap();
    let _running = Running(
        Command::new("sh")
            .args(["-c", "ulimit -n 64; exec \"$0\" run flows.troy"])
            .arg(env!("CARGO_BIN_EXE_temblor"))
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap(),
    );
    let said = || place.read("log");
    let position = || std::fs::read_to_string(place.path("position")).unwrap_or_default();
    let reached = |offset: &str| position().contains(offset).then_some(());
    wait_for("the first event is done", || reached("\"offset\":2"));
    let port: u16 = wait_for("it listens", || {
        let said = said();
        let (_, rest) = said.split_once("listening at 127.0.0.1:")?;
        let digits = rest.split(|end: char| !end.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    let _peers: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    wait_for("it is said", || {
        let said = said();
        said.contains("help: raise the limit of open files")
            .then_some(())
    });
    place.write("in.jsonl", "1\n2\n3\n");
    wait_for("the position is written", || reached("\"offset\":6"));
    let said = said();
    assert!(!said.contains("cannot write the position"), "{said}");
}
