//! A connector that holds its worker up: named, and replaced by a substitute.

use serde_json::json;
use temblor_pdk::OwnedValue;

use crate::support::{builder, ended, logged, start, text, until, with};

#[test]
fn a_blocked_worker_is_named_and_others_go_on() {
    let (mut builder, records) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.workers(1).build().unwrap();
    let stuck = crate::connectors::probe("blocks");
    let numbers = json!({ "probe": "blocks", "then": "until_open" });
    let blocked = start(
        &engine,
        &text(
            &[
                &with("blocker", "t_numbers", &numbers),
                &with("a", "t_taker", &json!({ "probe": "blocks_sink" })),
            ],
            &[],
            &["connector/blocker -> connector/a"],
        ),
    );
    until("it blocks", || {
        stuck.pulls.load(std::sync::atomic::Ordering::SeqCst) == 1
    });
    let flow = start(
        &engine,
        &text(
            &["i from i", "o from o"],
            &[],
            &["connector/i -> connector/o"],
        ),
    );
    // The only worker is stuck all the while.
    for n in 0..100_i64 {
        input.send(OwnedValue::from(n)).unwrap();
        assert_eq!(output.receive().unwrap().len(), 1);
    }
    let named = |connector| logged(&records, connector, "a poll takes longer than 100 ms");
    assert!(named("main/blocker") || named("blocker"), "{records:?}");
    stuck.open.store(true, std::sync::atomic::Ordering::SeqCst);
    ended(&blocked);
    // The substitute has taken over; the other one is gone.
    for n in 0..100_i64 {
        input.send(OwnedValue::from(n)).unwrap();
        assert_eq!(output.receive().unwrap().len(), 1);
    }
    drop(input);
    ended(&flow);
}
