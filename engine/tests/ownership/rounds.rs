//! Memory that crosses between plugins and the host under load, in any order and on any thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use serde_json::json;
use temblor::Engine;
use temblor_pdk::{Batch, BatchBuilder, Call, Event, Kind, OperatorSink, OwnedValue, Value};
use temblor_registry::{LinkMode, Registry};

use crate::plugins::unsettled;
use crate::support::{builder, coded, ended, start, text, with};

/// Flows, one after the other. Each makes some hundred batches.
const ROUNDS: u64 = 6;

/// Plugins with symbols that tools find by file name.
fn registry() -> Arc<Registry> {
    let (mut registry, _) = unsettled(&["blaster", "faulty", "null"], "path");
    for name in ["blaster", "emitter", "faulty", "keeper", "laned", "null"] {
        registry.link(name, LinkMode::Dylib);
    }
    Arc::new(registry)
}

/// Values of an arena of one plugin and text of a buffer of another are edited, split and merged by the host, kept by
/// a static of a plugin and by a window of the program, and freed on other threads.
fn round(registry: &Arc<Registry>, round: u64, lines: &std::path::Path) {
    let mut builder = builder().0.registry(Arc::clone(registry));
    let window = builder.output("kept");
    let engine: Engine = builder.build().unwrap();
    let emitter = json!({ "count": 2000, "batch": 1 + round * 2, "fields": round * 9 });
    let blaster = json!({ "file": lines, "iterations": 3, "chunk_events": 5 + round });
    let keeper = json!({ "keep": round * 3, "delay_ms": round % 3 });
    let flow = text(
        &[
            &with("e", "emitter", &emitter),
            &coded("b", "blaster", &blaster, "codec = \"json\""),
            &with("k", "keeper", &keeper),
            "n from `null`",
            "kept from kept",
        ],
        &[(
            "p from in into out, odd",
            "select { \"whole\": event, \"id\": event.id, \"text\": event.text } from in
             where event.id % 2 == 0 into out;
             select event from in where event.id % 2 == 1 into odd;
             select event.nested from in where event.id % 5 == 0 into odd;",
        )],
        &[
            "connector/e -> pipeline/p",
            "connector/b -> pipeline/p",
            "pipeline/p/out -> connector/k",
            "pipeline/p/out -> connector/kept",
            "pipeline/p/odd -> connector/kept",
            "pipeline/p/odd -> connector/n",
        ],
    );
    let flow = start(&engine, &flow);
    // A window of batches that outlive their flow and their makers; what falls out of it is freed by a third thread.
    let (freed, to_free) = sync_channel::<Batch>(64);
    let last = std::thread::spawn(move || to_free.iter().map(read).sum::<usize>());
    let reader = std::thread::spawn(move || {
        let mut kept = VecDeque::new();
        while let Some(batch) = window.receive() {
            kept.push_back(batch);
            if kept.len() > 40 {
                freed.send(kept.pop_front().unwrap()).unwrap();
            }
        }
        kept
    });
    let report = ended(&flow);
    assert!(report.is_ok(), "{report:?}");
    let fields = report.counts;
    assert_eq!((fields.events_in, fields.failed), (2000 + 900, 0));
    let kept = reader.join().unwrap();
    // The keeper's own threads may still hold some of it.
    drop(engine);
    assert!(!kept.is_empty());
    assert!(kept.into_iter().map(read).sum::<usize>() > 0);
    last.join().unwrap();
}

/// Reads everything that a batch reaches, and lets go of it.
fn read(batch: Batch) -> usize {
    let mut json = Vec::new();
    for event in batch.events() {
        event.data.write_json(&mut json);
        let owned: OwnedValue = event.data.to_owned_value();
        assert!(!matches!(owned, OwnedValue::Bytes(_)));
    }
    json.len()
}

/// Events that an operator of a plugin kept, and what functions of it made of them, in an arena of the host that is
/// frozen and freed on another thread after both are gone.
fn made(registry: &Registry, round: u64) -> Batch {
    let operator = registry.find(Kind::Operator, "fixture::delay").unwrap();
    let module = registry.find(Kind::FunctionModule, "fixture").unwrap();
    let mut operator = operator.make_operator(r#"{"keep": 5}"#).unwrap();
    let functions = module.make_functions().unwrap();
    let function = |name| {
        let mut infos = functions.describe().iter();
        infos.position(|info| info.name == name).unwrap()
    };
    let (wrap, repeat, panic) = (function("wrap"), function("repeat"), function("panic"));
    let mut builder = BatchBuilder::new();
    builder.push(|arena| {
        let mut all: Vec<Event<'_>> = Vec::new();
        for number in 0..200 {
            let call = |index, args: &[Value<'_>]| {
                let args: Vec<Value<'_>> = args.iter().map(|arg| arena.copy(*arg)).collect();
                functions.call(
                    index,
                    &Call {
                        args: &args,
                        arena,
                        ingest_ns: number,
                        groups: 0,
                        instance: "ownership",
                    },
                )
            };
            let text = call(repeat, &["text ".into(), (number * round).into()]).unwrap();
            let wrapped = call(wrap, &[text, (number % 9).into()]).unwrap();
            assert!(call(panic, &[text]).is_err());
            let mut take = |_: u32, event| all.push(event);
            let mut sink = OperatorSink::new(&mut take);
            let done = operator.on_event("in", Event::new(wrapped), arena, &mut sink);
            assert_eq!(done, Ok(()));
            let null = operator.on_event("in", Event::new(Value::NULL), arena, &mut sink);
            assert!(null.is_err());
        }
        let all: Vec<Value<'_>> = all.iter().map(|event| event.data).collect();
        Event::new(arena.array(&all))
    });
    builder.seal()
}

#[test]
fn values_of_functions_and_operators_outlive_them() {
    let registry = registry();
    for at in 1..=ROUNDS {
        let batch = made(&registry, at);
        assert_eq!(batch.events()[0].data.as_array().unwrap().len(), 195);
        let reader = std::thread::spawn(move || read(batch));
        assert!(reader.join().unwrap() > 0);
    }
}

#[test]
fn values_of_plugins_are_edited_split_kept_and_freed_elsewhere() {
    let mut lines = String::new();
    for id in 0..300 {
        let text = "long enough to be worth a reference ".repeat(id % 7);
        lines += &format!(
            "{}\n",
            json!({ "id": id, "text": text, "nested": [id, { "x": text }] })
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lines.jsonl");
    std::fs::write(&path, lines).unwrap();
    let registry = registry();
    for at in 0..ROUNDS {
        round(&registry, at, &path);
    }
    // Threads of the keeper let go last.
    std::thread::sleep(std::time::Duration::from_millis(20));
    crate::support::until("all memory is back", || {
        temblor_pdk::value::pinned_bytes() == 0
    });
}
