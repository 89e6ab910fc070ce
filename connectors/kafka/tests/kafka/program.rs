//! The program with flows that consume and produce: what its users see of records that nobody can use.
//!
//! `TEMBLOR_PROGRAM` is a program with the feature `static-kafka`; without it these tests are skipped.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use temblor_pdk::serde_json::{Value, json};

use crate::support::{Cluster, Member, PATIENCE, Producing, Sending, unique};

const FLOW: &str = r#"
define flow main
flow
  define connector orders from kafka_consumer
  with codec = "json", MORE
    config = {"brokers": ["BROKERS"], "group_id": "GROUP", "topics": ["ORDERS"], "commit_interval_ms": 100,
      "rdkafka_options": {"session.timeout.ms": 6000}OPTIONS}
  end;
  define connector large from kafka_producer
  with codec = "json", config = {"brokers": ["BROKERS"], "topic": "LARGE"} end;
  define connector dead from kafka_producer
  with codec = "json", config = {"brokers": ["BROKERS"], "topic": "DEAD"} end;
  define pipeline double
  pipeline
    select {"double": event.n / event.parts} from in into out;
  end;
  define pipeline letters pipeline select event from in into out; end;
  create connector orders;
  create connector large;
  create connector dead;
  create pipeline double;
  create pipeline letters;
  connect /connector/orders to /pipeline/double;
  connect /pipeline/double to /connector/large;
  LETTERS
end;
deploy flow main;
"#;

const LETTERS: &str = "connect /connector/orders/err to /pipeline/letters;
  connect /pipeline/double/err to /pipeline/letters;
  connect /pipeline/letters to /connector/dead;";

/// A cluster with three topics, and the program that runs a flow between them.
struct Place {
    cluster: Cluster,
    group: String,
    orders: String,
    large: String,
    dead: String,
    folder: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    /// None without a program.
    fn new() -> Option<Place> {
        if std::env::var_os("TEMBLOR_PROGRAM").is_none() {
            eprintln!("skipped: `TEMBLOR_PROGRAM` names no program");
            return None;
        }
        let cluster = Cluster::mock(1);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique("program"));
        std::fs::create_dir_all(&folder).unwrap();
        Some(Place {
            group: unique("group"),
            orders: cluster.topic(1),
            large: cluster.topic(1),
            dead: cluster.topic(1),
            cluster,
            folder,
        })
    }

    fn run(&self, more: &str, options: &str, letters: &str) -> Program {
        self.run_at(&self.cluster.bootstrap(), more, options, letters)
    }

    fn run_at(&self, brokers: &str, more: &str, options: &str, letters: &str) -> Program {
        let flow = FLOW
            .replace("MORE", more)
            .replace("OPTIONS", options)
            .replace("LETTERS", letters)
            .replace("BROKERS", brokers)
            .replace("GROUP", &self.group)
            .replace("ORDERS", &self.orders)
            .replace("LARGE", &self.large)
            .replace("DEAD", &self.dead);
        let path = self.folder.join("flow.troy");
        std::fs::write(&path, flow).unwrap();
        let program = std::env::var_os("TEMBLOR_PROGRAM").unwrap();
        let mut command = Command::new(program);
        command.arg("run").arg(path).current_dir(&self.folder);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Program(command.spawn().unwrap())
    }

    /// Three orders, the one in the middle spoilt.
    fn order(&self, spoilt: &str) {
        let mut producer = Producing::start(&self.cluster.producer(&self.orders));
        let of = |payload: &str| Sending {
            payload: payload.to_owned(),
            meta: json!({"key": "c-17"}),
        };
        producer.write(&[
            of(r#"{"n": 2, "parts": 1}"#),
            of(spoilt),
            of(r#"{"n": 6, "parts": 2}"#),
        ]);
        producer.flush().unwrap();
        assert!(producer.failures(3).is_empty());
    }

    fn records(&self, topic: &str, count: usize) -> Vec<Value> {
        let mut member = Member::start(&self.cluster.consumer(&unique("look"), topic));
        let got = member.take(count).into_iter();
        let got = got.map(|got| temblor_pdk::serde_json::from_str(&got.payload).unwrap());
        let got = got.collect();
        member.stop().unwrap();
        got
    }
}

impl Program {
    /// Waits until it has ended; its exit code, and what it said.
    fn end(mut self) -> (i32, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                let _ = self.0.kill();
                let mut said = String::new();
                let _ = self.0.stderr.take().unwrap().read_to_string(&mut said);
                panic!("it goes on: {said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (status.code().unwrap_or(-1), said)
    }

    fn terminate(self) -> (i32, String) {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.end()
    }
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn records_that_nobody_can_use_go_to_a_topic_of_dead_letters_with_their_place() {
    for (spoilt, by) in [
        ("{\"n\": 4, \"parts\": ", "json"),
        ("{\"n\": 4, \"parts\": 0}", "zero"),
    ] {
        let Some(place) = Place::new() else {
            return;
        };
        place.order(spoilt);
        // An expression that fails has failed whatever becomes of its letter, and would be tried again.
        let skip = ", \"on_failed\": \"skip\"";
        let program = place.run("on_failure = \"dead_letter\",", skip, LETTERS);
        let letter = place.records(&place.dead, 1)[0].to_string();
        says(
            &letter,
            &[&place.orders, "\"partition\":0", "\"offset\":1", "orders"],
        );
        let large = place.records(&place.large, 2);
        assert_eq!(large.len(), 2, "{by}");
        let (code, said) = program.terminate();
        assert_eq!(code, 0, "{by}: {said}");
        // All three are done with.
        assert_eq!(
            place.cluster.committed(&place.group, &place.orders),
            3,
            "{by}: {said}"
        );
    }
}

#[test]
fn a_record_that_is_no_json_stops_the_flow_with_its_place_where_nothing_else_is_said() {
    let Some(place) = Place::new() else {
        return;
    };
    place.order("{\"n\": 4, \"parts\": ");
    let (code, said) = place.run("", "", "").end();
    assert_eq!(code, 1, "{said}");
    says(
        &said,
        &[
            &format!("topic `{}`, partition 0, offset 1", place.orders),
            &place.group,
            &place.cluster.bootstrap(),
            "`on_failed` to \"skip\"",
            "orders",
        ],
    );
    assert_eq!(
        place.cluster.committed(&place.group, &place.orders),
        1,
        "in front of it"
    );
}

#[test]
fn with_skip_the_flow_goes_on_and_says_what_was_left_out() {
    let Some(place) = Place::new() else {
        return;
    };
    place.order("{\"n\": 4, \"parts\": ");
    let program = place.run("", ", \"on_failed\": \"skip\"", "");
    let end = Instant::now() + PATIENCE;
    while place.cluster.committed(&place.group, &place.orders) < 3 {
        assert!(Instant::now() < end, "it does not go on");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(place.records(&place.large, 2).len(), 2);
    let (code, said) = program.terminate();
    assert_eq!(code, 0, "{said}");
    says(
        &said,
        &[&format!(
            "topic `{}`, partition 0, offset 1: the record failed",
            place.orders
        )],
    );
    assert_eq!(place.cluster.committed(&place.group, &place.orders), 3);
}

#[test]
fn without_a_broker_the_program_ends_and_names_connector_and_broker() {
    let Some(place) = Place::new() else {
        return;
    };
    let (code, said) = place.run_at("127.0.0.1:1", "", "", "").end();
    assert_eq!(code, 3, "{said}");
    says(
        &said,
        &[
            "`large` (`kafka_producer`)",
            "127.0.0.1:1",
            "Connection refused",
            "help: check `brokers`",
        ],
    );
}

#[test]
fn an_option_that_there_is_not_is_told_before_anything_runs() {
    let Some(place) = Place::new() else {
        return;
    };
    let options = ", \"topicz\": []";
    let (code, said) = place.run("", options, "").end();
    assert_ne!(code, 0, "{said}");
    says(&said, &["topicz", "did you mean `topics`?", "flow.troy:7"]);
}
