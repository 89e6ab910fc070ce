//! `temblor run --metrics`: metrics, health and readiness over HTTP; numbers in the log.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{COPY, Place};

/// A flow whose source goes on for ever and hardly ever has something.
const IDLE: &str = r#"define flow idle
flow
  define connector clock from metronome
  with
    metrics_interval_s = 1,
    config = { "interval_ms": 3600000 }
  end;
  define connector nowhere from null;
  define pipeline all pipeline select event from in into out end;
  create connector clock;
  create connector nowhere;
  create pipeline all;
  connect /connector/clock to /pipeline/all;
  connect /pipeline/all to /connector/nowhere;
end;
deploy flow idle;
"#;

/// The program while it runs, and what it has written to the standard error stream.
struct Running {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Running {
    fn start(place: &Place, arguments: &[&str]) -> Running {
        let mut child = place
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("temblor starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped"));
        Running { child, lines }
    }

    /// Reads lines until one holds this text.
    #[track_caller]
    fn line(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("lines are UTF-8");
            assert_ne!(read, 0, "{text:?} was never said:\n{seen}");
            if line.contains(text) {
                return line;
            }
            seen += &line;
        }
    }

    /// The address that it serves on.
    fn address(&mut self) -> String {
        let line = self.line("metrics on http://");
        let address = line.split("http://").nth(1).expect("an address");
        address.trim_end().trim_end_matches("/metrics").to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request, and returns the status and the body of the answer.
fn ask(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it takes");
    answer(&mut stream)
}

fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

fn get(address: &str, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

/// Waits until something is so; far longer than it can take.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(30), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The value of a series, by its name with its labels.
#[track_caller]
fn series(text: &str, name: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let value = value.unwrap_or_else(|| panic!("no `{name}` in:\n{text}"));
    value.trim().parse().expect("a number")
}

/// Every metric of the engine with its type. Dashboards know these names: what is here stays.
const NAMES: &str = include_str!("metrics.txt");

#[test]
fn names_and_types_are_frozen() {
    let place = Place::with("f.troy", IDLE);
    let mut running = Running::start(&place, &["run", "f.troy", "--metrics", "0"]);
    let (status, text) = get(&running.address(), "/metrics");
    assert_eq!(status, 200);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let types: Vec<&str> = types.collect();
    let known: Vec<&str> = NAMES.lines().collect();
    assert_eq!(types, known, "\n{}", types.join("\n"));
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn numbers_tick_without_traffic_and_say_what_is_there() {
    let place = Place::with("f.troy", IDLE);
    let mut running = Running::start(&place, &["run", "f.troy", "--metrics", ":0"]);
    let address = running.address();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    until("it is ready", || get(&address, "/ready").0 == 200);
    let (_, body) = get(&address, "/ready");
    assert_eq!(body, "{\"ready\":true,\"waiting_for\":[]}\n");
    let (status, body) = get(&address, "/health");
    assert_eq!((status, &*body), (200, "{\"alive\":true}\n"));
    let up = || series(&get(&address, "/metrics").1, "temblor_uptime_seconds ");
    let before = up();
    until("time passes", || up() > before);
    let (_, text) = get(&address, "/metrics");
    let flow = "temblor_flow_events_dropped_total{flow=\"idle\",reason=\"filtered\"} ";
    assert_eq!(series(&text, flow), 0.0);
    let state = "temblor_connector_state{flow=\"idle\",connector=\"nowhere\",state=\"running\"} ";
    assert_eq!(series(&text, state), 1.0);
    // The interval of the connector's own lines passes without an event too.
    let line = running.line("connector `clock`: running; in ");
    assert!(
        line.contains(" + in flight 0; errors 0, in polls "),
        "{line}"
    );
}

#[test]
fn a_busy_flow_is_counted() {
    let busy = IDLE.replace("3600000", "1");
    let place = Place::with("f.troy", &busy);
    let mut running = Running::start(&place, &["run", "f.troy", "--metrics", "0"]);
    let address = running.address();
    until("it is ready", || get(&address, "/ready").0 == 200);
    let metric = |name: &str| series(&get(&address, "/metrics").1, name);
    let delivered = "temblor_sink_events_delivered_total{flow=\"idle\",connector=\"nowhere\"} ";
    until("events are delivered", || metric(delivered) > 10.0);
    let (_, text) = get(&address, "/metrics");
    let count = series(
        &text,
        "temblor_sink_latency_seconds_count{flow=\"idle\",connector=\"nowhere\"} ",
    );
    assert!(count > 10.0);
    let last =
        "temblor_sink_latency_seconds_bucket{le=\"+Inf\",flow=\"idle\",connector=\"nowhere\"} ";
    assert_eq!(series(&text, last), count);
    let polls = "temblor_connector_poll_seconds_total{flow=\"idle\",connector=\"clock\"} ";
    assert!(series(&text, polls) > 0.0);
}

#[test]
fn what_is_not_ready_is_named() {
    // Nobody reads what the console writes, so that its flow cannot drain.
    let text = IDLE
        .replace(
            "from null",
            "from stdio with codec = \"string\", config = {} end",
        )
        .replace("from metronome", "from blaster")
        .replace(
            "metrics_interval_s = 1,",
            "codec = \"string\", preprocessors = [\"separate\"],",
        )
        .replace(
            "\"interval_ms\": 3600000",
            "\"file\": \"in.txt\", \"duration_s\": 1000000.0",
        );
    let place = Place::with("f.troy", &text);
    let lines = "a line that is long enough to fill a pipe soon\n";
    place.write("in.txt", lines.repeat(100));
    let mut running = Running::start(&place, &["run", "f.troy", "--metrics", "0"]);
    let address = running.address();
    until("it is ready", || get(&address, "/ready").0 == 200);
    let pid = running.child.id().to_string();
    let sent = std::process::Command::new("kill").arg(&pid).status();
    assert!(sent.expect("kill runs").success());
    let mut answer = (200, String::new());
    until("it is not ready", || {
        answer = get(&address, "/ready");
        answer.0 == 503
    });
    let body: Value = serde_json::from_str(&answer.1).expect("it is JSON");
    assert_eq!(body["ready"], false);
    assert_eq!(body["waiting_for"][0]["flow"], "idle");
    assert_eq!(body["waiting_for"][0]["state"], "draining");
    assert_eq!(get(&address, "/health").0, 200);
}

#[test]
fn other_requests_are_told_what_there_is() {
    let place = Place::with("f.troy", IDLE);
    let mut running = Running::start(&place, &["run", "f.troy", "--metrics", "0"]);
    let address = running.address();
    let (status, body) = get(&address, "/");
    assert_eq!(status, 404);
    assert!(body.contains("/metrics, /health and /ready"), "{body}");
    let post = "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(ask(&address, post).0, 405);
    let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17 * 1024));
    let mut stream = TcpStream::connect(&address).expect("it listens");
    // It may close before all is written.
    let _ = stream.write_all(head.as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    assert!(text.is_empty() || text.contains(" 431 "), "{text}");
    assert_eq!(get(&address, "/health").0, 200);
}

#[test]
fn slow_peers_keep_nobody_out() {
    let place = Place::with("f.troy", IDLE);
    let mut running = Running::start(&place, &["run", "f.troy", "--metrics", "0"]);
    let address = running.address();
    // More than it serves at one time, none of which ever finishes its request.
    let slow: Vec<JoinHandle<()>> = (0..70)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || {
                let Ok(mut stream) = TcpStream::connect(address) else {
                    return;
                };
                let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\n");
                let _ = stream.read_to_end(&mut Vec::new());
            })
        })
        .collect();
    until("it answers again", || get(&address, "/health").0 == 200);
    drop(running);
    slow.into_iter()
        .for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn addresses_that_cannot_be_had_are_named() {
    let place = Place::with("f.troy", IDLE);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ran = place.run(&["run", "f.troy", "--metrics", &address]);
    let message = format!("error: metrics cannot be served on `{address}`: ");
    ran.says(3, &[&message, "help: choose another port"]);
    let ran = place.run(&["run", "f.troy", "--metrics", "localhost"]);
    ran.says(2, &["localhost", "it takes a port, as in `9100`"]);
    place.write("q.trickle", "select event from in into out");
    let ran = place.run(&["run", "q.trickle", "--metrics", "0"]);
    ran.says(2, &["error: `--metrics` is for flows"]);
    let text = COPY.replace(
        "codec = \"string\",\n    pre",
        "metrics_interval_s = 0,\n    codec = \"string\",\n    pre",
    );
    place.write("g.troy", text);
    let ran = place.run(&["run", "g.troy"]);
    ran.says(
        2,
        &["`metrics_interval_s` of connector `input` is 0", "g.troy:"],
    );
}

#[test]
fn limits_are_listed_with_what_happens_beyond() {
    let place = Place::new();
    let rows = place.run(&["limits", "--json"]).json(0);
    let rows = rows.as_array().expect("a list");
    let find = |part: &str, what: &str| {
        let is = |row: &&Value| row["part"] == part && row["what"] == what;
        rows.iter()
            .find(is)
            .unwrap_or_else(|| panic!("{part}: {what}"))
    };
    let groups = find("language", "groups of a select with windows");
    assert_eq!(groups["default"], 100_000);
    assert_eq!(groups["set_by"], "`max_groups` of its windows");
    let frame = find(
        "preprocessor separate",
        "The longest frame in bytes, without the separator",
    );
    assert_eq!(frame["default"], 64 * 1024 * 1024);
    assert_eq!(frame["set_by"], "`max_length`");
    for row in rows {
        let is_there = |key: &str| row[key].as_str().is_some_and(|text| !text.is_empty());
        assert!(
            is_there("unit") && is_there("beyond") && is_there("what"),
            "{row}"
        );
    }
    let ran = place.run(&["limits"]);
    let table = ran.exits(0);
    assert!(table.starts_with("PART "), "{table}");
    assert_eq!(table.lines().count(), rows.len() + 1);
}
