//! Pipelines in steady state: once they are warm, an event allocates nothing outside of its arena.

mod common;

use std::sync::{Mutex, PoisonError};

use allocation_counter::measure;
use common::{owned, query};
use temblor_lang::{Pipeline, Scratch, State};
use temblor_pdk::value::{Arena, Event, OwnedValue};

/// Events of one shape that are not all alike.
fn events() -> Vec<OwnedValue> {
    let event = |n: usize| {
        let level = ["debug", "info", "warn", "error", "fatal", "other"][n % 6];
        owned(&format!(
            r#"{{"n": {n}, "level": "{level}", "host": "host {}", "msg": "text number {n}",
                "items": [{{"qty": {n}, "price": 2.5}}, {{"qty": 0, "price": 1}}, {{"qty": 2, "price": 1}}],
                "nested": {{"deep": {{"er": "{level}"}}}}}}"#,
            n % 3
        ))
    };
    (0..48).map(event).collect()
}

/// Runs a batch; returns how many events came out.
fn batch(
    pipeline: &Pipeline,
    state: &mut State,
    scratch: &mut Scratch,
    events: &[OwnedValue],
    time_ns: &mut u64,
) -> usize {
    let (arena, mut results) = (Arena::new(), 0);
    let mut run = pipeline.start(&arena, scratch, state);
    for event in events {
        let mut event = Event::new(arena.value(event));
        event.ingest_ns = *time_ns;
        *time_ns += 1_000_000;
        run.event(0, event, &mut |_, _| results += 1)
            .expect("it works");
    }
    results
}

/// Held by the test that runs: arenas take memory from a pool of the process, which other threads would empty.
static TURN: Mutex<()> = Mutex::new(());

/// Checks that a pipeline allocates nothing, and lets something through.
#[track_caller]
fn check(text: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (pipeline, events) = (query(text), events());
    let (mut state, mut scratch, mut time_ns) = (pipeline.state(), Scratch::default(), 0);
    let mut run = || batch(&pipeline, &mut state, &mut scratch, &events, &mut time_ns);
    for _ in 0..20 {
        run();
    }
    let mut results = 0;
    let counted = measure(|| {
        for _ in 0..20 {
            results += run();
        }
    });
    assert!(results > 0, "nothing comes out of {text}");
    let count = counted.count_total;
    assert_eq!(
        count, 0,
        "{count} allocations for {results} results of {text}"
    );
}

#[test]
fn what_is_filtered_and_renamed() {
    check(
        r#"select { "message": event.msg, "severity": event.level, "origin": event.nested.deep.er }
           from in where event.level != "debug" and event.n > 3 into out"#,
    );
    check(
        r#"define script rename script
             patch event of move "msg" => "message"; erase "nested" end
           end;
           create script rename;
           select event from in where event.level != "debug" into rename;
           select event from rename into out"#,
    );
}

#[test]
fn what_is_classified() {
    for target in ["event.level", "event.nested.deep.er"] {
        check(&format!(
            r#"define operator bucket from grouper::bucket;
               define script classify script
                 let $class = match {target} of
                   case "fatal" => "page"
                   case "error" => "page"
                   case "warn" => "mail"
                   case "info" => "log"
                   case _ => "rest"
                 end;
                 let $dimensions = [event.host, event.level];
                 let $rate = match $class of case "rest" => 10 case _ => 1000 end;
                 event
               end;
               create script classify;
               create operator bucket;
               select event from in into classify;
               select event from classify into bucket;
               select event from bucket into out"#
        ));
    }
}

#[test]
fn what_is_matched_by_its_form() {
    check(
        r#"select match event of
             case %{ level == "fatal" } => 1
             case %{ level == "error", present host } => 2
             case x = %{ nested ~= %{ deep ~= %{ er == "warn" } } } => x.nested
             case %{ n > 20, absent other } => 3
             case _ => 4
           end from in into out"#,
    );
}

#[test]
fn what_is_folded() {
    check(
        r#"select for event.items of
             case (i, item) when item.qty > 0 => item.qty * item.price
           into 0 end from in into out"#,
    );
    check(
        r##"select for event.items of
             case (i, item) => { "#{event.host} #{i}": [item.price, "#{item.qty + 1}"] }
           into {} end from in into out"##,
    );
}

#[test]
fn what_is_grouped_without_a_window() {
    check(
        r#"select { "host": group[0], "name": group[1] }
           from in group by event.host into out"#,
    );
    check(r#"select { "item": group[0] } from in group by each(event.items) into out"#);
    check(r#"select group from in group by set(event.host, event.level) into out"#);
}

#[test]
fn what_is_counted_in_a_window_of_events() {
    check(
        r#"define window ten from tumbling with size = 10 end;
           select { "count": aggr::stats::count(), "sum": aggr::stats::sum(event.n), "last": aggr::win::last(event.n) }
           from in[ten] into out"#,
    );
}
