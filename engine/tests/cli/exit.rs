//! The connector `exit` ends the program.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::Place;

/// Reads lines, and hands each as JSON to `exit` too.
fn flow(config: &str) -> String {
    format!(
        r#"define flow ends
flow
  define connector input from file
  with
    codec = "json",
    preprocessors = ["separate"],
    config = {{ "path": "in.txt", "mode": "read" }}
  end;
  define connector output from file
  with
    codec = "json",
    postprocessors = ["separate"],
    config = {{ "path": "out.txt", "mode": "truncate" }}
  end;
  define connector stop from exit with config = {config} end;
  define connector clock from metronome with config = {{ "interval_ms": 1 }} end;
  define connector nowhere from null;
  define pipeline all pipeline select event from in into out end;
  define pipeline ticks pipeline select event from in into out end;
  define pipeline stops
  pipeline
    select event from in where present event.stop or present event.status into out
  end;
  create connector input;
  create connector output;
  create connector stop;
  create connector clock;
  create connector nowhere;
  create pipeline all;
  create pipeline ticks;
  create pipeline stops;
  connect /connector/input to /pipeline/all;
  connect /connector/input to /pipeline/stops;
  connect /connector/clock to /pipeline/ticks;
  connect /pipeline/ticks to /connector/nowhere;
  connect /pipeline/all to /connector/output;
  connect /pipeline/stops to /connector/stop;
end;
deploy flow ends;
"#
    )
}

#[test]
fn the_first_event_ends_all_flows_with_the_status() {
    // The clock of this flow and the other flow would go on for ever.
    let other = flow("{}")
        .replace("flow ends", "flow other")
        .replace("in.txt", "empty.txt")
        .replace("out.txt", "none.txt");
    let place = Place::with("f.troy", &(flow("{ \"status\": 7 }") + &other));
    place.write("empty.txt", "");
    place.write("in.txt", "{\"stop\":true}\n{\"n\":1}\n{\"status\":9}\n");
    let ran = place.run(&["run", "f.troy"]);
    ran.says(
        7,
        &[
            "connector `stop`: the program is to end with status 7",
            "flow `ends`: in ",
            "flow `other`: in ",
            " + in flight 0\n",
        ],
    );
    // In good order: what came in is there.
    assert_eq!(place.read("out.txt").lines().count(), 3);
}

#[test]
fn events_can_say_how() {
    let place = Place::with("f.troy", &flow("{ \"delay_ms\": 3600000, \"status\": 1 }"));
    let now = "{\"status\": 0, \"delay_ms\": 0, \"graceful\": true}\n";
    place.write("in.txt", now);
    place.run(&["run", "f.troy"]).exits(0);
    place.write(
        "in.txt",
        "{\"status\": 3, \"delay_ms\": 20, \"graceful\": false}\n",
    );
    let ran = place.run(&["run", "f.troy"]);
    ran.says(3, &["flow `ends` was stopped before it had drained"]);
}

#[test]
fn what_an_event_says_wrongly_is_refused() {
    let place = Place::with("f.troy", &flow("{}"));
    place.write("in.txt", "{\"status\": 256}\n");
    let child = place
        .command(&["run", "f.troy"])
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("temblor starts");
    let stderr = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines();
    let said = lines.find_map(|line| {
        let line = line.expect("lines are UTF-8");
        line.contains("field `status`").then_some(line)
    });
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let said = said.expect("it is said");
    assert!(said.contains("takes a number from 0 to 255"), "{said}");
}
