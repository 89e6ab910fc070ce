//! Engines that keep their log, flows from a few lines, and the rule that holds after every flow.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use temblor::{Counts, Engine, EngineBuilder, FlowHandle, FlowReport, Output, StartError};
use temblor_pdk::log::{Level, LevelFilter};

/// What was logged: level, connector or pipeline, message.
pub(crate) type Records = Arc<Mutex<Vec<(Level, Option<String>, String)>>>;

/// A builder with two workers that keeps its log.
pub(crate) fn builder() -> (EngineBuilder, Records) {
    let records = Records::default();
    let keep = Arc::clone(&records);
    let builder = Engine::builder()
        .workers(2)
        .log(LevelFilter::Trace, move |record| {
            let connector = record.connector.or(record.pipeline).map(str::to_owned);
            let message = record.message.to_owned();
            keep.lock()
                .unwrap()
                .push((record.level, connector, message));
        });
    (builder, records)
}

pub(crate) fn engine() -> (Engine, Records) {
    let (builder, records) = builder();
    (builder.build().unwrap(), records)
}

/// Whether a record about `connector` contains `text`.
pub(crate) fn logged(records: &Records, connector: &str, text: &str) -> bool {
    let records = records.lock().unwrap();
    let fits = |about: &Option<String>| about.as_deref().is_some_and(|name| name == connector);
    records
        .iter()
        .any(|(_, about, message)| fits(about) && message.contains(text))
}

/// A flow text: connectors as `name from kind …`, pipelines as `name` and body, and links as `a -> b`. Between two
/// connectors a pipeline is put that passes everything on.
pub(crate) fn text(connectors: &[&str], pipelines: &[(&str, &str)], links: &[&str]) -> String {
    let mut text = String::from("define flow main\nflow\n");
    for connector in connectors {
        let name = connector.split_whitespace().next().unwrap();
        text += &format!("define connector {connector};\ncreate connector {name};\n");
    }
    for (name, body) in pipelines {
        let head = name.split_whitespace().next().unwrap();
        text +=
            &format!("define pipeline {name}\npipeline\n{body}\nend;\ncreate pipeline {head};\n");
    }
    for (at, link) in links.iter().enumerate() {
        let (from, to) = link.split_once(" -> ").unwrap();
        if from.starts_with("connector/") && to.starts_with("connector/") {
            text += &format!(
                "define pipeline via{at}\npipeline\nselect event from in into out;\nend;\n\
                 create pipeline via{at};\nconnect /{from} to /pipeline/via{at};\n\
                 connect /pipeline/via{at} to /{to};\n"
            );
        } else {
            text += &format!("connect /{from} to /{to};\n");
        }
    }
    text + "end;\ndeploy flow main\n"
}

/// A connector's definition with a configuration.
pub(crate) fn with(name: &str, kind: &str, config: &serde_json::Value) -> String {
    format!("{name} from {kind} with config = {config} end")
}

/// A connector's definition with a configuration; once it breaks, it has failed.
pub(crate) fn fragile(name: &str, kind: &str, config: &serde_json::Value) -> String {
    format!("{name} from {kind} with config = {config}, reconnect = \"none\" end")
}

/// A connector's definition with a configuration and a codec, and more of the same kind.
pub(crate) fn coded(name: &str, kind: &str, config: &serde_json::Value, more: &str) -> String {
    format!("{name} from {kind} with config = {config}, {more} end")
}

pub(crate) fn try_start(engine: &Engine, text: &str) -> Result<FlowHandle, StartError> {
    let program = match temblor::compile("test.troy", text) {
        Ok(program) => program,
        Err(error) => panic!("{error}"),
    };
    engine.start(&program.flows[0])
}

pub(crate) fn start(engine: &Engine, text: &str) -> FlowHandle {
    match try_start(engine, text) {
        Ok(flow) => flow,
        Err(error) => panic!("{error} (help: {:?})\n{text}", error.help),
    }
}

/// Waits for the end of a flow, and checks that every event has exactly one fate.
pub(crate) fn ended(flow: &FlowHandle) -> FlowReport {
    let report = flow.wait();
    conserved(&report);
    assert_eq!(report.counts.in_flight, 0, "{report:?}");
    for connector in &report.connectors {
        let queue = connector.queue.unwrap_or_default();
        let left = (connector.numbers.in_flight, queue.batches, queue.events);
        assert_eq!(left, (0, 0, 0), "{connector:?}");
    }
    report
}

/// `in = delivered + failed + dropped + in flight`, for the flow and for each of its sources.
pub(crate) fn conserved(report: &FlowReport) {
    let sources = report.connectors.iter().filter_map(|c| c.source);
    let all: Vec<Counts> = sources.collect();
    for counts in all.iter().chain([&report.counts]) {
        let sum = counts.delivered + counts.failed + counts.dropped() + counts.in_flight;
        assert_eq!(counts.events_in, sum, "{report:?}");
    }
    assert_eq!(all.into_iter().sum::<Counts>(), report.counts, "{report:?}");
}

/// The counts in short: in, delivered, failed, filtered, dead ends, empty.
pub(crate) fn counts(report: &FlowReport) -> [u64; 6] {
    let c = report.counts;
    [
        c.events_in,
        c.delivered,
        c.failed,
        c.filtered,
        c.dead_ends,
        c.empty,
    ]
}

/// Everything that an output gives until its flow has ended, as JSON.
pub(crate) fn all(output: &Output) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(batch) = output.receive() {
        for event in batch.events() {
            let mut json = Vec::new();
            event.data.write_json(&mut json);
            all.push(String::from_utf8(json).unwrap());
        }
    }
    all
}

/// Waits until something is so; far longer than it can take.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "never happened: {what}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
