//! Panics, hangs and garbage: the connector is made anew, and left alone for a while if that does not help.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use temblor::{ConnectorState, Engine, Supervision};
use temblor_registry::LinkMode;

use crate::connectors::lock;
use crate::flaky::{Act, World, world};
use crate::support::{Records, builder, counts, ended, logged, start, text, until, with};

/// An engine that calls test connectors in this mode and loses patience after a fraction of a second.
fn impatient(mode: LinkMode) -> (Engine, Records) {
    let (builder, records) = builder();
    let mut registry = temblor::builtin_registry().unwrap();
    for name in ["t_flaky", "t_flaky_late"] {
        registry.link(name, mode);
    }
    let supervision = Supervision {
        hang_after: Duration::from_millis(300),
        answer_within: Duration::from_millis(300),
        ..Supervision::default()
    };
    let engine = builder
        .registry(registry)
        .supervision(supervision)
        .build()
        .unwrap();
    (engine, records)
}

fn two(name: &str) -> String {
    let connector = |at: &str, world: &str| {
        format!(
            "{at} from t_flaky with config = {} end",
            json!({ "world": world })
        )
    };
    let (source, sink) = (
        connector("s", &format!("{name}_s")),
        connector("a", &format!("{name}_a")),
    );
    text(&[&source, &sink], &[], &["connector/s -> connector/a"])
}

/// Does something to a source or a sink once, and sees that all events arrive nevertheless.
fn survives(mode: LinkMode, side: &str, place: &'static str, act: Act, said: &str) {
    let (engine, records) = impatient(mode);
    let name = format!("{mode}_{side}_{place}_{act:?}");
    let (source, sink) = (world(&format!("{name}_s")), world(&format!("{name}_a")));
    let faulty: &World = if side == "s" { &source } else { &sink };
    let at = usize::from(side == "a");
    let flow = start(&engine, &two(&name));
    source.feed([1, 2]);
    until("all is written", || sink.written() == [1, 2]);
    faulty.act(place, [act.clone()]);
    match place {
        "pause" => {
            flow.pause();
            until("it was told", || faulty.life().contains(&"pause"));
            // While it is paused nothing is tried.
            flow.resume();
        }
        "resume" => {
            flow.pause();
            until("it is paused", || faulty.life().contains(&"pause"));
            flow.resume();
        }
        _ => {}
    }
    // What breaks a connection on its way to the next one.
    if ["new", "connect", "create_source", "create_sink", "start"].contains(&place) {
        faulty.act(if side == "s" { "pull" } else { "write" }, [Act::Panic]);
    }
    source.feed([3]);
    until(&format!("{name} is made anew"), || {
        let restarts = flow.report().connectors[at].restarts;
        restarts >= 1 || place == "drain" || place == "stop"
    });
    flow.resume();
    source.feed([4]);
    until(&format!("{name} goes on"), || {
        sink.written().ends_with(&[4])
    });
    let report = flow.report();
    assert_eq!(report.connectors[1 - at].restarts, 0, "{name}");
    assert!(logged(&records, side, said), "{name}: {records:?}");
    faulty.opened.store(true, Ordering::SeqCst);
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok(), "{name}: {report:?}");
    assert_eq!(report.counts.failed, 0, "{name}");
    for n in 1..=4 {
        assert!(sink.written().contains(&n), "{name}: {:?}", sink.written());
    }
}

const CALLS: [&str; 6] = ["new", "connect", "start", "pause", "resume", "create_sink"];

#[test]
fn a_panic_in_any_callback_of_a_sink_is_survived() {
    for mode in [LinkMode::Native, LinkMode::Abi] {
        for place in CALLS.iter().chain(&["write"]) {
            survives(mode, "a", place, Act::Panic, "told to panic in");
        }
    }
}

#[test]
fn a_panic_in_any_callback_of_a_source_is_survived() {
    for mode in [LinkMode::Native, LinkMode::Abi] {
        for place in CALLS[..5].iter().chain(&["create_source", "pull", "fates"]) {
            survives(mode, "s", place, Act::Panic, "told to panic in");
        }
    }
}

#[test]
fn a_poll_that_does_not_return_is_survived() {
    for mode in [LinkMode::Native, LinkMode::Abi] {
        for place in ["write", "connect", "pause"] {
            survives(
                mode,
                "a",
                place,
                Act::Block,
                "hangs: a poll does not return for 300ms",
            );
        }
        for place in ["pull", "fates", "connect"] {
            survives(
                mode,
                "s",
                place,
                Act::Block,
                "hangs: a poll does not return for 300ms",
            );
        }
    }
}

#[test]
fn one_that_hangs_after_it_has_waited_is_survived_too() {
    let (engine, _) = impatient(LinkMode::Native);
    let (source, sink) = (world("waited_s"), world("waited_a"));
    source.act("pull", [Act::BlockLater]);
    let flow = start(&engine, &two("waited"));
    until("it waits", || source.pulls.load(Ordering::SeqCst) == 1);
    // So that it waits for orders and fates too.
    std::thread::sleep(Duration::from_millis(50));
    source.feed([1]);
    until("it is made anew", || {
        flow.report().connectors[0].restarts == 1
    });
    source.feed([2]);
    until("it goes on", || sink.written() == [2]);
    until("it learns fates", || !lock(&source.fates).is_empty());
    flow.drain();
    assert!(ended(&flow).is_ok());
    source.opened.store(true, Ordering::SeqCst);
}

#[test]
fn an_order_that_a_source_hangs_at_is_heard_by_the_next() {
    let (engine, _) = impatient(LinkMode::Native);
    let source = world("order_s");
    source.act("pull", [Act::BlockLater]);
    let flow = start(&engine, &two("order"));
    until("it waits", || source.pulls.load(Ordering::SeqCst) == 1);
    std::thread::sleep(Duration::from_millis(50));
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok(), "{report:?}");
    source.opened.store(true, Ordering::SeqCst);
}

#[test]
fn what_a_source_that_hung_had_pulled_is_not_told_to_the_next() {
    let (engine, _) = impatient(LinkMode::Native);
    let (source, sink) = (world("hung_s"), world("hung_a"));
    source.act("pull", [Act::Well, Act::Block]);
    let from = with("s", "t_flaky", &json!({ "world": "hung_s" }));
    let to = with("a", "t_flaky_late", &json!({ "world": "hung_a" }));
    let flow = start(
        &engine,
        &text(&[&from, &to], &[], &["connector/s -> connector/a"]),
    );
    source.feed([1]);
    until("the source is made anew", || {
        flow.report().connectors[0].restarts == 1
    });
    source.feed([2]);
    until("both are written", || sink.written() == [1, 2]);
    source.opened.store(true, Ordering::SeqCst);
    for (_, fates) in lock(&sink.kept).drain(..) {
        fates.acked();
    }
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [2, 2, 0, 0, 0, 0]);
    let told: Vec<u64> = lock(&source.fates).iter().map(|r| r.first_pull).collect();
    assert_eq!(told, [1], "the next one knows nothing of pull 0");
}

#[test]
fn a_pull_that_is_deaf_is_survived() {
    let (engine, records) = impatient(LinkMode::Native);
    let (source, sink) = (world("deaf_s"), world("deaf_a"));
    source.act("pull", [Act::Well, Act::Hang]);
    let flow = start(&engine, &two("deaf"));
    source.feed([1]);
    let pulls = || source.life().iter().filter(|step| **step == "pull").count();
    until("it is deaf", || pulls() == 2);
    // Something to say, for its fates may have been told before.
    flow.pause();
    flow.resume();
    until("it is made anew", || {
        flow.report().connectors[0].restarts == 1
    });
    assert!(logged(
        &records,
        "s",
        "does not return within 300 ms of an interruption"
    ));
    source.feed([2]);
    until("it goes on", || sink.written() == [1, 2]);
    flow.drain();
    assert!(ended(&flow).is_ok());
}

#[test]
fn garbage_is_named_and_goes_nowhere() {
    for (act, said) in [
        (
            Act::Flood,
            "a pull handed over 2097152 events, more than 1048576",
        ),
        (
            Act::Lanes,
            "a pull of lane 1 handed over event 1 with the id",
        ),
    ] {
        let (builder, records) = builder();
        // Two million events take a busy machine a while, which is no hang.
        let supervision = Supervision {
            hang_after: Duration::from_secs(60),
            ..Supervision::default()
        };
        let engine = builder.supervision(supervision).build().unwrap();
        let name = format!("garbage_{act:?}");
        let (source, sink) = (world(&format!("{name}_s")), world(&format!("{name}_a")));
        source.act("pull", [act]);
        let flow = start(&engine, &two(&name));
        source.feed([1]);
        until("it is made anew", || {
            flow.report().connectors[0].restarts == 1
        });
        assert!(logged(&records, "s", said), "{records:?}");
        source.feed([2]);
        until("it goes on", || sink.written() == [2]);
        flow.drain();
        assert_eq!(counts(&ended(&flow)), [1, 1, 0, 0, 0, 0]);
    }
}

#[test]
fn what_breaks_again_and_again_is_left_alone_for_a_while() {
    let (builder, records) = builder();
    let supervision = Supervision {
        strikes: 3,
        quarantine: Duration::from_millis(400),
        ..Supervision::default()
    };
    let engine = builder.supervision(supervision).build().unwrap();
    let (source, sink) = (world("quarantine_s"), world("quarantine_a"));
    sink.act("write", [Act::Panic, Act::Panic, Act::Panic]);
    let flow = start(&engine, &two("quarantine"));
    source.feed([1]);
    let state = || flow.report().connectors[1].clone();
    until("it is in quarantine", || {
        state().state == ConnectorState::Quarantined
    });
    let report = state();
    assert!(report.quarantined_until_ns.is_some());
    let said = "broke 3 times within 60s and is left alone for 400ms: ";
    let error = report.error.unwrap();
    assert!(error.message().starts_with(said), "{error}");
    assert!(
        error.message().contains("told to panic in write"),
        "{error}"
    );
    assert!(logged(&records, "a", said));
    until("it is tried again", || sink.written() == [1]);
    until("it is well", || state().state == ConnectorState::Running);
    assert_eq!(state().quarantined_until_ns, None);
    flow.drain();
    assert!(ended(&flow).is_ok());
}

#[test]
fn one_that_hangs_for_good_does_not_keep_its_flow_from_ending() {
    let (engine, _) = impatient(LinkMode::Native);
    let (source, sink) = (world("for_good_s"), world("for_good_a"));
    sink.act("write", [Act::Block]);
    let config = json!({ "world": "for_good_a" });
    let fragile = format!("a from t_flaky with config = {config}, reconnect = \"none\" end");
    let from = format!(
        "s from t_flaky with config = {} end",
        json!({ "world": "for_good_s" })
    );
    let flow = text(&[&from, &fragile], &[], &["connector/s -> connector/a"]);
    let flow = start(&engine, &flow);
    source.feed([1]);
    let report = ended(&flow);
    assert_eq!(counts(&report), [1, 0, 1, 0, 0, 0]);
    assert_eq!(report.connectors[1].state, ConnectorState::Failed);
    sink.opened.store(true, Ordering::SeqCst);
}
