//! A file with a position is read on where it was, whatever ended the run before.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::{Place, Ran};

/// A flow from `in.jsonl` to `out.jsonl`, with more in the source's configuration and in its pipeline.
fn flow(more: &str, pipeline: &str) -> String {
    format!(
        r#"define flow onward
flow
  define connector input from file
  with
    codec = "json",
    preprocessors = ["separate"],
    config = {{ "path": "in.jsonl", "mode": "read", "position": "position"{more} }}
  end;
  define connector output from file
  with
    codec = "json",
    postprocessors = ["separate"],
    config = {{ "path": "out.jsonl", "mode": "append", "separator": "\n" }}
  end;
  define pipeline all pipeline {pipeline} end;
  create connector input;
  create connector output;
  create pipeline all;
  connect /connector/input to /pipeline/all;
  connect /pipeline/all to /connector/output;
end;
deploy flow onward;
"#
    )
}

const PASS: &str = "select event from in into out";

fn place(more: &str, content: &str) -> Place {
    let place = Place::with("f.troy", &flow(more, PASS));
    place.write("in.jsonl", content);
    place
}

/// A run that goes on for ever, and is killed at the end of the test.
struct Following(Child);

impl Following {
    fn start(place: &Place) -> Self {
        let mut command = place.command(&["run", "f.troy"]);
        Following(command.spawn().expect("temblor runs"))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it has ended");
    }
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn text(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(name)).unwrap_or_default()
}

#[test]
fn the_next_run_reads_what_is_new() {
    let place = place("", "1\n2\n");
    place.run(&["run", "f.troy"]).exits(0);
    assert_eq!(place.read("out.jsonl"), "1\n2\n");
    place.run(&["run", "f.troy"]).exits(0);
    assert_eq!(place.read("out.jsonl"), "1\n2\n", "nothing is new");
    place.write("in.jsonl", "1\n2\n3\n4");
    let ran = place.run(&["run", "f.troy"]);
    let sum = "flow `onward`: in 2 = delivered 2 + failed 0 + dropped 0 + in flight 0\n";
    ran.fails(0, sum);
    assert_eq!(place.read("out.jsonl"), "1\n2\n3\n4\n");
}

#[test]
fn a_run_with_windows_that_do_not_fill_ends_too() {
    let window = "define window two from tumbling with size = 2 end; \
                  select aggr::stats::sum(event) from in[two] into out";
    let place = Place::with("f.troy", &flow("", window));
    place.write("in.jsonl", "1\n2\n3\n");
    place.run(&["run", "f.troy"]).exits(0);
    assert!(place.read("out.jsonl").starts_with('3'));
    let ran = place.run(&["run", "f.troy"]);
    assert!(ran.err.contains(": in 0 = "), "{}", ran.err);
}

#[test]
fn a_killed_run_loses_nothing_and_hands_its_place_to_the_next() {
    let place = place(", \"follow\": true", "1\n2\n");
    let first = Following::start(&place);
    wait_until("events arrive", || text(&place, "out.jsonl") == "1\n2\n");
    wait_until("the position is written", || {
        text(&place, "position").contains("\"offset\":4,")
    });
    let second = place.run(&["run", "f.troy"]);
    let pid = first.0.id();
    second.says(3, &[&format!("is in use by process {pid}\n"), "help: "]);
    drop(first);
    // Half an event, as a process leaves it that is killed while it writes.
    place.write("out.jsonl", "1\n2\n{\"hal");
    place.write("in.jsonl", "1\n2\n3\n");
    let _third = Following::start(&place);
    wait_until("only what is new arrives", || {
        text(&place, "out.jsonl") == "1\n2\n3\n"
    });
}

#[test]
fn what_fails_is_skipped_or_ends_the_run_in_front_of_it() {
    let bad = "{\"a\":1}\nnope\n{\"a\":2}\n";
    let skips = place(", \"on_failed\": \"skip\"", bad);
    skips.run(&["run", "f.troy"]).exits(0);
    assert_eq!(skips.read("out.jsonl"), "{\"a\":1}\n{\"a\":2}\n");
    let stops = place(", \"on_failed\": \"stop\"", bad);
    for _ in 0..2 {
        let ran = stops.run(&["run", "f.troy"]);
        let expected = [
            "`in.jsonl`: events failed from byte 0 on\n",
            "help: remove the reason",
        ];
        ran.says(1, &expected);
    }
}

#[test]
fn a_damaged_position_starts_nothing() {
    let place = place("", "1\n");
    place.run(&["run", "f.troy"]).exits(0);
    let good = place.read("position");
    place.write("position", good.replace("\"offset\":2", "\"offset\":0"));
    let ran: Ran = place.run(&["run", "f.troy"]);
    let expected = [
        "the position `position` is damaged: its checksum is wrong\n",
        "help: remove it",
    ];
    ran.says(3, &expected);
    assert_eq!(place.read("out.jsonl"), "1\n");
}
