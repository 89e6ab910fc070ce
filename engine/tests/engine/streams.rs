//! Streams: codec and processors keep what they know stream by stream, finish with the stream, and forget a stream that
//! broke off; replies go back the same way.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value as Json, json};
use temblor::{ConnectorState, FlowReport};
use temblor_pdk::{ANONYMOUS_STREAM, Fate, StreamEnd};

use crate::connectors::{lock, probe};
use crate::support::{all, builder, coded, counts, ended, start, text, until};
use crate::talker::{Step, alive, talk};
use Fate::{Acked, Failed};

/// What came of the steps: the report, the events, the records of failures, what the source was told, by pull.
struct Ran {
    report: FlowReport,
    events: Vec<String>,
    failures: Vec<Json>,
    fates: Vec<Fate>,
}

const PAIRS: &str = "codec = \"t_count\", preprocessors = [\"t_pairs\"]";

fn run(name: &str, steps: &[Step], decoder: &str) -> Ran {
    lock(&talk(name).steps).extend_from_slice(steps);
    let (mut builder, _) = builder();
    let (events, errors) = (builder.output("events"), builder.output("errors"));
    let engine = builder.build().unwrap();
    let source = coded("s", "t_talk", &json!({ "name": name }), decoder);
    let connectors = [&source, "events from events", "errors from errors"];
    let links = [
        "connector/s -> connector/events",
        "connector/s/err -> connector/errors",
    ];
    let flow = start(&engine, &text(&connectors, &[], &links));
    let reader = std::thread::spawn(move || all(&events));
    let failures = all(&errors);
    let events = reader.join().unwrap();
    let report = ended(&flow);
    let mut fates = Vec::new();
    for range in lock(&talk(name).fates).iter() {
        let pulls = range.first_pull..=range.last_pull;
        fates.extend(pulls.map(|_| range.fate));
    }
    Ran {
        report,
        events,
        failures: failures
            .iter()
            .map(|f| serde_json::from_str(f).unwrap())
            .collect(),
        fates,
    }
}

#[test]
fn streams_are_kept_apart() {
    let steps = [
        Step::Bytes(1, "ab", None),
        Step::Bytes(2, "x", None),
        Step::Bytes(1, "c", None),
        Step::Bytes(2, "yz", None),
        Step::Bytes(1, "def", None),
    ];
    let mut ran = run("apart", &steps, PAIRS);
    // What is left at the end of the flow comes last, in whatever order.
    ran.events.sort();
    assert_eq!(
        ran.events,
        [r#""1ab""#, r#""1xy""#, r#""2cd""#, r#""2z""#, r#""3ef""#]
    );
    assert_eq!(ran.fates, [Acked; 5]);
}

#[test]
fn the_end_of_a_stream_hands_over_what_is_kept_and_forgets_it() {
    let steps = [
        Step::Bytes(1, "abc", None),
        Step::Bytes(1, "de", Some(StreamEnd::Ended)),
        Step::Bytes(1, "f", None),
        Step::End(1, StreamEnd::Ended),
        Step::End(7, StreamEnd::Ended),
    ];
    let ran = run("ends", &steps, PAIRS);
    assert_eq!(ran.events, [r#""1ab""#, r#""2cd""#, r#""3e""#, r#""1f""#]);
    assert_eq!(ran.fates, [Acked; 5]);
    assert_eq!(counts(&ran.report), [4, 4, 0, 0, 0, 0]);
}

#[test]
fn what_a_broken_stream_kept_is_dropped_and_told() {
    let steps = [
        Step::Bytes(1, "abc", None),
        Step::Bytes(2, "xy", None),
        Step::Bytes(1, "", Some(StreamEnd::Failed)),
        Step::Bytes(1, "fg", Some(StreamEnd::Failed)),
        Step::Bytes(2, "z", Some(StreamEnd::Failed)),
    ];
    let ran = run("breaks", &steps, PAIRS);
    assert_eq!(ran.events, [r#""1ab""#, r#""1xy""#, r#""1fg""#]);
    // The pull in which the frame began fails, and so does the one that counts it.
    assert_eq!(ran.fates, [Failed, Acked, Failed, Acked, Failed]);
    assert_eq!(counts(&ran.report), [5, 3, 2, 0, 0, 0]);
    let errors: Vec<_> = ran
        .failures
        .iter()
        .map(|f| (&f["offset"], f["error"].as_str().unwrap()))
        .collect();
    assert_eq!((errors[0].0, errors[1].0), (&json!(2), &json!(2)));
    assert!(
        errors[0]
            .1
            .contains("broke off within a frame; the 1 bytes"),
        "{}",
        errors[0].1
    );
}

#[test]
fn what_a_broken_stream_kept_can_be_dropped() {
    let steps = [
        Step::Bytes(1, "abc", None),
        Step::Bytes(1, "", Some(StreamEnd::Failed)),
        Step::Bytes(2, "xyz", Some(StreamEnd::Failed)),
    ];
    let policy = format!("{PAIRS}, on_failure = \"drop\"");
    let ran = run("breaks_dropped", &steps, &policy);
    assert_eq!(ran.events, [r#""1ab""#, r#""1xy""#]);
    assert_eq!(ran.fates, [Acked; 3]);
    assert_eq!(counts(&ran.report), [4, 2, 0, 0, 0, 0]);
    assert_eq!((ran.report.counts.refused, ran.failures.len()), (2, 2));
}

#[test]
fn half_a_frame_of_a_connection_that_was_lost_is_no_event_when_the_flow_drains() {
    let (mut builder, _) = builder();
    let events = builder.output("events");
    let engine = builder.build().unwrap();
    let peer = probe("half");
    peer.open.store(true, Ordering::SeqCst);
    peer.feed(&[b"whole\nhal"]);
    let config = json!({ "probe": "half", "then": "gate" });
    let more = "codec = \"string\", preprocessors = [\"separate\"]";
    let source = coded("s", "t_pieces", &config, more);
    let links = ["connector/s -> connector/events"];
    let flow = start(
        &engine,
        &text(&[&source, "events from events"], &[], &links),
    );
    until("the connection is lost", || {
        flow.report().connectors[0].state == ConnectorState::Connecting
    });
    flow.drain();
    assert_eq!(all(&events), [r#""whole""#]);
    assert_eq!(counts(&ended(&flow)), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn messages_without_a_stream_begin_anew_each() {
    let steps = [Step::Messages(&["abc", "d", "ef"]), Step::Messages(&["g"])];
    let ran = run("messages", &steps, PAIRS);
    assert_eq!(
        ran.events,
        [r#""1ab""#, r#""2c""#, r#""1d""#, r#""1ef""#, r#""1g""#]
    );
    assert_eq!(ran.fates, [Acked; 2]);
    assert_eq!(counts(&ran.report), [5, 5, 0, 0, 0, 0]);
}

#[test]
fn messages_that_cannot_be_decoded_fail_alone() {
    let steps = [
        Step::Messages(&["{\"n\":1}\n{", "x", "2"]),
        Step::Messages(&["3"]),
    ];
    let decoder = "codec = \"json\", preprocessors = [\"separate\"]";
    let ran = run("bad_messages", &steps, decoder);
    assert_eq!(ran.events, [r#"{"n":1}"#, "2", "3"]);
    // The first two messages; the other range reaches from the third into the next pull.
    assert_eq!(ran.fates, [Failed, Acked, Acked]);
    assert_eq!(counts(&ran.report), [5, 3, 2, 0, 0, 0]);
    let offsets: Vec<_> = ran
        .failures
        .iter()
        .map(|f| f["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [8, 0]);
}

#[test]
fn nothing_is_kept_of_streams_that_have_ended() {
    let mut steps = Vec::new();
    for stream in 1..=500 {
        let end = [StreamEnd::Ended, StreamEnd::Failed][stream as usize % 2];
        steps.push(Step::Bytes(stream, "abc", None));
        steps.push(Step::Bytes(stream, "d", Some(end)));
        steps.push(Step::Messages(&["ab"]));
    }
    let named =
        |kind: &str| format!("{{\"name\": \"{kind}\", \"config\": {{\"name\": \"kept\"}}}}");
    let decoder = format!(
        "codec = {}, preprocessors = [{}]",
        named("t_count"),
        named("t_pairs")
    );
    let most = Arc::new(AtomicI64::new(0));
    let watched = {
        let (alive, most) = (alive("kept"), Arc::clone(&most));
        std::thread::spawn(move || {
            for _ in 0..2_000 {
                most.fetch_max(alive.load(Ordering::SeqCst), Ordering::SeqCst);
                std::thread::yield_now();
            }
        })
    };
    let ran = run("kept", &steps, &decoder);
    watched.join().unwrap();
    assert_eq!(counts(&ran.report)[..2], [1_500, 1_500]);
    // One stream, one message, and what was made while the flow was checked.
    assert!(most.load(Ordering::SeqCst) <= 8, "{most:?}");
    assert_eq!(alive("kept").load(Ordering::SeqCst), 0);
}

/// Sends what came from `t_talk` back to it.
fn echo(name: &str, steps: &[Step]) -> HashMap<u64, String> {
    lock(&talk(name).steps).extend_from_slice(steps);
    let (builder, _) = builder();
    let engine = builder.build().unwrap();
    let more = "codec = \"t_count\", preprocessors = [\"separate\"], postprocessors = [\"t_sum\"]";
    let both = coded("s", "t_talk", &json!({ "name": name }), more);
    let flow = start(
        &engine,
        &text(&[&both], &[], &["connector/s -> connector/s"]),
    );
    ended(&flow);
    lock(&talk(name).replies).clone()
}

#[test]
fn replies_are_encoded_stream_by_stream_and_end_with_it() {
    let replies = echo(
        "echo",
        &[
            Step::Bytes(1, "a\n", None),
            Step::Bytes(2, "x\n", None),
            Step::Bytes(1, "b\nc", Some(StreamEnd::Ended)),
            Step::Bytes(3, "k\nlost", Some(StreamEnd::Failed)),
            Step::Bytes(2, "y\n", None),
            Step::Messages(&["m\nn"]),
        ],
    );
    assert_eq!(replies[&1], "1:1a 2:2b 3:3c =3|");
    assert_eq!(replies[&2], "1:1x 2:2y =2|");
    assert_eq!(replies[&3], "1:1k =1|");
    // Each reply to a message begins and ends with itself.
    assert_eq!(replies[&ANONYMOUS_STREAM], "1:1m =11:2n =1");
}
