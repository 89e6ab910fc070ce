//! `on_failure`: what becomes of events that a connector cannot take, of their records, and of the sum.

use serde_json::{Value, json};
use temblor::FlowReport;
use temblor_pdk::{Fate, FateRange};

use crate::connectors::probe;
use crate::support::{all, builder, ended, start, text, with};

/// The counts that policies are about: in, delivered, failed, dead-lettered, refused.
fn fates(report: &FlowReport) -> [u64; 5] {
    let c = report.counts;
    [
        c.events_in,
        c.delivered,
        c.failed,
        c.dead_lettered,
        c.refused,
    ]
}

fn is_failed(ranges: &[FateRange]) -> bool {
    ranges.iter().any(|range| range.fate == Fate::Failed)
}

/// Three pulls of two into a sink that refuses the second, and the sink's records through `letters` to an output.
/// Returns the records, the report, and whether the source was told of a failure.
fn refused(name: &str, policy: &str, letters: &str) -> (Vec<Value>, FlowReport, bool) {
    let (mut builder, _) = builder();
    let output = builder.output("o");
    let engine = builder.build().unwrap();
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": name, "pulls": [2, 2, 2] }),
    );
    let config = json!({ "probe": format!("{name}_sink"), "refuse": [2] });
    let sink = format!("k from t_taker with config = {config}{policy} end");
    let pass = "select event from in into out;";
    let links = [
        "connector/s -> pipeline/p",
        "pipeline/p -> connector/k",
        "connector/k/err -> pipeline/letters",
        "pipeline/letters -> connector/dead",
    ];
    let pipelines = [("p", pass), ("letters", letters)];
    let text = text(&[&source, &sink, "dead from o"], &pipelines, &links);
    let flow = start(&engine, &text);
    let records = all(&output);
    let report = ended(&flow);
    let records = records
        .iter()
        .map(|line| serde_json::from_str(line).unwrap());
    (records.collect(), report, is_failed(&probe(name).fates()))
}

const PASS: &str = "select event from in into out;";

#[test]
fn by_default_refused_events_fail_and_leave_a_record() {
    for (name, policy) in [
        ("refused_plain", ""),
        ("refused_fail", ", on_failure = \"fail\""),
    ] {
        let (records, report, told) = refused(name, policy, PASS);
        assert_eq!((fates(&report), told), ([6, 4, 2, 0, 0], true));
        assert_eq!(records.len(), 2);
        let record = &records[0];
        assert!(record["error"].as_str().unwrap().contains("refused [2, 3]"));
        assert_eq!(record["stage"], "write");
        assert_eq!(record["connector"], "k");
        assert_eq!(record["source"], "s");
        assert_eq!(record["data"], json!({ "n": 2 }));
        assert_eq!(record["id"]["pull"], 1);
    }
}

#[test]
fn refused_events_can_be_dropped() {
    let (records, report, told) = refused("refused_drop", ", on_failure = \"drop\"", PASS);
    assert_eq!((fates(&report), told), ([6, 4, 0, 0, 2], false));
    assert_eq!(report.counts.dropped(), 2);
    assert_eq!(records.len(), 2);
}

#[test]
fn a_record_can_take_the_place_of_its_event() {
    let policy = ", on_failure = \"dead_letter\"";
    let (records, report, told) = refused("refused_letter", policy, PASS);
    assert_eq!((fates(&report), told), ([6, 4, 0, 2, 0], false));
    assert_eq!(records.len(), 2);
    // A record that fails fails its event.
    let half = "select { \"n\": 6 / (event.data.n - 2) } from in into out;";
    let (records, report, told) = refused("refused_twice", policy, half);
    assert_eq!((fates(&report), told), ([6, 4, 1, 1, 0], true));
    assert_eq!(records, [json!({ "n": 6.0 })]);
    // One that is left out leaves the event filtered.
    let none = "select event from in where event.data.n == 3 into out;";
    let (_, report, told) = refused("refused_filtered", policy, none);
    assert_eq!((fates(&report), told), ([6, 4, 0, 1, 0], false));
    assert_eq!(report.counts.filtered, 1);
}

/// Lines, of which one is no JSON and spans two pulls, from a source with a policy.
fn undecoded(name: &str, policy: &str) -> (Vec<Value>, FlowReport, Vec<FateRange>) {
    let (mut builder, _) = builder();
    let output = builder.output("o");
    let engine = builder.build().unwrap();
    probe(name).feed(&[b"{\"n\":0}\n{\"n\":", b"oops}\n{\"n\":2}\n", b"{\"n\":3}\n"]);
    let config = json!({ "probe": name });
    let source = format!(
        "s from t_pieces with config = {config}, codec = \"json\", preprocessors = [\"separate\"]{policy} end"
    );
    let sink = with("k", "t_taker", &json!({ "probe": format!("{name}_sink") }));
    let links = [
        "connector/s -> pipeline/p",
        "pipeline/p -> connector/k",
        "connector/s/err -> pipeline/letters",
        "pipeline/letters -> connector/dead",
    ];
    let pipelines = [("p", PASS), ("letters", PASS)];
    let text = text(&[&source, &sink, "dead from o"], &pipelines, &links);
    let flow = start(&engine, &text);
    let records = all(&output);
    let report = ended(&flow);
    let records = records
        .iter()
        .map(|line| serde_json::from_str(line).unwrap());
    (records.collect(), report, probe(name).fates())
}

#[test]
fn sources_say_what_becomes_of_what_cannot_be_decoded() {
    for (policy, counts, told) in [
        ("", [4, 3, 1, 0, 0], true),
        (", on_failure = \"drop\"", [4, 3, 0, 0, 1], false),
        (", on_failure = \"dead_letter\"", [4, 3, 0, 1, 0], false),
    ] {
        let name = format!("undecoded{}", policy.len());
        let (records, report, ranges) = undecoded(&name, policy);
        assert_eq!(
            (fates(&report), is_failed(&ranges)),
            (counts, told),
            "{policy}"
        );
        assert_eq!(records.len(), 1);
        assert_eq!(records[0]["data"], "{\"n\":oops}");
    }
}

/// Lines of which one is longer than a preprocessor takes, begins in one pull and ends in the next.
fn too_long(name: &str, policy: &str) -> (Vec<Value>, FlowReport, Vec<FateRange>) {
    let (mut builder, _) = builder();
    let output = builder.output("o");
    let engine = builder.build().unwrap();
    probe(name).feed(&[
        b"{\"n\":0}\n{\"n\":11",
        b"11111}\n{\"n\":2}\n",
        b"{\"n\":3}\n",
    ]);
    let config = json!({ "probe": name });
    let lines = "[{\"name\": \"separate\", \"config\": {\"max_length\": 8}}]";
    let source = format!(
        "s from t_pieces with config = {config}, codec = \"json\", preprocessors = {lines}{policy} end"
    );
    let sink = with("k", "t_taker", &json!({ "probe": format!("{name}_sink") }));
    let links = [
        "connector/s -> connector/k",
        "connector/s/err -> connector/dead",
    ];
    let text = text(&[&source, &sink, "dead from o"], &[], &links);
    let flow = start(&engine, &text);
    let records = all(&output);
    let report = ended(&flow);
    let records = records
        .iter()
        .map(|line| serde_json::from_str(line).unwrap());
    (records.collect(), report, probe(name).fates())
}

#[test]
fn the_policy_is_that_of_frames_that_span_pulls_and_never_came_to_the_codec_too() {
    for (policy, counts, told) in [
        ("", [4, 3, 1, 0, 0], true),
        (", on_failure = \"drop\"", [4, 3, 0, 0, 1], false),
        (", on_failure = \"dead_letter\"", [4, 3, 0, 1, 0], false),
    ] {
        let name = format!("too_long{}", policy.len());
        let (records, report, ranges) = too_long(&name, policy);
        assert_eq!(
            (fates(&report), is_failed(&ranges)),
            (counts, told),
            "{policy}: {ranges:?}"
        );
        assert_eq!(records.len(), 1);
        assert_eq!(records[0]["offset"], 8, "{records:?}");
    }
}
