//! A connector that panics, blocks or loses its connection, in each link mode: it is brought back, and others go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use temblor::{ConnectorState, Engine, FlowHandle, Supervision};
use temblor_pdk::OwnedValue;
use temblor_registry::LinkMode;

use crate::plugins::{MODES, linked};
use crate::support::{Records, builder, ended, logged, start, text, until, with};

fn impatient(mode: LinkMode) -> (Engine, Records) {
    let (builder, records) = builder();
    let supervision = Supervision {
        hang_after: Duration::from_millis(300),
        strikes: 100,
        ..Supervision::default()
    };
    let builder = builder.registry(linked(mode)).supervision(supervision);
    (builder.build().unwrap(), records)
}

/// A flow with a connector of a name of its own that goes wrong once, as its source or as its sink.
fn faulty(engine: &Engine, side: &str, place: &str, how: &str) -> (FlowHandle, String) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("faulty{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let config = json!({ "panic_in": place, "how": how, "after": 3, "times": 1 });
    let faulty = with(&name, "faulty", &config);
    let ticks = with("m", "metronome", &json!({ "interval_ms": 1 }));
    let (connectors, link) = match side {
        "source" => (
            [faulty, "n from `null`".to_owned()],
            format!("connector/{name} -> connector/n"),
        ),
        _ => ([ticks, faulty], format!("connector/m -> connector/{name}")),
    };
    let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
    (start(engine, &text(&connectors, &[], &[&link])), name)
}

fn is_brought_back(mode: LinkMode, side: &str, place: &str, how: &str) {
    let (engine, records) = impatient(mode);
    let (flow, name) = faulty(&engine, side, place, how);
    let what = format!("{mode} {side} {place} {how}");
    if ["pause", "resume"].contains(&place) {
        flow.pause();
        until(&what, || {
            logged(&records, &name, "told to")
                || logged(&records, &name, "hangs")
                || flow
                    .report()
                    .connectors
                    .iter()
                    .all(|c| c.state == ConnectorState::Paused)
        });
        flow.resume();
    }
    let report = || {
        let report = flow.report();
        report
            .connectors
            .into_iter()
            .find(|c| c.name == name)
            .unwrap()
    };
    until(&what, || report().restarts + report().reconnects == 1);
    assert_eq!(report().reconnects, u64::from(how == "lose"), "{what}");
    let said = match how {
        "block" => "hangs: a poll does not return for 300ms",
        "lose" => "told to lose the connection in",
        _ => "told to panic in",
    };
    assert!(logged(&records, &name, said), "{what}: {records:?}");
    let before = flow.report().counts.delivered;
    until(&what, || flow.report().counts.delivered > before + 10);
    flow.drain();
    let report = ended(&flow);
    assert!(report.is_ok(), "{what}: {report:?}");
    assert_eq!(report.counts.failed, 0, "{what}");
}

#[test]
fn panics_in_each_callback_are_brought_back() {
    for mode in MODES {
        for place in ["pause", "resume", "pull"] {
            is_brought_back(mode, "source", place, "panic");
        }
        for place in ["pause", "resume", "write"] {
            is_brought_back(mode, "sink", place, "panic");
        }
    }
}

#[test]
fn lost_connections_are_made_again() {
    for mode in MODES {
        is_brought_back(mode, "source", "pull", "lose");
        is_brought_back(mode, "sink", "write", "lose");
    }
}

#[test]
fn blocked_threads_are_left_behind() {
    for mode in MODES {
        for (side, place) in [("source", "pull"), ("sink", "write"), ("sink", "pause")] {
            is_brought_back(mode, side, place, "block");
        }
    }
}

#[test]
fn at_the_end_a_panic_fails_its_connector_and_nothing_else() {
    for mode in MODES {
        for (side, place) in [
            ("source", "drain"),
            ("source", "stop"),
            ("sink", "drain"),
            ("sink", "flush"),
            ("sink", "stop"),
        ] {
            let (engine, _) = impatient(mode);
            let (flow, name) = faulty(&engine, side, place, "panic");
            until("it runs", || flow.report().counts.delivered > 10);
            flow.drain();
            let report = ended(&flow);
            let what = format!("{mode} {side} {place}: {report:?}");
            assert_eq!(report.counts.failed, 0, "{what}");
            for connector in &report.connectors {
                let expected = match connector.name == name {
                    true => ConnectorState::Failed,
                    false => ConnectorState::Stopped,
                };
                assert_eq!(connector.state, expected, "{what}");
            }
        }
    }
}

#[test]
fn others_go_on_while_a_worker_is_blocked() {
    for mode in MODES {
        let (mut builder, _) = builder();
        let (input, output) = (builder.input("i"), builder.output("o"));
        let engine = builder.workers(1).registry(linked(mode)).build().unwrap();
        let links = &["connector/i -> connector/o"];
        let other = start(&engine, &text(&["i from i", "o from o"], &[], links));
        let (flow, _) = faulty(&engine, "sink", "write", "block");
        // The only worker is blocked for a while; whatever is sent arrives nevertheless.
        let mut sent = 0_i64;
        until("it is blocked and back", || {
            sent += 1;
            input.send(OwnedValue::from(sent)).unwrap();
            assert_eq!(output.receive().unwrap().len(), 1);
            flow.report().counts.delivered > 20
        });
        flow.drain();
        assert!(ended(&flow).is_ok());
        drop(input);
        assert_eq!(ended(&other).counts.delivered, sent as u64);
    }
}
