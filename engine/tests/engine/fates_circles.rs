//! Pipelines that feed each other: everything ends, nothing waits for itself, and every event has a fate.

use serde_json::json;
use temblor::{FlowReport, QueueLimits};
use temblor_pdk::Fate;

use crate::connectors::{lock, probe};
use crate::fates::fates_of;
use crate::support::{all, builder, counts, ended, logged, start, text, until, with};

const PASS: &str = "select event from in into out;";

/// Sends an event round until it is 0.
const COUNT_DOWN: &str = "select { \"n\": event.n - 1 } from in where event.n > 0 into again;
    select event from in where event.n == 0 into out;";

const ROUND: [&str; 4] = [
    "connector/s -> pipeline/p",
    "pipeline/p -> pipeline/q",
    "pipeline/q/again -> pipeline/p",
    "pipeline/q -> connector/k",
];

/// Runs `t_numbers` through a circle of `p` and `q`; returns the report and what arrived.
fn run(name: &str, sizes: &[u64], p: &str, q: &str) -> (FlowReport, Vec<i64>, Vec<Fate>) {
    let (builder, _) = builder();
    // Little room, so that whoever waits for himself would wait for ever.
    let limits = QueueLimits {
        parcels: 2,
        ..QueueLimits::default()
    };
    let engine = builder.queue_limits(limits).build().unwrap();
    let source = with("s", "t_numbers", &json!({ "probe": name, "pulls": sizes }));
    let sink = format!("{name}_sink");
    let taker = with("k", "t_taker", &json!({ "probe": sink }));
    let pipelines = [("p", p), ("q into out, err, again", q)];
    let flow = start(&engine, &text(&[&source, &taker], &pipelines, &ROUND));
    let report = ended(&flow);
    let fates = fates_of(&probe(name).fates(), sizes);
    (report, probe(&sink).numbers(), fates)
}

#[test]
fn events_go_round_until_they_are_done() {
    // 0 to 799 times round, in pulls of different sizes.
    let sizes: Vec<u64> = (0..80).map(|at| 1 + at % 19).collect();
    let total: u64 = sizes.iter().sum();
    let (report, numbers, fates) = run("round", &sizes, PASS, COUNT_DOWN);
    assert_eq!(counts(&report), [total, total, 0, 0, 0, 0]);
    assert_eq!(numbers, vec![0; total as usize]);
    assert!(fates.iter().all(|fate| *fate == Fate::Acked));
}

#[test]
fn events_that_go_round_for_ever_fail() {
    let endless = "select event from in where event.n == 1 into again;
         select event from in where event.n != 1 into out;";
    let (report, numbers, fates) = run("endless", &[3, 2], PASS, endless);
    assert_eq!(counts(&report), [5, 4, 1, 0, 0, 0]);
    assert_eq!(numbers, [0, 2, 3, 4]);
    let (a, f) = (Fate::Acked, Fate::Failed);
    assert_eq!(fates, [a, f, a, a, a]);
}

#[test]
fn events_that_multiply_are_bounded() {
    let two = "select event from in into again; select event from in into again;
         select event from in into out;";
    let (report, numbers, _) = run("multiply", &[2, 2], PASS, two);
    // Each failed on one of its ways, though it arrived on others.
    assert_eq!(counts(&report), [4, 0, 4, 0, 0, 0]);
    assert!(!numbers.is_empty());
}

#[test]
fn a_pipeline_can_feed_itself() {
    let (builder, _) = builder();
    let engine = builder.build().unwrap();
    let source = with("s", "t_numbers", &json!({ "probe": "self", "pulls": [30] }));
    let taker = with("k", "t_taker", &json!({ "probe": "self_sink" }));
    let text = text(
        &[&source, &taker],
        &[("p into out, again", COUNT_DOWN)],
        &[
            "connector/s -> pipeline/p",
            "pipeline/p/again -> pipeline/p",
            "pipeline/p -> connector/k",
        ],
    );
    let report = ended(&start(&engine, &text));
    assert_eq!(counts(&report), [30, 30, 0, 0, 0, 0]);
    assert_eq!(probe("self_sink").numbers(), [0; 30]);
}

#[test]
fn a_slow_sink_slows_a_circle_down_and_loses_nothing() {
    let (mut builder, _) = builder();
    let output = builder.output("o");
    let limits = QueueLimits {
        parcels: 2,
        ..QueueLimits::default()
    };
    let engine = builder.queue_limits(limits).build().unwrap();
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": "slow_circle", "pulls": vec![1; 2000] }),
    );
    let small =
        "select { \"n\": event.n, \"left\": 3 } from in where not present event.left into out;
         select event from in where present event.left into out;";
    let round = "select merge event of { \"left\": event.left - 1 } end from in where event.left > 0 into again;
         select event from in where event.left == 0 into out;";
    let text = text(
        &[&source, "k from o"],
        &[("p", small), ("q into out, err, again", round)],
        &ROUND,
    );
    let flow = start(&engine, &text);
    // Nobody reads, until everything that can wait does.
    let pulls = || {
        probe("slow_circle")
            .pulls
            .load(std::sync::atomic::Ordering::SeqCst)
    };
    let mut before = 0;
    until("the source waits", || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::mem::replace(&mut before, pulls()) == pulls()
    });
    assert!(pulls() < 2000);
    assert_eq!(all(&output).len(), 2000);
    assert_eq!(counts(&ended(&flow)), [2000, 2000, 0, 0, 0, 0]);
}

#[test]
fn operators_in_a_circle_flush_when_it_drains() {
    let batch = "define operator three from generic::batch with count = 3 end;
         create operator three;
         select event from in into three;
         select event from three into out;";
    // What q sends round meets a batch of p that is filled up with others, or flushed at the end.
    let (report, numbers, _) = run("flush", &[4], batch, COUNT_DOWN);
    let sum = report.counts.delivered + report.counts.absorbed + report.counts.failed;
    assert_eq!(sum, 4, "{report:?}");
    assert!(!numbers.is_empty());
}

#[test]
fn a_circle_that_is_stopped_ends_and_what_was_in_it_has_failed() {
    let (builder, records) = builder();
    let engine = builder.build().unwrap();
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": "stop_circle", "pulls": [4], "then": "wait" }),
    );
    let late = with("k", "t_late", &json!({ "probe": "stop_circle_sink" }));
    let pipelines = [("p", PASS), ("q into out, err, again", COUNT_DOWN)];
    let flow = start(&engine, &text(&[&source, &late], &pipelines, &ROUND));
    until("all have arrived", || {
        let probe = probe("stop_circle_sink");
        let taken = lock(&probe.taken);
        taken
            .iter()
            .map(|(numbers, _)| numbers.len())
            .sum::<usize>()
            == 4
    });
    flow.stop();
    assert_eq!(counts(&ended(&flow)), [4, 0, 4, 0, 0, 0]);
    assert!(!logged(&records, "p", "came round"));
}
