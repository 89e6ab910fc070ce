//! What is done with any bytes at all: they are compiled as everything that a text can be, and what compiles is run.
//!
//! The fuzzer and the test that replays its corpus share this.

use std::sync::Arc;

use temblor_lang::{
    Finding, Options, Pipeline, Rejected, Scratch, Source, Sources, compile_deployment,
    compile_query, compile_script, render,
};
use temblor_pdk::value::{Arena, Event, Field, Value};

/// Compiles and runs bytes. Panics if something is reported that has no place.
pub(crate) fn exercise(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let options = Options::default();
    let source = |suffix: &str| Arc::new(Source::new(format!("any.{suffix}"), &*text));
    match compile_script(&source("tremor"), &options) {
        Ok(script) => {
            check(&script.warnings, &script.sources);
            run(&script.pipeline);
        }
        Err(rejected) => check_rejected(&rejected),
    }
    match compile_query(&source("trickle"), &options) {
        Ok(query) => {
            check(&query.warnings, &query.sources);
            run(&query.pipeline);
        }
        Err(rejected) => check_rejected(&rejected),
    }
    match compile_deployment(&source("troy"), &options) {
        Ok(deployment) => {
            check(&deployment.warnings, &deployment.sources);
            let flows = deployment.flows.iter();
            for pipeline in flows.flat_map(|flow| &flow.pipelines) {
                run(&pipeline.pipeline);
            }
        }
        Err(rejected) => check_rejected(&rejected),
    }
}

fn check_rejected(rejected: &Rejected) {
    assert!(!rejected.findings.is_empty(), "rejected without a reason");
    check(&rejected.findings, &rejected.sources);
}

fn check(findings: &[Finding], sources: &Sources) {
    for finding in findings {
        assert!(!render(finding, sources).is_empty());
        let located = finding.locate(sources);
        let (start, end) = (
            (located.line, located.column),
            (located.end_line, located.end_column),
        );
        assert!((1, 1) <= start && start <= end, "{finding:?}");
    }
}

/// Runs a few events of different shapes, some of them twice, then time passes.
fn run(pipeline: &Pipeline) {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = pipeline.state();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    let list = arena.array(&[Value::from(3), Value::from("c"), Value::from(1.5)]);
    let record = arena.object(&[
        Field::new("a", Value::from(1)),
        Field::new("b", list),
        Field::new("c", Value::from("text")),
    ]);
    let events = [
        Value::NULL,
        Value::from(7),
        Value::from("a b=c"),
        record,
        record,
        list,
        Value::bytes(b"\xff\x00"),
    ];
    for (at, data) in events.into_iter().enumerate() {
        let mut event = Event::new(data);
        event.ingest_ns = at as u64 * 1_000_000_000;
        for input in 0..pipeline.inputs().len() {
            // An event that fails is as good as one that does not.
            let _ = run.event(input, event, &mut |_, event| {
                std::hint::black_box(event.data.to_json());
            });
        }
    }
    let _ = run.tick(100_000_000_000, &mut |_, _| {});
}
