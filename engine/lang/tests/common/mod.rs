//! What several tests need: compiling texts, running pipelines on JSON, reading case files.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::PathBuf;
use std::sync::Arc;

use temblor_lang::{
    Deployment, EvalError, Finding, Options, Pipeline, Rejected, Scratch, Source, Sources,
    compile_deployment, compile_query,
};
use temblor_pdk::value::{Arena, Event, OwnedValue, Value};

pub(crate) fn source(name: &str, text: &str) -> Arc<Source> {
    Arc::new(Source::new(name, text))
}

pub(crate) fn query(text: &str) -> Pipeline {
    let source = source("test.trickle", text);
    match compile_query(&source, &Options::default()) {
        Ok(query) => query.pipeline,
        Err(rejected) => panic!("{}", rendered(&rejected)),
    }
}

pub(crate) fn deployment(text: &str) -> Deployment {
    deployment_with(text, &Options::default())
}

pub(crate) fn deployment_with(text: &str, options: &Options) -> Deployment {
    let source = source("test.troy", text);
    match compile_deployment(&source, options) {
        Ok(deployment) => deployment,
        Err(rejected) => panic!("{}", rendered(&rejected)),
    }
}

pub(crate) fn rendered(rejected: &Rejected) -> String {
    shown(&rejected.findings, &rejected.sources)
}

pub(crate) fn shown(findings: &[Finding], sources: &Sources) -> String {
    let all: Vec<_> = findings
        .iter()
        .map(|finding| temblor_lang::render(finding, sources))
        .collect();
    all.join("\n")
}

pub(crate) fn owned(json: &str) -> OwnedValue {
    serde_json::from_str(json).expect("the test's JSON is right")
}

pub(crate) fn json(value: Value<'_>) -> String {
    let mut out = Vec::new();
    value.write_json(&mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Runs one event through a pipeline; results are shown as `port data`, or `port data $meta` if there is metadata.
pub(crate) fn run(
    pipeline: &Pipeline,
    input: &str,
    data: &str,
    meta: &str,
) -> (Vec<String>, Result<(), EvalError>) {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut results = Vec::new();
    let mut event = Event::new(arena.value(&owned(data)));
    event.meta = arena.value(&owned(meta));
    let port = pipeline.input(input).expect("the input port exists");
    let outcome = pipeline
        .start(&arena, &mut scratch, &mut pipeline.state())
        .event(port, event, &mut |port, event| {
            let port = pipeline
                .outputs()
                .nth(port)
                .expect("the output port exists");
            let meta = if event.meta.is_null() {
                String::new()
            } else {
                format!(" ${}", json(event.meta))
            };
            results.push(format!("{port} {}{meta}", json(event.data)));
        });
    (results, outcome)
}

/// A directory of cases.
pub(crate) fn case_path(directory: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(directory)
}

/// The files of a directory of cases, with their names.
pub(crate) fn case_files(directory: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(case_path(directory))
        .expect("the directory exists")
        .map(|entry| entry.expect("the directory can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let read = |path: PathBuf| {
        let name = path
            .file_name()
            .expect("files have names")
            .to_string_lossy()
            .into_owned();
        (
            name,
            std::fs::read_to_string(&path).expect("the file can be read"),
        )
    };
    files.into_iter().map(read).collect()
}
