//! `temblor run`: flows run, and end as they should.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::{COPY, Place, Ran};

/// A flow that writes a line every millisecond, for ever.
const TICKS: &str = r#"define flow ticks
flow
  define connector clock from metronome with config = { "interval_ms": 1 } end;
  define connector console from stdio
  with
    codec = "json",
    postprocessors = ["separate"],
    config = {}
  end;
  define pipeline all pipeline select event from in into out end;
  create connector clock;
  create connector console;
  create pipeline all;
  connect /connector/clock to /pipeline/all;
  connect /pipeline/all to /connector/console;
end;
deploy flow ticks;
"#;

#[test]
fn a_flow_runs_to_its_end_and_the_sum_adds_up() {
    let place = Place::with("f.troy", COPY);
    place.write("in.txt", "a\nbb\nccc\n");
    let ran = place.run(&["run", "f.troy"]);
    let sum =
        "flow `sieve`: in 3 = delivered 2 + failed 0 + dropped 1 (filtered 1) + in flight 0\n";
    ran.fails(0, sum);
    assert_eq!(place.read("out.txt"), "bb\nccc\n");
    place.run(&["run", "f.troy", "--quiet"]).fails(0, "");
}

#[test]
fn connectors_run_in_the_link_mode_that_was_asked_for() {
    let place = Place::with("f.troy", COPY);
    place.write("in.txt", "bb\nccc\n");
    for mode in ["native", "abi"] {
        place.write("out.txt", "");
        place
            .run(&["run", "f.troy", "--link", &format!("file={mode}")])
            .exits(0);
        assert_eq!(place.read("out.txt"), "bb\nccc\n", "{mode}");
    }
    let ran = place.run(&["run", "f.troy", "--link", "file=dylib"]);
    ran.says(
        2,
        &[
            "connector `file` is not available as plugin",
            "help: list a plugin",
        ],
    );
    let ran = place.run(&["run", "f.troy", "--link", "fil=abi"]);
    ran.says(2, &["a link mode is set for `fil`", "did you mean `file`?"]);
}

#[test]
fn values_can_be_set_from_outside() {
    let place = Place::with("f.troy", COPY);
    place.write("other.txt", "c\n");
    place
        .run(&["run", "f.troy", "--set", "input.path=other.txt"])
        .exits(0);
    assert_eq!(place.read("out.txt"), "c\n");
    let ran = place.run(&["run", "f.troy", "--set", "inptu.path=x"]);
    ran.fails(
        2,
        "error: `--set inptu.path`: no flow has a connector `inptu`\n\
         help: did you mean `input`?\n",
    );
    let ran = place.run(&["run", "f.troy", "--set", "input.mode=raed"]);
    ran.says(
        2,
        &[
            "error: `--set input.mode=\"raed\"`: `mode` of connector",
            "did you mean `read`?",
        ],
    );
}

#[test]
fn a_wrong_program_is_not_started() {
    let place = Place::with("f.troy", &COPY.replace("\"truncate\"", "\"truncat\""));
    place.write("in.txt", "b\n");
    place.write("out.txt", "old");
    place
        .run(&["run", "f.troy"])
        .says(2, &["f.troy:13:43", "did you mean `truncate`?"]);
    assert_eq!(place.read("out.txt"), "old");
    place.write("g.troy", COPY.replace("deploy flow sieve;", ""));
    let ran = place.run(&["run", "g.troy"]);
    ran.says(
        2,
        &["error: `g.troy` deploys no flow\nhelp: add a line like `deploy flow"],
    );
    place
        .run(&["run", "none.troy"])
        .says(2, &["error: `none.troy` cannot be read"]);
}

#[test]
fn a_connector_that_cannot_start_has_exit_code_3() {
    let place = Place::with("f.troy", COPY);
    let ran = place.run(&["run", "f.troy"]);
    ran.says(3, &["`input`", "in.txt", "--> f.troy:19:3"]);
}

#[test]
fn a_connector_that_fails_has_exit_code_1() {
    let text = COPY.replace(
        "\"out.txt\", \"mode\": \"truncate\"",
        "\"/dev/full\", \"mode\": \"write\"",
    );
    let place = Place::with("f.troy", &text);
    place.write("in.txt", "bb\n");
    let ran = place.run(&["run", "f.troy"]);
    ran.says(
        1,
        &["error: connector `output` (`file`, native) of flow `sieve` failed: "],
    );
    ran.says(
        1,
        &["in 1 = delivered 0 + failed 1 + dropped 0 + in flight 0"],
    );
}

/// Starts a flow and waits until its first line has come.
fn start(place: &Place, arguments: &[&str]) -> (Child, impl BufRead + use<>) {
    let mut child = place
        .command(&[&["run"], arguments].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("temblor starts");
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line comes");
    assert_ne!(line, "", "the flow has ended");
    (child, out)
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn a_signal_drains() {
    let place = Place::with("f.troy", TICKS);
    for name in ["INT", "TERM"] {
        let (child, mut out) = start(&place, &["f.troy"]);
        signal(&child, name);
        // What is read here cannot keep the flow from draining.
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("the output ends");
        let ran = Ran::of(child.wait_with_output().expect("it ends"));
        ran.says(
            0,
            &[
                "flow `ticks`: in ",
                " + failed 0 + dropped 0 + in flight 0\n",
            ],
        );
    }
}

#[test]
fn a_signal_that_comes_twice_at_once_counts_once() {
    let place = Place::with("f.troy", TICKS);
    let (child, _out) = start(&place, &["f.troy"]);
    // As `timeout` does it: to the program, and to its group. Different signals would be two.
    for _ in 0..3 {
        signal(&child, "TERM");
    }
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    ran.exits(0);
}

#[test]
fn a_second_signal_stops_at_once() {
    let text = TICKS.replace("from metronome", "from blaster").replace(
        "with config = { \"interval_ms\": 1 }",
        "with codec = \"string\", config = { \"file\": \"in.txt\", \"duration_s\": 1000000.0 }",
    );
    let place = Place::with("f.troy", &text);
    place.write(
        "in.txt",
        "a line that is long enough to fill a pipe soon\n".repeat(100),
    );
    // Nobody reads on, so the sink is stuck and the flow cannot drain.
    let (child, _out) = start(&place, &["f.troy"]);
    signal(&child, "INT");
    signal(&child, "TERM");
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    ran.exits(1);
}

#[test]
fn a_drain_that_takes_too_long_is_cut_short_and_says_what_is_left() {
    let text = TICKS.replace("from metronome", "from blaster").replace(
        "with config = { \"interval_ms\": 1 }",
        "with codec = \"string\", config = { \"file\": \"in.txt\", \"duration_s\": 1000000.0 }",
    );
    let place = Place::with("f.troy", &text);
    let lines = "a line that is long enough to fill a pipe soon\n".repeat(100);
    place.write("in.txt", lines);
    // Nobody reads on, so the sink is stuck and the flow cannot drain.
    let (child, _out) = start(&place, &["f.troy", "--drain-timeout", "0.2"]);
    signal(&child, "TERM");
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    let cut = "error: flow `ticks` was stopped before it had drained: ";
    ran.says(1, &[cut, " events left", " + in flight 0\n"]);
    let ran = place.run(&["run", "f.troy", "--drain-timeout=-1"]);
    ran.says(
        2,
        &["--drain-timeout", "it is no time that can be waited for"],
    );
}

#[test]
fn records_can_be_json() {
    let place = Place::with("f.troy", COPY);
    place.write("in.txt", "bb\n");
    place.write("c.toml", "[[plugin]]\npath = \"none.so\"\n");
    let arguments = [
        "run",
        "f.troy",
        "--quiet",
        "--connectors",
        "c.toml",
        "--log-format",
        "json",
    ];
    let ran = place.run(&arguments);
    ran.exits(0);
    let record: serde_json::Value = serde_json::from_str(&ran.err).expect("a record is JSON");
    assert_eq!(record["level"], "warn");
    let message = record["message"].as_str().expect("a text");
    assert!(
        message.contains("none.so` is refused: there is no such file"),
        "{message}"
    );
    place
        .run(&[&arguments[..], &["--log-level", "error"]].concat())
        .fails(0, "");
}
