//! Examples of one line, and what they result in.

use std::sync::Arc;

use serde_json::Value as Json;
use temblor_lang::{
    Options, Query, Rejected, Scratch, Source, compile_query, compile_script, render,
};
use temblor_pdk::{Arena, Event, OwnedValue};

/// What a script makes of the event `null`.
///
/// # Errors
/// What the compiler says, or what goes wrong when it runs.
pub(crate) fn script(text: &str) -> Result<Json, String> {
    let source = Arc::new(Source::new("example.tremor", text));
    let query = compile_script(&source, &Options::default()).map_err(|r| shown(&r))?;
    last(&query, &[Json::Null])
}

/// What comes out of a query last.
///
/// # Errors
/// What the compiler says, or what goes wrong when it runs.
pub(crate) fn query(text: &str, events: &[Json]) -> Result<Json, String> {
    let source = Arc::new(Source::new("example.trickle", text));
    let query = compile_query(&source, &Options::default()).map_err(|r| shown(&r))?;
    last(&query, events)
}

fn last(query: &Query, events: &[Json]) -> Result<Json, String> {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let pipeline = &query.pipeline;
    let (mut state, mut last) = (pipeline.state(), None);
    let input = pipeline.input("in").ok_or("there is no port `in`")?;
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    for event in events {
        let value: OwnedValue = serde_json::from_value(event.clone()).map_err(|e| e.to_string())?;
        let event = Event::new(arena.value(&value));
        let done = run.event(input, event, &mut |_, event| {
            last = Some(event.data.to_json())
        });
        done.map_err(|error| error.to_string())?;
    }
    let last = last.ok_or("nothing comes out")?;
    serde_json::from_str(&last).map_err(|error| error.to_string())
}

fn shown(rejected: &Rejected) -> String {
    let shown = rejected.findings.iter();
    shown.map(|f| render(f, &rejected.sources)).collect()
}
