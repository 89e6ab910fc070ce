//! `--state-dir`: where states that are kept by lane are stored.

use crate::Place;

const FLOW: &str = r#"define flow main
flow
  define connector input from file
  with
    codec = "json",
    preprocessors = ["separate"],
    config = { "path": "in.jsonl", "mode": "read" }
  end;
  define connector output from `null`;
  define pipeline counts
  pipeline
    #!config state = "lane"
    select event from in into out
  end;
  create connector input;
  create connector output;
  create pipeline counts;
  connect /connector/input to /pipeline/counts;
  connect /pipeline/counts to /connector/output;
end;
deploy flow main;
"#;

#[test]
fn a_place_that_cannot_be_one_is_named() {
    let plain = FLOW.replace("#!config state = \"lane\"\n", "");
    let place = Place::with("f.troy", &plain);
    place.write("in.jsonl", "1\n");
    place.write("file", "");
    let ran = place.run(&["run", "f.troy", "--state-dir", "file/states"]);
    ran.says(
        3,
        &[
            "error: `--state-dir`: cannot store states in `file/states`: ",
            "; name a directory that can be written to",
        ],
    );
    let ran = place.run(&["run", "f.troy", "--state-dir", "a/b"]);
    ran.says(0, &[]);
    place.write("q.trickle", "select event from in into out");
    let ran = place.run(&["run", "q.trickle", "--state-dir", "a"]);
    ran.says(2, &["error: `--state-dir` is for flows", "has no lanes"]);
}

#[test]
fn a_source_without_lanes_is_found_by_check_and_by_run() {
    let place = Place::with("f.troy", FLOW);
    place.write("in.jsonl", "1\n");
    let texts = [
        "pipeline `counts` cannot keep its state by lane: connector `input` (`file`) has no lanes",
        "f.troy:17",
        "create pipeline counts",
        "such as `kafka_consumer`",
    ];
    place.run(&["check", "f.troy"]).says(2, &texts);
    place
        .run(&["run", "f.troy", "--state-dir", "states"])
        .says(2, &texts);
}
