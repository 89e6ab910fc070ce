//! What windows hold is not acked before what came of it has arrived.

use std::sync::Arc;

use serde_json::json;
use temblor::{Engine, FlowHandle};
use temblor_pdk::{Error, Fate};

use crate::connectors::{Probe, lock, probe};
use crate::support::{ended, engine, start, text, until, with};

/// Runs pulls of `t_numbers`, which then waits, through a pipeline into a sink whose fates the test tells.
fn run(name: &str, sizes: &[u64], body: &str) -> (Engine, FlowHandle, Arc<Probe>, Arc<Probe>) {
    let (engine, _) = engine();
    let config = json!({ "probe": name, "pulls": sizes, "then": "wait" });
    let sink = format!("{name}_sink");
    let text = text(
        &[
            &with("s", "t_numbers", &config),
            &with("k", "t_late", &json!({ "probe": sink })),
        ],
        &[("p", body)],
        &["connector/s -> pipeline/p", "pipeline/p -> connector/k"],
    );
    let flow = start(&engine, &text);
    (engine, flow, probe(name), probe(&sink))
}

fn until_taken(sink: &Probe, count: usize) {
    until("the sink has taken it", || lock(&sink.taken).len() == count);
}

/// Each pull with its fate, for pulls that have one fate each.
fn pulls(source: &Probe) -> Vec<Fate> {
    let ranges = source.fates();
    let pulls = ranges.iter().flat_map(|range| {
        let pulls = range.first_pull..=range.last_pull;
        pulls.map(|_| range.fate)
    });
    pulls.collect()
}

const FOUR: &str = "define window four from tumbling with size = 4 end;
    select { \"n\": aggr::stats::max(event.n) } from in[four] into out;";

#[test]
fn a_window_is_acked_with_what_came_of_it() {
    let (_engine, flow, source, sink) = run("window_acked", &[2, 2, 1], FOUR);
    until_taken(&sink, 1);
    until("all came in", || flow.report().counts.events_in == 5);
    assert_eq!(flow.report().counts.in_flight, 5);
    assert!(source.fates().is_empty());
    lock(&sink.taken)[0].1.acked();
    until("two pulls are told", || pulls(&source) == [Fate::Acked; 2]);
    // The third one is in a window that is open.
    assert_eq!(flow.report().counts.in_flight, 1);
    flow.drain();
    let counts = ended(&flow).counts;
    assert_eq!((counts.delivered, counts.absorbed), (1, 4));
    assert_eq!(pulls(&source), [Fate::Acked; 3]);
}

#[test]
fn a_window_that_is_refused_fails_all_that_went_in() {
    let (_engine, flow, source, sink) = run("window_failed", &[1, 2, 1, 4], FOUR);
    until_taken(&sink, 2);
    lock(&sink.taken)[0].1.failed(&Error::rejected("no"));
    lock(&sink.taken)[1].1.acked();
    let failed = Fate::Failed;
    until("all is told", || {
        pulls(&source) == [failed, failed, failed, Fate::Acked]
    });
    flow.drain();
    let counts = ended(&flow).counts;
    assert_eq!(
        (counts.failed, counts.delivered, counts.absorbed),
        (4, 1, 3)
    );
}

#[test]
fn groups_hold_what_is_theirs_and_windows_behind_windows_too() {
    let body = "define window two from tumbling with size = 2 end;
        select { \"n\": aggr::stats::max(event.n) } from in[two, two] group by event.n % 2 into out;";
    // The evens close the first window with 2 and the second one with 6, the odds with 3 and 7.
    let (_engine, flow, source, sink) = run("window_groups", &[1; 8], body);
    until_taken(&sink, 4);
    until("all came in", || flow.report().counts.events_in == 8);
    for (_, fates) in &*lock(&sink.taken) {
        fates.acked();
    }
    until("all is told", || pulls(&source) == [Fate::Acked; 8]);
    flow.drain();
    let counts = ended(&flow).counts;
    assert_eq!((counts.delivered, counts.absorbed), (4, 4));
}

#[test]
fn an_event_beside_a_window_fails_alone() {
    let body = format!("{FOUR} select event from in where event.n == 1 into out;");
    let (_engine, flow, source, sink) = run("window_beside", &[1, 1, 1], &body);
    until_taken(&sink, 1);
    lock(&sink.taken)[0].1.failed(&Error::rejected("no"));
    flow.drain();
    let counts = ended(&flow).counts;
    assert_eq!((counts.failed, counts.absorbed), (1, 2));
    assert_eq!(pulls(&source), [Fate::Acked, Fate::Failed, Fate::Acked]);
}

#[test]
fn a_window_that_cannot_be_computed_fails_all_that_went_in() {
    let body = "define window two from tumbling with size = 2 end;
        select match aggr::stats::max(event.n) > 2 of case true => 1 end from in[two] into out;";
    let (_engine, flow, source, sink) = run("window_lost", &[1, 1, 2], body);
    until_taken(&sink, 1);
    lock(&sink.taken)[0].1.acked();
    flow.drain();
    let counts = ended(&flow).counts;
    assert_eq!(
        (counts.failed, counts.delivered, counts.absorbed),
        (2, 1, 1)
    );
    assert_eq!(pulls(&source), [Fate::Failed, Fate::Failed, Fate::Acked]);
}

#[test]
fn a_window_that_never_closes_does_not_hold_its_source_up_for_ever() {
    let body = "define window two from tumbling with size = 2 end;
        select aggr::stats::count() from in[two] where event.n == 0 into out;";
    let sizes = vec![1; 17_000];
    let (_engine, flow, source, _) = run("window_late", &sizes, body);
    until("the first pull is told", || !source.fates().is_empty());
    until("all came in", || flow.report().counts.events_in == 17_000);
    flow.drain();
    let counts = ended(&flow).counts;
    assert_eq!((counts.absorbed, counts.filtered), (1, 16_999));
}
