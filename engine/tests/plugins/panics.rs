//! Panics of the same connector in each link mode: it fails with the message, others deliver, the engine goes on.

use std::sync::Arc;

use serde_json::json;
use temblor::ConnectorState;
use temblor_pdk::OwnedValue;
use temblor_registry::{LinkMode, Registry};

use crate::plugins::{MODES, file_name, linked, unsettled};
use crate::support::{builder, ended, fragile, start, text, try_start, with};

const PLACES: [&str; 7] = [
    "new",
    "connect",
    "pull",
    "write",
    "drop",
    "waker",
    "host_callback",
];

/// Runs a flow that panics beside one that delivers all the while, in one engine.
fn beside(registry: Arc<Registry>, mode: LinkMode) {
    let (mut builder, _) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.registry(registry).build().unwrap();
    let links = &["connector/i -> connector/o"];
    let other = start(&engine, &text(&["i from i", "o from o"], &[], links));
    let mut sent = 0_i64;
    let mut deliver = || {
        sent += 1;
        input.send(OwnedValue::from(sent)).unwrap();
        let batch = output.receive().unwrap();
        assert_eq!(batch.events()[0].data.as_i64(), Some(sent));
    };
    for place in PLACES {
        for side in ["source", "sink"] {
            let what = format!("{mode} {side} {place}");
            let quiet = json!({ "panic_in": "none", "after": 5 });
            let loud = json!({ "panic_in": place, "after": 2 });
            let (source, sink) = match side {
                "source" => (fragile("s", "faulty", &loud), "d from `null`".to_owned()),
                _ => (with("s", "faulty", &quiet), fragile("d", "faulty", &loud)),
            };
            let flow = text(&[&source, &sink], &[], &["connector/s -> connector/d"]);
            let flow = match try_start(&engine, &flow) {
                Ok(flow) => flow,
                Err(error) => {
                    assert!(["new", "connect"].contains(&place), "{what}: {error}");
                    assert!(error.message.contains("told to panic"), "{what}: {error}");
                    deliver();
                    continue;
                }
            };
            deliver();
            // A source that waits, or goes on, is told to end.
            if side == "source" && (place == "drop" || place == "waker" || place == "write") {
                flow.drain();
            }
            let report = ended(&flow);
            let faulty = &report.connectors[usize::from(side == "sink")];
            let fails = match place {
                "pull" => side == "source",
                "write" => side == "sink",
                "host_callback" => true,
                _ => false,
            };
            assert_eq!(
                faulty.state == ConnectorState::Failed,
                fails,
                "{what}: {report:?}"
            );
            if fails {
                let error = faulty.error.as_ref().unwrap().message();
                assert!(error.contains("panicked"), "{what}: {error}");
            }
            deliver();
        }
    }
    drop(input);
    assert!(ended(&other).is_ok());
}

#[test]
fn in_every_place_and_mode() {
    for mode in MODES {
        beside(linked(mode), mode);
    }
}

#[test]
fn a_plugins_panics_are_logged_through_the_host() {
    let (mut registry, said) = unsettled(&["faulty", "null"], "memfd");
    for name in ["faulty", "keeper", "emitter", "laned", "null"] {
        registry.link(name, LinkMode::Dylib);
    }
    beside(Arc::new(registry), LinkMode::Dylib);
    let said = said.lock().unwrap();
    let plugin = file_name("faulty");
    // The hook runs where the panic is, so those of threads and callbacks of the host are there too.
    for place in ["new", "pull", "write", "drop", "a waker", "a host callback"] {
        let wanted = format!("told to panic in {place}").to_lowercase();
        let fits = |message: &str| message.to_lowercase().contains(&wanted);
        let found = said
            .iter()
            .any(|(who, _, message)| *who == plugin && fits(message));
        assert!(found, "{place}: {said:?}");
    }
}
