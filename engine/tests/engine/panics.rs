//! Panics of connectors that are built in, called natively and through the C ABI, and of the embedding program.

use serde_json::json;
use temblor::{ConnectorState, Engine};
use temblor_pdk::OwnedValue;
use temblor_pdk::log::LevelFilter;
use temblor_registry::LinkMode;

use crate::support::{builder, ended, fragile, start, text, try_start, with};

/// Runs a flow whose connector panics beside one that delivers all the while.
fn beside_a_panic(mode: LinkMode, side: &str, place: &str, then: &str) {
    let (mut builder, _) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let mut registry = temblor::builtin_registry().unwrap();
    registry.link("t_numbers", mode);
    registry.link("t_taker", mode);
    let engine = builder.registry(registry).build().unwrap();
    let other = start(
        &engine,
        &text(
            &["i from i", "o from o"],
            &[],
            &["connector/i -> connector/o"],
        ),
    );
    let deliver = |n: i64| {
        input.send(OwnedValue::from(n)).unwrap();
        let batch = output.receive().unwrap();
        assert_eq!(batch.events()[0].data.as_i64(), Some(n));
    };
    deliver(1);
    let faulty = |at: &str| if at == side { place } else { "" };
    let numbers =
        json!({ "probe": "panics", "pulls": [3, 3], "panic_in": faulty("source"), "then": then });
    let taker = json!({ "probe": "panics", "panic_in": faulty("sink") });
    let text = text(
        &[
            &fragile("s", "t_numbers", &numbers),
            &fragile("a", "t_taker", &taker),
        ],
        &[],
        &["connector/s -> connector/a"],
    );
    let what = format!("{mode:?} {side} {place}");
    match try_start(&engine, &text) {
        Err(error) => assert!(error.message.contains("told to panic"), "{what}: {error}"),
        Ok(flow) => {
            deliver(2);
            let report = ended(&flow);
            let failed = &report.connectors[usize::from(side == "sink")];
            if place == "drop" {
                assert!(report.is_ok(), "{what}: {report:?}");
            } else {
                assert_eq!(failed.state, ConnectorState::Failed, "{what}: {report:?}");
                let error = failed.error.as_ref().unwrap().message();
                assert!(error.contains("panic"), "{what}: {error}");
            }
        }
    }
    deliver(3);
    drop(input);
    assert!(ended(&other).is_ok());
}

const STARTING: [&str; 4] = ["new", "connect", "create", "start"];

#[test]
fn panics_of_sources_stay_with_them() {
    for mode in [LinkMode::Native, LinkMode::Abi] {
        for place in STARTING.iter().chain(&["pull", "fates", "drop", "stop"]) {
            beside_a_panic(mode, "source", place, "");
        }
        beside_a_panic(mode, "source", "", "host_callback");
    }
}

#[test]
fn panics_of_sinks_stay_with_them() {
    for mode in [LinkMode::Native, LinkMode::Abi] {
        for place in STARTING.iter().chain(&["write", "flush", "drop", "stop"]) {
            beside_a_panic(mode, "sink", place, "");
        }
    }
}

#[test]
fn a_log_function_that_panics_harms_nothing() {
    for mode in [LinkMode::Native, LinkMode::Abi] {
        let mut registry = temblor::builtin_registry().unwrap();
        registry.link("t_numbers", mode);
        let engine = Engine::builder()
            .registry(registry)
            .workers(1)
            .log(LevelFilter::Trace, |_| panic!("told to panic in the log"))
            .build()
            .unwrap();
        for _ in 0..3 {
            let numbers = json!({ "probe": "log_panics", "pulls": [3] });
            let flow = start(
                &engine,
                &text(
                    &[
                        &with("s", "t_numbers", &numbers),
                        &with(
                            "a",
                            "t_taker",
                            &json!({ "probe": "log_panics", "refuse": [1] }),
                        ),
                    ],
                    &[],
                    &["connector/s -> connector/a"],
                ),
            );
            assert_eq!(ended(&flow).counts.failed, 3);
        }
    }
}
