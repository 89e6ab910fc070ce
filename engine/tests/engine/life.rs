//! Pause, resume, drain and stop: what a source that waits for input still does, and what hangs.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use temblor::ConnectorState;
use temblor_pdk::OwnedValue;

use crate::connectors::{lock, probe};
use crate::flaky;
use crate::support::{
    all, builder, coded, counts, ended, engine, fragile, logged, start, text, until, with,
};

/// Far above what it takes, far below what a lost wake-up would.
const PROMPTLY: Duration = Duration::from_secs(1);

#[test]
fn a_source_that_waits_learns_fates_without_a_pull() {
    let (engine, _) = engine();
    let (source, sink) = (probe("waits"), probe("waits_sink"));
    let numbers = json!({ "probe": "waits", "pulls": [2, 1], "then": "wait" });
    let flow = start(
        &engine,
        &text(
            &[
                &with("s", "t_numbers", &numbers),
                &with("a", "t_late", &json!({ "probe": "waits_sink" })),
            ],
            &[],
            &["connector/s -> connector/a"],
        ),
    );
    until("it waits", || {
        lock(&sink.taken).len() == 2 && source.pulls.load(Ordering::SeqCst) == 3
    });
    // Settled together, so that one interruption can tell both.
    let settled = Instant::now();
    lock(&sink.taken)[1].1.acked();
    lock(&sink.taken)[0].1.acked();
    until("the fates are told", || source.fates().len() == 1);
    assert!(settled.elapsed() < PROMPTLY);
    // The wait was interrupted once a message at most; nothing polled on a timer.
    assert!(source.pulls.load(Ordering::SeqCst) <= 5);
    let drained = Instant::now();
    flow.drain();
    let report = ended(&flow);
    assert!(drained.elapsed() < PROMPTLY);
    assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
    let states = report.connectors.iter().map(|c| c.state);
    assert!(states.into_iter().all(|s| s == ConnectorState::Stopped));
    assert_eq!(
        source.life(),
        ["connect", "create", "start", "drain", "stop"]
    );
    let mut life = sink.life();
    // The sink's side flushes on its own time.
    life[3..5].sort_unstable();
    assert_eq!(
        life,
        ["connect", "create", "start", "drain", "flush", "stop"]
    );
}

#[test]
fn a_pause_ends_pulls_until_they_are_resumed() {
    let (mut builder, _) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    let numbers = json!({ "probe": "paused", "then": "wait" });
    let source = with("s", "t_numbers", &numbers);
    let flow = start(
        &engine,
        &text(
            &["i from i", "o from o", &source],
            &[],
            &["connector/i -> connector/o", "connector/s -> connector/o"],
        ),
    );
    input.send(OwnedValue::from(1_i64)).unwrap();
    assert_eq!(output.receive().unwrap().len(), 1);
    flow.pause();
    until("it is paused", || {
        let report = flow.report();
        report
            .connectors
            .iter()
            .all(|c| c.state == ConnectorState::Paused)
            && probe("paused").life().contains(&"pause".to_owned())
    });
    // Messages to a paused source are taken in order, so a pause that is taken is a pull that is not made.
    let source = probe("paused");
    until("the pull has ended", || {
        let before = source.pulls.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        before == source.pulls.load(Ordering::SeqCst)
    });
    let pulls = source.pulls.load(Ordering::SeqCst);
    input.send(OwnedValue::from(2_i64)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(output.try_receive().is_none());
    assert_eq!(source.pulls.load(Ordering::SeqCst), pulls);
    flow.resume();
    assert_eq!(output.receive().unwrap().len(), 1);
    until("it pulls again", || {
        source.pulls.load(Ordering::SeqCst) > pulls
    });
    flow.pause();
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [2, 2, 0, 0, 0, 0]);
    let life = source.life();
    assert_eq!(life[..5], ["connect", "create", "start", "pause", "resume"]);
    assert_eq!(life[life.len() - 2..], ["drain", "stop"]);
    assert!(all(&output).is_empty());
}

#[test]
fn nothing_is_pulled_before_all_sinks_are_ready() {
    let (engine, _) = engine();
    let world = flaky::world("ready");
    let config = json!({ "world": "ready" });
    let made = |name: &str| with(name, "t_flaky", &config);
    let late = with("b", "t_flaky_late", &config);
    let links = [
        "connector/s -> connector/a",
        "connector/s -> connector/b",
        "connector/a -> connector/b",
    ];
    let flow = start(
        &engine,
        &text(&[&made("s"), &made("a"), &late], &[], &links),
    );
    until("they pull", || world.pulls.load(Ordering::SeqCst) >= 2);
    let life = world.life();
    let last = |step| life.iter().rposition(|other| *other == step).unwrap();
    let first = |step| life.iter().position(|other| *other == step).unwrap();
    assert!(last("create_sink") < first("create_source"), "{life:?}");
    assert!(last("start") < first("pull"), "{life:?}");
    flow.stop();
    assert!(flow.wait().stopped);
}

#[test]
fn orders_that_come_while_events_do_lose_none() {
    let (engine, _) = engine();
    let (source, sink) = (flaky::world("orders_s"), flaky::world("orders_a"));
    let made = |name: &str, world: &str| with(name, "t_flaky", &json!({ "world": world }));
    let connectors = [made("s", "orders_s"), made("a", "orders_a")];
    let links = ["connector/s -> connector/a"];
    let flow = start(
        &engine,
        &text(&[&connectors[0], &connectors[1]], &[], &links),
    );
    for n in 0..500 {
        source.feed([n]);
        match n % 3 {
            0 => flow.pause(),
            _ => flow.resume(),
        }
    }
    flow.resume();
    until("all are written", || sink.written().len() >= 500);
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [500, 500, 0, 0, 0, 0]);
    assert!(sink.written().into_iter().eq(0..500));
}

#[test]
fn a_drain_flushes_what_is_kept() {
    let (engine, _) = engine();
    let probe = probe("kept");
    // No separator at the end: the line is kept until the drain.
    probe.feed(&[b"{\"n\":1}\n{\"n\":", b"2}"]);
    let lines = "codec = \"json\", preprocessors = [\"separate\"]";
    let flow = start(
        &engine,
        &text(
            &[
                &coded(
                    "s",
                    "t_pieces",
                    &json!({ "probe": "kept", "then": "wait" }),
                    lines,
                ),
                &with("a", "t_taker", &json!({ "probe": "kept_sink" })),
            ],
            &[("p", "select event from in into out;")],
            &["connector/s -> pipeline/p", "pipeline/p -> connector/a"],
        ),
    );
    let sink = crate::connectors::probe("kept_sink");
    until("the first is there", || sink.numbers() == [1]);
    until("all is pulled", || lock(&probe.pieces).is_empty());
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [2, 2, 0, 0, 0, 0]);
    assert_eq!(sink.numbers(), [1, 2]);
    assert!(sink.life().contains(&"flush".to_owned()));
}

#[test]
fn whatever_hangs_a_stop_comes_back_and_says_so() {
    for place in ["write", "flush", "drain", "pause", "stop"] {
        let (engine, records) = engine();
        let (s, a) = (format!("hang_{place}"), format!("hang_{place}_sink"));
        let numbers = json!({ "probe": s, "pulls": [2], "then": "wait" });
        let taker = json!({ "probe": a, "hang_in": place });
        let flow = start(
            &engine,
            &text(
                &[
                    &with("s", "t_numbers", &numbers),
                    &with("a", "t_taker", &taker),
                ],
                &[],
                &["connector/s -> connector/a"],
            ),
        );
        until("all is pulled", || flow.report().counts.events_in == 2);
        match place {
            "flush" | "drain" => flow.drain(),
            "pause" => flow.pause(),
            _ => {}
        }
        if place != "write" && place != "stop" {
            until("it hangs", || probe(&a).life().contains(&place.to_owned()));
        }
        let asked = Instant::now();
        flow.stop();
        let report = ended(&flow);
        assert!(asked.elapsed() < 5 * PROMPTLY, "{place}");
        assert!(report.stopped, "{place}");
        if ["drain", "pause", "stop"].contains(&place) {
            assert!(logged(&records, "a", "does not come back"), "{place}");
            assert_eq!(report.connectors[1].state, ConnectorState::Failed);
        }
        until("all is dropped", || {
            drop(engine.metrics());
            probe(&a).alive.load(Ordering::SeqCst) == 0
        });
    }
}

#[test]
fn what_stands_in_a_queue_when_a_flow_is_stopped_is_gone() {
    let (engine, _) = engine();
    let numbers = json!({ "probe": "queued", "pulls": vec![2; 300], "then": "wait" });
    let taker = json!({ "probe": "queued_sink", "hang_in": "write" });
    let connectors = [
        &*with("s", "t_numbers", &numbers),
        &with("a", "t_taker", &taker),
    ];
    let flow = start(
        &engine,
        &text(&connectors, &[], &["connector/s -> connector/a"]),
    );
    let queued = || flow.report().connectors[1].queue.unwrap().batches;
    until("something waits for the sink", || queued() > 0);
    flow.stop();
    let report = ended(&flow);
    assert_eq!(report.counts.delivered, 0);
    assert_eq!(report.counts.failed, report.counts.events_in);
}

#[test]
fn a_source_that_fails_ends_its_flow_in_good_order() {
    for (then, panic_in) in [("fail", ""), ("", "pull")] {
        let (engine, records) = engine();
        let name = format!("source_fails_{then}");
        let numbers = json!({ "probe": name, "pulls": [3], "then": then, "panic_in": panic_in });
        let sink = format!("{name}_sink");
        let flow = start(
            &engine,
            &text(
                &[
                    &fragile("s", "t_numbers", &numbers),
                    &with("a", "t_taker", &json!({ "probe": sink })),
                ],
                &[],
                &["connector/s -> connector/a"],
            ),
        );
        let report = ended(&flow);
        assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
        assert_eq!(report.connectors[0].state, ConnectorState::Failed);
        assert_eq!(report.connectors[1].state, ConnectorState::Stopped);
        let error = report.connectors[0].error.as_ref().unwrap().message();
        assert!(error.contains("told to"), "{error}");
        assert!(logged(&records, "s", "source stopped"));
    }
}

/// Whether the only worker, kept busy by a source that never waits, served another flow without a substitute.
fn shares_its_worker() -> bool {
    let (mut builder, records) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.workers(1).build().unwrap();
    let numbers = json!({ "probe": "spins", "then": "spin" });
    let taker = with("a", "t_taker", &json!({ "probe": "spins_sink" }));
    let links = &["connector/s -> connector/a"];
    let connectors = [&*with("s", "t_numbers", &numbers), &taker];
    let busy = start(&engine, &text(&connectors, &[], links));
    let links = &["connector/i -> connector/o"];
    let flow = start(&engine, &text(&["i from i", "o from o"], &[], links));
    for n in 0..20_i64 {
        input.send(OwnedValue::from(n)).unwrap();
        assert_eq!(output.receive().unwrap().len(), 1);
    }
    busy.drain();
    ended(&busy);
    drop(input);
    ended(&flow);
    let stuck = |message: &str| message.contains("a poll takes longer");
    let records = records.lock().unwrap();
    !records.iter().any(|(_, _, message)| stuck(message))
}

#[test]
fn a_source_that_never_waits_leaves_room_for_others() {
    // A machine that is busy elsewhere can hold the worker up; one that never gives way is found every time.
    assert!((0..10).any(|_| shares_its_worker()));
}
