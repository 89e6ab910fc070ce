//! Sliding windows of many shapes come to what a window over the same events comes to that takes them in one by one.

mod common;

use common::{json, query};
use serde_json::Value as Json;
use temblor_lang::{Pipeline, Scratch};
use temblor_pdk::value::{Arena, Event, Value};

/// Compiles a select with all aggregates over a window.
fn all_aggregates(window: &str) -> Pipeline {
    query(&format!(
        r#"define window w from {window} end;
        select {{
            "count": aggr::stats::count(),
            "sum": aggr::stats::sum(event),
            "mean": aggr::stats::mean(event),
            "min": aggr::stats::min(event),
            "max": aggr::stats::max(event),
            "var": aggr::stats::var(event),
            "stdev": aggr::stats::stdev(event),
            "hdr": aggr::stats::hdr(event, ["0.5", "0.9"]),
            "usual": aggr::stats::hdr(event).percentiles,
            "dds": aggr::stats::dds(event, ["0.5", "0.9"]),
            "first": aggr::win::first(event),
            "last": aggr::win::last(event),
            "all": aggr::win::collect_flattened(event),
            "nested": aggr::win::collect_nested(event)
        }} from in[w] into out"#
    ))
}

/// Runs numbers, each with its time, through a pipeline.
fn run(pipeline: &Pipeline, events: &[(u64, u64)]) -> Vec<Json> {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = pipeline.state();
    let mut results = Vec::new();
    let mut run = pipeline.start(&arena, &mut scratch, &mut state);
    for (time, number) in events {
        let mut event = Event::new(Value::from(*number));
        event.ingest_ns = *time;
        run.event(0, event, &mut |_, event| {
            results.push(serde_json::from_str(&json(event.data)).expect("it is JSON"));
        })
        .expect("it is right");
    }
    results
}

/// What one window over exactly these events comes to.
fn at_once(events: &[(u64, u64)]) -> Json {
    let window = format!("tumbling with size = {}", events.len());
    run(&all_aggregates(&window), events).remove(0)
}

/// Numbers that look random, the same each time.
fn events(count: u64) -> Vec<(u64, u64)> {
    let number = |at: u64| at.wrapping_mul(2_654_435_761) % 1_009;
    // Some come at the same time, and sometimes there is a pause.
    let time = |at: u64| at * 3 / 2 + at / 10 * 7;
    (0..count).map(|at| (time(at), number(at))).collect()
}

/// Whether two results are the same; variances are not the same to the last digit, whoever adds up.
fn is_same(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            found.len() == expected.len()
                && found
                    .iter()
                    .all(|(key, value)| is_same(value, &expected[key]))
        }
        (Json::Number(found), Json::Number(expected)) => {
            let float = |number: &serde_json::Number| number.as_f64().expect("it is finite");
            let (found, expected) = (float(found), float(expected));
            (found - expected).abs() <= expected.abs() * 1e-9
        }
        (found, expected) => found == expected,
    }
}

fn compare(window: &str, found: &[Json], expected: &[Json]) {
    assert_eq!(found.len(), expected.len(), "{window}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(is_same(found, expected), "{window}: {found}\n{expected}");
    }
}

#[test]
fn windows_that_slide_over_events() {
    for (size, slide, count) in [
        (2, 1, 12),
        (3, 1, 12),
        (5, 2, 20),
        (6, 2, 30),
        (6, 4, 40),
        (6, 5, 40),
        (7, 7, 30),
        // Parts of more numbers than are kept one by one.
        (200, 50, 450),
        (100, 75, 450),
    ] {
        let window = format!("sliding with size = {size}, slide = {slide}");
        let events = events(count);
        let expected: Vec<Json> = events.windows(size).step_by(slide).map(at_once).collect();
        compare(&window, &run(&all_aggregates(&window), &events), &expected);
    }
}

#[test]
fn windows_that_slide_over_time() {
    for (interval, slide, count) in [
        (2, 1, 30),
        (10, 5, 60),
        (12, 4, 60),
        (20, 1, 60),
        (8, 8, 60),
    ] {
        let window = format!("sliding with interval = {interval}, slide = {slide}");
        let events = events(count);
        let now = events.last().map_or(0, |(time, _)| *time);
        compare(
            &window,
            &run(&all_aggregates(&window), &events),
            &over_time(&events, interval, slide, now),
        );
    }
}

/// The windows that close until now, each looked at from its end.
fn over_time(events: &[(u64, u64)], interval: u64, slide: u64, now: u64) -> Vec<Json> {
    let mut expected = Vec::new();
    let mut rest = events;
    while let Some((start, _)) = rest.first() {
        let mut end = start + interval;
        loop {
            let is_in = |(time, _): &&(u64, u64)| *time + interval >= end && *time < end;
            let within: Vec<(u64, u64)> = rest.iter().filter(is_in).copied().collect();
            if end > now {
                return expected;
            }
            expected.push(at_once(&within));
            let is_kept = |(time, _): &(u64, u64)| *time + interval >= end + slide;
            if !within.iter().any(is_kept) {
                break;
            }
            end += slide;
        }
        // Nothing is left in the next window: the events behind it start afresh.
        let behind = rest.iter().position(|(time, _)| *time >= end);
        rest = &rest[behind.unwrap_or(rest.len())..];
    }
    expected
}
