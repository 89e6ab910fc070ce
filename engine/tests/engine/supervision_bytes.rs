//! Lost connections of sinks of bytes: whoever is at the other end of the next one knows nothing of what went before.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::connectors::lock;
use crate::flaky::{Act, World, world};
use crate::support::{builder, coded, counts, ended, start, text, until};

fn sent(world: &Arc<World>) -> Vec<String> {
    lock(&world.sent).clone()
}

#[test]
fn a_sink_that_is_away_and_has_nothing_to_write_does_not_hold_up_the_end() {
    let (mut builder, _) = builder();
    let input = builder.input("input");
    let engine = builder.build().unwrap();
    let sink = world("away");
    sink.is_down.store(true, Ordering::SeqCst);
    let more = "codec = \"t_count\", reconnect = {\"retry\": {\"interval_ms\": 1}}";
    let to = coded("a", "t_flaky_bytes", &json!({ "world": "away" }), more);
    let links = ["connector/s -> connector/a"];
    let flow = start(&engine, &text(&["s from input", &to], &[], &links));
    drop(input);
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok() && !report.stopped, "{report:?}");
}

#[test]
fn codec_and_postprocessors_begin_anew_with_a_connection() {
    let (mut builder, _) = builder();
    let input = builder.input("input");
    let engine = builder.build().unwrap();
    let sink = world("anew");
    let more = "codec = \"t_count\", postprocessors = [\"t_sum\"], \
                reconnect = {\"retry\": {\"interval_ms\": 1}}";
    let to = coded("a", "t_flaky_bytes", &json!({ "world": "anew" }), more);
    let links = ["connector/s -> connector/a"];
    let flow = start(&engine, &text(&["s from input", &to], &[], &links));
    for text in ["a", "b"] {
        input.send(text.to_owned().into()).unwrap();
        until("it is written", || {
            sent(&sink).last().is_some_and(|sent| sent.contains(text))
        });
    }
    sink.act("write", [Act::Lost]);
    input.send("c".to_owned().into()).unwrap();
    until("it is written to the next connection", || {
        sent(&sink).last().is_some_and(|sent| sent.contains('c'))
    });
    drop(input);
    assert_eq!(counts(&ended(&flow)), [3, 3, 0, 0, 0, 0]);
    assert_eq!(sent(&sink), ["1:a 2:b ", "1:c =1"]);
}
