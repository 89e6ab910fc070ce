//! Log records: of many alike, a few are shown and the rest is counted.

use std::time::Instant;

use serde_json::json;

use crate::connectors::probe;
use crate::support::{coded, ended, engine, start, text, with};

#[test]
fn bad_input_does_not_flood_the_log() {
    let (engine, records) = engine();
    let probe = probe("flood");
    let bad: Vec<Vec<u8>> = (0..3000).map(|n| format!("{{{n}\n").into_bytes()).collect();
    let bad: Vec<&[u8]> = bad.iter().map(Vec::as_slice).collect();
    probe.feed(&bad);
    let lines = "codec = \"json\", preprocessors = [\"separate\"]";
    let source = coded("s", "t_pieces", &json!({ "probe": "flood" }), lines);
    let sink = with("a", "t_taker", &json!({ "probe": "flood_sink" }));
    let began = Instant::now();
    let flow = start(
        &engine,
        &text(&[&source, &sink], &[], &["connector/s -> connector/a"]),
    );
    let report = ended(&flow);
    assert_eq!(report.counts.failed, 3000);
    drop(engine);
    let records = records.lock().unwrap();
    let about = records.iter().filter(|(_, connector, message)| {
        connector.as_deref() == Some("s") && message.contains("cannot decode")
    });
    let (mut shown, mut left_out) = (0, 0);
    for (_, _, message) in about {
        match message.split_once(" more like this: ") {
            Some((count, first)) => {
                assert!(first.starts_with("cannot decode 1 event(s), the first: "));
                left_out += count.parse::<usize>().unwrap();
            }
            None => shown += 1,
        }
    }
    // Every record is there or counted.
    assert_eq!(shown + left_out, 3000);
    let seconds = began.elapsed().as_secs() as usize + 1;
    assert!(shown <= 10 * seconds, "{shown} in {seconds} s");
    let counted = report.connectors[0].numbers.decode_errors;
    assert_eq!(counted, 3000);
}

#[test]
fn others_are_heard_during_a_flood() {
    let (engine, records) = engine();
    for (name, pieces) in [("loud", 500), ("quiet", 1)] {
        let probe = probe(name);
        (0..pieces).for_each(|_| probe.feed(&[b"{\n"]));
    }
    let lines = "codec = \"json\", preprocessors = [\"separate\"]";
    let loud = coded("loud", "t_pieces", &json!({ "probe": "loud" }), lines);
    let quiet = coded("quiet", "t_pieces", &json!({ "probe": "quiet" }), lines);
    let sink = with("a", "t_taker", &json!({ "probe": "heard_sink" }));
    let links = [
        "connector/loud -> connector/a",
        "connector/quiet -> connector/a",
    ];
    let flow = start(&engine, &text(&[&loud, &quiet, &sink], &[], &links));
    ended(&flow);
    let records = records.lock().unwrap();
    let heard = records.iter().any(|(_, connector, message)| {
        connector.as_deref() == Some("quiet") && message.contains("cannot decode 1 event(s)")
    });
    assert!(heard);
}
