//! Engines beside each other, engines that are dropped, and what they leave behind: nothing.

use std::sync::atomic::Ordering;

use serde_json::json;
use temblor_pdk::OwnedValue;

use crate::connectors::probe;
use crate::support::{all, builder, counts, ended, engine, start, text, until, with};

/// Threads of this process that belong to engines, by name.
fn engine_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("temblor-")).count()
}

/// In a process of its own, so that other tests' engines are not counted.
const CHILD: &str = "TEMBLOR_TEST_ENGINES";

fn in_child(test: &str, work: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return work();
    }
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("engines::{test}")])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("1 passed"),
        "{done:?}"
    );
}

#[test]
fn a_dropped_engine_leaves_no_thread_and_no_descriptor() {
    in_child(
        "a_dropped_engine_leaves_no_thread_and_no_descriptor",
        || {
            let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
            let mut before = None;
            for round in 0..20 {
                let (engine, _) = builder().0.workers(3).build().map(|e| (e, ())).unwrap();
                // A thread names itself once it runs.
                until("its threads run", || engine_threads() == 4);
                let name = format!("dropped_{round}");
                let numbers = json!({ "probe": name, "pulls": [5, 5], "then": "wait" });
                let flow = start(
                    &engine,
                    &text(
                        &[
                            &with("s", "t_numbers", &numbers),
                            "m from metronome with config = {\"interval_ms\": 1} end",
                            &with("a", "t_taker", &json!({ "probe": name })),
                        ],
                        &[],
                        &["connector/s -> connector/a", "connector/m -> connector/a"],
                    ),
                );
                until("it runs", || probe(&name).numbers().len() == 10);
                drop(engine);
                assert_eq!(engine_threads(), 0);
                assert_eq!(probe(&name).alive.load(Ordering::SeqCst), 0);
                // The handle outlives the engine, and says what became of the flow.
                let report = flow.wait();
                crate::support::conserved(&report);
                assert!(report.stopped && flow.is_ended());
                flow.drain();
                assert_eq!(flow.report().counts, report.counts);
                // What the first round leaves behind belongs to the process: a reactor and its descriptors.
                assert_eq!(*before.get_or_insert_with(descriptors), descriptors());
            }
        },
    );
}

#[test]
fn a_flow_that_fails_to_start_leaves_no_descriptor() {
    in_child("a_flow_that_fails_to_start_leaves_no_descriptor", || {
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let (engine, _) = engine();
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let good = format!(
            "f from file with config = {{\"path\": \"{path}\", \"mode\": \"append\"}}, codec = \"json\" end"
        );
        let bad = with(
            "a",
            "t_numbers",
            &json!({ "probe": "fds", "fail_in": "connect" }),
        );
        let text = text(&[&good, &bad], &[], &["connector/a -> connector/f"]);
        let mut before = None;
        for _ in 0..10 {
            assert!(crate::support::try_start(&engine, &text).is_err());
            assert_eq!(*before.get_or_insert_with(descriptors), descriptors());
        }
    });
}

#[test]
fn several_engines_run_side_by_side() {
    let engines: Vec<_> = (0..4)
        .map(|_| {
            let (mut builder, _) = builder();
            let (input, output) = (builder.input("i"), builder.output("o"));
            let engine = builder.workers(1).build().unwrap();
            let flow = start(
                &engine,
                &text(
                    &["i from i", "o from o"],
                    &[],
                    &["connector/i -> connector/o"],
                ),
            );
            (engine, input, output, flow)
        })
        .collect();
    let runs = engines
        .into_iter()
        .enumerate()
        .map(|(at, (engine, input, output, flow))| {
            std::thread::spawn(move || {
                let reader = std::thread::spawn(move || all(&output));
                for n in 0..1000 {
                    input.send(OwnedValue::from(n * (at as i64 + 1))).unwrap();
                }
                drop(input);
                let report = ended(&flow);
                drop(engine);
                assert_eq!(counts(&report), [1000, 1000, 0, 0, 0, 0]);
                assert_eq!(reader.join().unwrap()[999], (999 * (at + 1)).to_string());
            })
        });
    let runs: Vec<_> = runs.collect();
    runs.into_iter().for_each(|run| run.join().unwrap());
}

#[test]
fn several_flows_share_an_engine() {
    let (engine, _) = engine();
    let flows: Vec<_> = (0..20)
        .map(|at| {
            let name = format!("shared_{at}");
            let numbers = json!({ "probe": name, "pulls": [at, 100, 1] });
            start(
                &engine,
                &text(
                    &[
                        &with("s", "t_numbers", &numbers),
                        &with("a", "t_taker", &json!({ "probe": name })),
                    ],
                    &[],
                    &["connector/s -> connector/a"],
                ),
            )
        })
        .collect();
    for (at, flow) in flows.iter().enumerate() {
        let events = 101 + at as u64;
        assert_eq!(counts(&ended(flow)), [events, events, 0, 0, 0, 0]);
    }
}

#[test]
fn records_and_metrics_carry_the_connectors_name() {
    let (engine, records) = engine();
    let numbers = json!({ "probe": "named", "pulls": [5, 2] });
    let flow = start(
        &engine,
        &text(
            &[
                &with("numbers_here", "t_numbers", &numbers),
                &with("taker_there", "t_taker", &json!({ "probe": "named" })),
            ],
            &[],
            &["connector/numbers_here -> connector/taker_there"],
        ),
    );
    ended(&flow);
    assert!(crate::support::logged(&records, "numbers_here", "made 5"));
    let metric = |connector: &str, name: &str| {
        let metrics = engine.metrics();
        let found = metrics
            .iter()
            .find(|m| m.connector == connector && m.name == name);
        found.map(|m| (m.flow.clone(), m.plugin.clone(), m.value.as_u64()))
    };
    let main = |value| Some(("main".to_owned(), None, Some(value)));
    assert_eq!(metric("numbers_here", "temblor_cell_made_total"), main(7));
    assert_eq!(metric("taker_there", "temblor_cell_written_total"), main(7));
    assert_eq!(metric("taker_there", "temblor_cell_made_total"), None);
    let came_in = "temblor_source_events_in_total";
    assert_eq!(metric("numbers_here", came_in), main(7));
    assert_eq!(metric("taker_there", came_in), None);
    let delivered = "temblor_sink_events_delivered_total";
    assert_eq!(metric("taker_there", delivered), main(7));
}
