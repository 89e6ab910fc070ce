//! `temblor dlq`: dead letters shown and sent again.

use serde_json::{Value, json};

use crate::Place;

/// A flow that reads JSON lines, halves `n`, and keeps what fails.
fn flow(divisor: &str, dead: &str) -> String {
    format!(
        r#"define flow halves
flow
  define connector input from file
  with
    codec = "json",
    preprocessors = ["separate"],
    config = {{ "path": "in.jsonl", "mode": "read" }}
  end;
  define connector output from file
  with
    codec = "json",
    postprocessors = ["separate"],
    config = {{ "path": "out.jsonl", "mode": "append" }}
  end;
  define connector dead from file
  with
    codec = "json",
    postprocessors = ["separate"],
    config = {{ "path": "{dead}", "mode": "append" }}
  end;
  define pipeline half
  pipeline
    select {{ "half": 12 / {divisor} }} from in into out
  end;
  define pipeline letters
  pipeline
    select event from in into out
  end;
  create pipeline letters;
  create connector input;
  create connector output;
  create connector dead;
  create pipeline half;
  connect /connector/input to /pipeline/half;
  connect /connector/input/err to /pipeline/letters;
  connect /pipeline/half to /connector/output;
  connect /pipeline/half/err to /pipeline/letters;
  connect /pipeline/letters to /connector/dead;
end;
deploy flow halves;
"#
    )
}

/// A place where a run has left dead letters: two numbers that cannot be halved, and two lines that are no JSON.
fn place() -> Place {
    let place = Place::with("flow.troy", &flow("event.n", "dead.jsonl"));
    let lines: &[u8] = b"{\"n\":2}\n{\"n\":0}\n{\"n\":,}\n{\"n\":0,\"m\":1}\n\xff\n";
    place.write("in.jsonl", lines);
    place.run(&["run", "flow.troy"]).says(
        0,
        &["in 5 = delivered 1 + failed 4 + dropped 0 + in flight 0"],
    );
    place
}

fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("a line is JSON");
    text.lines().map(parse).collect()
}

#[test]
fn reasons_are_counted() {
    let place = place();
    let ran = place.run(&["dlq", "show", "dead.jsonl"]);
    let out = ran.exits(0);
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(&rows[0][..3], ["events", "stage", "place"]);
    assert_eq!(&rows[1][..3], ["2", "script", "halves/half"], "{out}");
    assert_eq!(&rows[2][..3], ["1", "decode", "halves/input"], "{out}");
    assert_eq!(rows.len(), 4, "{out}");
    let all = place.run(&["dlq", "show", "dead.jsonl", "--json"]).json(0);
    assert_eq!(all[0]["events"], 2);
    assert_eq!(all[0]["place"], "half");
}

#[test]
fn events_are_sent_again_from_where_they_came() {
    let place = place();
    // The program has been mended, and so has the codec.
    place.write("mended.troy", flow("(event.n + 1)", "dead.2.jsonl"));
    let ran = place.run(&["dlq", "replay", "dead.jsonl", "mended.troy"]);
    ran.says(
        1,
        &["replayed 4 of 4 event(s): delivered 2, dropped 0, failed again 2"],
    );
    let out = lines(&place.read("out.jsonl"));
    assert_eq!(
        out,
        [
            json!({ "half": 6.0 }),
            json!({ "half": 12.0 }),
            json!({ "half": 12.0 })
        ]
    );
    // What failed again has the same record, from the same source and with the bytes as they came.
    let again = lines(&place.read("dead.2.jsonl"));
    let first = lines(&place.read("dead.jsonl"));
    let decode = |records: &[Value]| -> Vec<[Value; 4]> {
        let of = records.iter().filter(|record| record["stage"] == "decode");
        of.map(|r| ["error", "connector", "source", "data"].map(|key| r[key].clone()))
            .collect()
    };
    assert_eq!(decode(&again), decode(&first));
    assert_eq!(decode(&again)[1][3], json!({ "base64": "/w==" }));
    // Nothing of the input was read again.
    assert_eq!(again.len(), 2);
}

#[test]
fn all_that_arrives_is_success() {
    let place = place();
    let dead = place.read("dead.jsonl");
    let scripts: String = dead
        .lines()
        .filter(|line| line.contains("script"))
        .map(|line| format!("{line}\n"))
        .collect();
    place.write("scripts.jsonl", format!("\n{scripts}\n"));
    place.write("mended.troy", flow("(event.n + 1)", "dead.2.jsonl"));
    let arguments = [
        "dlq",
        "replay",
        "scripts.jsonl",
        "mended.troy",
        "--connector",
        "input",
    ];
    place.run(&arguments).says(
        0,
        &["replayed 2 of 2 event(s): delivered 2, dropped 0, failed again 0"],
    );
}

#[test]
fn what_cannot_be_sent_again_is_told_before_anything_runs() {
    let place = place();
    let record = place
        .read("dead.jsonl")
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    let other = |key: &str, value: Value| {
        let mut record: Value = serde_json::from_str(&record).expect("a record");
        record[key] = value;
        format!("{record}\n")
    };
    let cases = [
        ("{\"a\":é}", "bad.jsonl:1:6: invalid JSON: "),
        (
            "{\"error\": \"x\"}",
            "bad.jsonl:1:1: no record of a failed event: it has no text `stage`",
        ),
        (
            &*other("source", json!("inputt")),
            "bad.jsonl:1:1: `flow.troy` has no source `inputt`",
        ),
        (&*other("source", Value::Null), "does not say which source"),
        (
            &*(other("flow", json!("halves")) + &other("flow", json!("b"))),
            "bad.jsonl:2:1: the record is of flow `b`",
        ),
        ("", "`bad.jsonl` holds no records"),
    ];
    for (text, expected) in cases {
        place.write("bad.jsonl", text);
        place
            .run(&["dlq", "replay", "bad.jsonl", "flow.troy"])
            .says(2, &[expected, "help: "]);
    }
    let ran = place.run(&["dlq", "replay", "bad.jsonl", "nowhere.troy"]);
    ran.says(2, &["nowhere.troy"]);
    // The flow would write into the file that is read.
    let ran = place.run(&["dlq", "replay", "dead.jsonl", "flow.troy"]);
    ran.says(
        2,
        &[
            "connector `dead` of the flow uses `dead.jsonl` itself",
            "mv dead.jsonl",
        ],
    );
    let ran = place.run(&["dlq", "show", "nowhere.jsonl"]);
    ran.says(2, &["`nowhere.jsonl` cannot be read"]);
    assert_eq!(lines(&place.read("out.jsonl")).len(), 1);
}
