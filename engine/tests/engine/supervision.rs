//! Lost connections: what is in flight is kept and written again, sources wait meanwhile, and an operator's pause is
//! another thing than a circuit breaker's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use temblor::{ConnectorState, Engine, FlowHandle, FlowState, StartErrorKind, Supervision};
use temblor_pdk::Fate;

use crate::connectors::lock;
use crate::flaky::{Act, World, world};
use crate::support::{builder, counts, ended, engine, logged, start, text, try_start, until, with};

const RETRY: &str = r#"reconnect = {"retry": {"interval_ms": 5, "max_interval_ms": 20}}"#;

/// The connector `name` of the kind, in the world of that name, that connects again every few milliseconds.
fn flaky(name: &str, kind: &str, world: &str) -> String {
    let config = json!({ "world": world });
    format!("{name} from {kind} with config = {config}, {RETRY} end")
}

/// A flow from source `s` to sink `a` of a kind, in worlds named after the test.
fn flow(engine: &Engine, test: &str, kind: &str) -> (FlowHandle, Arc<World>, Arc<World>) {
    let (source, sink) = (format!("{test}_source"), format!("{test}_sink"));
    let flow = start(
        engine,
        &text(
            &[&flaky("s", "t_flaky", &source), &flaky("a", kind, &sink)],
            &[],
            &["connector/s -> connector/a"],
        ),
    );
    (flow, world(&source), world(&sink))
}

fn fates(world: &World) -> Vec<Fate> {
    let fates = lock(&world.fates).clone();
    let mut all = Vec::new();
    for range in fates {
        let count = range.last_pull - range.first_pull + 1;
        all.extend((0..count).map(|_| range.fate));
    }
    all
}

#[test]
fn what_a_sink_had_in_flight_is_written_again() {
    let (engine, records) = engine();
    let (flow, source, sink) = flow(&engine, "again", "t_flaky");
    sink.act("write", [Act::Well, Act::Lost]);
    source.feed([1]);
    until("the first is written", || sink.written() == [1]);
    sink.is_down.store(true, Ordering::SeqCst);
    source.feed([2]);
    until("it is lost", || {
        flow.report().connectors[1].state == ConnectorState::Connecting
    });
    until("it was tried more than once", || {
        sink.connects.load(Ordering::SeqCst) > 3
    });
    let report = flow.report();
    assert_eq!(
        report.connectors[1].error.as_ref().unwrap().message(),
        "nobody is there"
    );
    assert!(report.connectors[1].breaker.is_some(), "{report:?}");
    assert_eq!(report.counts.in_flight, 1);
    sink.is_down.store(false, Ordering::SeqCst);
    until("the second is written", || sink.written() == [1, 2]);
    source.feed([3]);
    until("it goes on", || sink.written() == [1, 2, 3]);
    until("the fates are told", || fates(&source) == [Fate::Acked; 3]);
    let report = flow.report();
    assert_eq!(report.state, FlowState::Running);
    assert_eq!(report.connectors[1].state, ConnectorState::Running);
    assert_eq!(
        (
            report.connectors[1].reconnects,
            report.connectors[1].restarts
        ),
        (1, 0)
    );
    assert_eq!(
        (&report.connectors[1].error, &report.connectors[1].breaker),
        (&None, &None)
    );
    assert!(logged(
        &records,
        "a",
        "the peer is gone in write; tried again in"
    ));
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [3, 3, 0, 0, 0, 0]);
}

#[test]
fn a_late_sink_writes_again_what_it_had_not_settled() {
    let (engine, _) = engine();
    let (flow, source, sink) = flow(&engine, "late_again", "t_flaky_late");
    source.feed([1, 2, 3]);
    until("all are taken", || sink.written() == [1, 2, 3]);
    lock(&sink.kept)[1].1.acked();
    sink.act("write", [Act::Lost]);
    source.feed([4]);
    until("what was open is written again", || {
        sink.written() == [1, 2, 3, 1, 3, 4]
    });
    // What the lost instance still says is not taken for what is said of the new one's.
    let kept = std::mem::take(&mut *lock(&sink.kept));
    for (_, fates) in &kept[..3] {
        fates.failed(&temblor_pdk::Error::failed("too late"));
    }
    assert_eq!(flow.report().counts.failed, 0);
    kept[3..].iter().for_each(|(_, fates)| fates.acked());
    until("the fates are told", || fates(&source) == [Fate::Acked; 4]);
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [4, 4, 0, 0, 0, 0]);
}

#[test]
fn a_late_sink_that_panics_or_says_so_through_a_fate_keeps_what_is_open() {
    let (engine, _) = engine();
    let (flow, source, sink) = flow(&engine, "late_panics", "t_flaky_late");
    source.feed([1]);
    until("it is taken", || sink.written() == [1]);
    // The panic drops what the instance kept of the fates.
    sink.act("write", [Act::Panic]);
    lock(&sink.kept).clear();
    source.feed([2]);
    until("both are written again", || sink.written().ends_with(&[2]));
    let gone = temblor_pdk::Error::disconnected("gone");
    let kept = std::mem::take(&mut *lock(&sink.kept));
    kept.iter().for_each(|(_, fates)| fates.failed(&gone));
    until("they are written once more", || {
        !lock(&sink.kept).is_empty()
    });
    drop(kept);
    flow.drain();
    until("all is settled", || {
        lock(&sink.kept).iter().for_each(|(_, fates)| fates.acked());
        flow.is_ended()
    });
    let report = ended(&flow);
    assert_eq!(report.counts.delivered + report.counts.failed, 2);
    assert_eq!(report.connectors[1].restarts, 1);
}

#[test]
fn a_source_that_is_lost_goes_on_with_new_pulls() {
    let (engine, _) = engine();
    let (flow, source, sink) = flow(&engine, "source_lost", "t_flaky_late");
    source.feed([1]);
    until("it is taken", || sink.written() == [1]);
    source.act("pull", [Act::Lost]);
    source.feed([2]);
    until("it is back", || flow.report().connectors[0].reconnects == 1);
    source.feed([3]);
    until("it goes on", || sink.written() == [1, 2, 3]);
    let kept = std::mem::take(&mut *lock(&sink.kept));
    kept.iter().for_each(|(_, fates)| fates.acked());
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [3, 3, 0, 0, 0, 0]);
    // The new instance is told of its own pulls only.
    let fates = lock(&source.fates).clone();
    assert!(fates.iter().all(|range| range.first_pull > 1), "{fates:?}");
}

#[test]
fn without_attempts_or_after_the_last_a_connector_has_failed_and_the_flow_drains() {
    for (name, policy, said) in [
        ("never", json!("none"), "the peer is gone in write"),
        (
            "thrice",
            json!({ "retry": { "interval_ms": 1, "max_retries": 3 } }),
            "nobody is there; given up after 3 attempts",
        ),
    ] {
        let (engine, _) = engine();
        let (source, sink) = (world(&format!("{name}_source")), world(name));
        let config = json!({ "world": name });
        let failing = format!("a from t_flaky with config = {config}, reconnect = {policy} end");
        let flow = start(
            &engine,
            &text(
                &[&flaky("s", "t_flaky", &format!("{name}_source")), &failing],
                &[],
                &["connector/s -> connector/a"],
            ),
        );
        sink.act("write", [Act::Lost]);
        sink.is_down.store(true, Ordering::SeqCst);
        source.feed([1]);
        let report = ended(&flow);
        assert_eq!(counts(&report), [1, 0, 1, 0, 0, 0]);
        assert_eq!(report.connectors[1].state, ConnectorState::Failed);
        assert_eq!(report.state, FlowState::Failed);
        assert_eq!(report.connectors[1].error.as_ref().unwrap().message(), said);
        let tried = sink.connects.load(Ordering::SeqCst);
        assert_eq!(tried, if name == "never" { 1 } else { 4 });
    }
}

#[test]
fn a_first_connection_may_fail_where_the_program_says_so() {
    let (engine, _) = engine();
    let (source, sink) = (world("first_source"), world("first_sink"));
    sink.is_down.store(true, Ordering::SeqCst);
    let links = &["connector/s -> connector/a"];
    let plain = with("a", "t_flaky", &json!({ "world": "first_sink" }));
    let from = flaky("s", "t_flaky", "first_source");
    let error = try_start(&engine, &text(&[&from, &plain], &[], links)).unwrap_err();
    assert_eq!(error.kind, StartErrorKind::Connector);
    assert!(error.message.contains("nobody is there"), "{error}");
    source.feed([1]);
    let to = flaky("a", "t_flaky", "first_sink");
    let flow = start(&engine, &text(&[&from, &to], &[], links));
    assert_eq!(flow.report().state, FlowState::Starting);
    let tried = sink.connects.load(Ordering::SeqCst);
    until("it tries", || {
        sink.connects.load(Ordering::SeqCst) > tried + 2
    });
    assert_eq!(
        source.pulls.load(Ordering::SeqCst),
        0,
        "a sink is not ready"
    );
    sink.is_down.store(false, Ordering::SeqCst);
    until("it is written", || sink.written() == [1]);
    assert_eq!(sink.life()[..3], ["connect", "create_sink", "start"]);
    until("it runs", || flow.report().state == FlowState::Running);
    flow.drain();
    assert!(ended(&flow).is_ok());
}

#[test]
fn a_pause_of_an_operator_and_one_of_a_breaker_do_not_undo_each_other() {
    let (engine, _) = engine();
    let (flow, source, sink) = flow(&engine, "pauses", "t_flaky");
    sink.is_down.store(true, Ordering::SeqCst);
    sink.act("write", [Act::Lost]);
    source.feed([1]);
    let state = |at: usize| flow.report().connectors[at].clone();
    until("it is lost", || {
        state(1).state == ConnectorState::Connecting
    });
    flow.pause();
    until("it is paused", || {
        state(0).state == ConnectorState::Paused && state(1).is_paused
    });
    // While paused nothing is tried; an attempt may be under way.
    std::thread::sleep(Duration::from_millis(50));
    let tried = sink.connects.load(Ordering::SeqCst);
    sink.is_down.store(false, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(sink.connects.load(Ordering::SeqCst), tried);
    assert!(state(1).breaker.is_some());
    // The breaker's end does not undo the pause, nor the pause's end the breaker.
    sink.is_down.store(true, Ordering::SeqCst);
    flow.resume();
    until("it tries again", || {
        sink.connects.load(Ordering::SeqCst) > tried
    });
    source.feed([2]);
    std::thread::sleep(Duration::from_millis(50));
    assert!(state(1).breaker.is_some() && sink.written().is_empty());
    sink.is_down.store(false, Ordering::SeqCst);
    until("all is written", || sink.written() == [1, 2]);
    flow.pause();
    until("both are paused", || {
        state(0).is_paused && state(1).is_paused
    });
    until("both are told", || {
        source.life().contains(&"pause") && sink.life().contains(&"pause")
    });
    sink.act("write", [Act::Lost]);
    source.feed([3]);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(
        sink.written(),
        [1, 2],
        "the source pulled while it was paused"
    );
    flow.resume();
    until("it goes on", || sink.written() == [1, 2, 3]);
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [3, 3, 0, 0, 0, 0]);
}

#[test]
fn a_drain_is_bounded_and_says_what_is_left() {
    let (builder, records) = builder();
    let supervision = Supervision {
        drain_timeout: Duration::from_millis(300),
        ..Supervision::default()
    };
    let engine = builder.supervision(supervision).build().unwrap();
    let (flow, source, sink) = flow(&engine, "bounded", "t_flaky");
    sink.act("write", [Act::Well, Act::Lost]);
    source.feed([1]);
    until("the first is written", || sink.written() == [1]);
    sink.is_down.store(true, Ordering::SeqCst);
    source.feed([2]);
    until("it is lost", || {
        flow.report().connectors[1].breaker.is_some()
    });
    flow.drain();
    until("it drains", || {
        flow.is_ended() || flow.report().state == FlowState::Draining
    });
    let report = ended(&flow);
    assert!(report.stopped && !report.is_ok());
    assert_eq!((report.left, report.state), (1, FlowState::Failed));
    assert_eq!(report.connectors[1].state, ConnectorState::Failed);
    let error = report.connectors[1].error.as_ref().unwrap();
    assert_eq!(error.message(), "nobody is there");
    assert_eq!(counts(&report), [2, 1, 1, 0, 0, 0]);
    let records = records.lock().unwrap();
    assert!(
        records
            .iter()
            .any(|(_, _, said)| said.contains("1 event(s) left"))
    );
}

#[test]
fn a_sink_that_comes_back_while_the_flow_drains_gets_what_is_left() {
    let (engine, _) = engine();
    let (flow, source, sink) = flow(&engine, "in_time", "t_flaky");
    sink.act("write", [Act::Lost]);
    sink.is_down.store(true, Ordering::SeqCst);
    source.feed([1]);
    until("it is lost", || {
        flow.report().connectors[1].breaker.is_some()
    });
    flow.drain();
    until("it drains", || flow.report().state == FlowState::Draining);
    sink.is_down.store(false, Ordering::SeqCst);
    let report = ended(&flow);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(counts(&report), [1, 1, 0, 0, 0, 0]);
    assert_eq!(sink.written(), [1]);
    let life = sink.life();
    // It may be told that the flow drains before it is given what is left, or after.
    let end: Vec<&str> = life
        .iter()
        .rev()
        .copied()
        .filter(|step| *step != "write")
        .collect();
    assert_eq!(end[..3], ["stop", "flush", "drain"], "{life:?}");
}

#[test]
fn connectors_are_told_of_the_end_before_their_sinks_flush() {
    let (engine, _) = engine();
    let numbers = json!({ "probe": "natural", "pulls": [2] });
    let links = &["connector/s -> connector/a"];
    let to = flaky("a", "t_flaky", "natural");
    let from = with("s", "t_numbers", &numbers);
    // One that nothing is connected to does not keep the flow from ending.
    let idle = flaky("idle", "t_flaky", "idle");
    assert!(ended(&start(&engine, &text(&[&from, &to, &idle], &[], links))).is_ok());
    let life = world("natural").life();
    assert_eq!(life[life.len() - 4..], ["write", "drain", "flush", "stop"]);
    let life = crate::connectors::probe("natural").life();
    assert_eq!(life, ["connect", "create", "start", "drain", "stop"]);
}

#[test]
fn both_sides_of_a_connector_are_renewed_together() {
    let (engine, _) = engine();
    let both = world("both");
    let flow = start(
        &engine,
        &text(
            &[&flaky("c", "t_flaky", "both")],
            &[],
            &["connector/c -> connector/c"],
        ),
    );
    both.feed([1]);
    until("it is written", || both.written() == [1]);
    both.act("write", [Act::Lost]);
    both.feed([2]);
    until("it goes on", || both.written() == [1, 2]);
    both.feed([3]);
    until("the source goes on", || both.written() == [1, 2, 3]);
    let creates = |what: &str| both.life().iter().filter(|step| **step == what).count();
    assert_eq!((creates("create_source"), creates("create_sink")), (2, 2));
    flow.drain();
    assert!(ended(&flow).is_ok());
}

#[test]
fn a_source_that_learns_no_fates_waits_for_its_sinks_too() {
    let (engine, _) = engine();
    let sink = world("unlearned");
    let ticks = with("m", "metronome", &json!({ "interval_ms": 1 }));
    let flow = start(
        &engine,
        &text(
            &[&ticks, &flaky("a", "t_flaky", "unlearned"), "n from `null`"],
            &[],
            // The other way out does not keep it going.
            &["connector/m -> connector/a", "connector/m -> connector/n"],
        ),
    );
    until("it runs", || flow.report().counts.delivered > 5);
    sink.is_down.store(true, Ordering::SeqCst);
    sink.act("write", [Act::Lost]);
    until("it is lost", || {
        flow.report().connectors[1].breaker.is_some()
    });
    // A pull that waited when the breaker opened may still hand over what it has.
    until("it waits", || {
        let before = flow.report().counts.events_in;
        std::thread::sleep(Duration::from_millis(50));
        before == flow.report().counts.events_in
    });
    sink.is_down.store(false, Ordering::SeqCst);
    let before = flow.report().counts.delivered;
    until("it goes on", || flow.report().counts.delivered > before + 5);
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok() && report.counts.failed == 0, "{report:?}");
}
