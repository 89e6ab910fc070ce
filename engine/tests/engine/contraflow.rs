//! What operators learn of the events that they sent: the real ones, in flows whose sinks fail, lag and recover.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use temblor::{Engine, FlowHandle, FlowReport, Input};
use temblor_pdk::{Error, OwnedValue};

use crate::connectors::{Probe, lock, probe};
use crate::support::{builder, ended, start, text, until, with};

/// A flow with one operator: what it lets pass goes to a sink whose fates the test tells, the rest to one that takes all.
struct Case {
    _engine: Engine,
    flow: FlowHandle,
    input: Input,
    passed: Arc<Probe>,
    diverted: Arc<Probe>,
}

/// An operator `q`, and what it lets pass as `passed`.
fn case(name: &str, operator: &str, behind: &str) -> Case {
    let (mut builder, _) = builder();
    let input = builder.input("i");
    let engine = builder.build().unwrap();
    let (passed, diverted) = (format!("{name}_passed"), format!("{name}_diverted"));
    let late = with("a", "t_late", &json!({ "probe": passed }));
    let taker = with("b", "t_taker", &json!({ "probe": diverted }));
    let body = format!(
        "define operator q from {operator} end;
         create operator q;
         select event from in into q;
         {behind}
         select event from q/overflow into overflow;"
    );
    let links = [
        "connector/i -> pipeline/p",
        "pipeline/p -> connector/a",
        "pipeline/p/overflow -> connector/b",
    ];
    let head = "p into out, err, overflow";
    let text = text(&["i from i", &late, &taker], &[(head, &body)], &links);
    Case {
        flow: start(&engine, &text),
        _engine: engine,
        input,
        passed: probe(&passed),
        diverted: probe(&diverted),
    }
}

const PASS: &str = "select event from q into out;";

impl Case {
    fn send(&self, n: i64) {
        let event: OwnedValue = serde_json::from_value(json!({ "n": n })).unwrap();
        self.input.send(event).unwrap();
    }

    /// Sends an event that the operator lets pass.
    fn passes(&self, n: i64) {
        self.send(n);
        until("it passes", || self.passed.numbers().contains(&n));
    }

    /// Sends an event that the operator does not let pass.
    fn is_diverted(&self, n: i64) {
        self.send(n);
        until("it is diverted", || self.diverted.numbers().contains(&n));
    }

    fn settle(&self, n: i64, ok: bool) {
        let taken = lock(&self.passed.taken);
        let (_, fates) = taken.iter().find(|(numbers, _)| numbers == &[n]).unwrap();
        match ok {
            true => fates.acked(),
            false => fates.failed(&Error::rejected("no")),
        }
    }

    /// Settles everything that is open, and ends.
    fn end(self) -> FlowReport {
        for (_, fates) in &*lock(&self.passed.taken) {
            fates.acked();
        }
        drop(self.input);
        ended(&self.flow)
    }
}

#[test]
fn backpressure_diverts_while_the_sink_fails_and_recovers_with_it() {
    let operator = "qos::backpressure with timeout = 60000000000, steps = [60000]";
    let case = case("fails", operator, PASS);
    case.passes(0);
    case.passes(1);
    case.settle(0, false);
    // What was diverted arrives, which is no reason to go back.
    case.is_diverted(2);
    case.is_diverted(3);
    case.settle(1, true);
    case.passes(4);
    let report = case.end();
    assert_eq!((report.counts.delivered, report.counts.failed), (4, 1));
}

#[test]
fn backpressure_diverts_while_the_sink_is_slow() {
    let operator = "qos::backpressure with timeout = 1000000, steps = [60000]";
    let case = case("slow", operator, PASS);
    case.passes(0);
    std::thread::sleep(Duration::from_millis(5));
    case.settle(0, true);
    case.is_diverted(1);
    assert_eq!(case.end().counts.delivered, 2);
}

#[test]
fn backpressure_keeps_a_source_from_pulling_for_a_while() {
    let operator =
        "qos::backpressure with timeout = 60000000000, steps = [300], method = \"pause\"";
    let case = case("pauses", operator, PASS);
    case.passes(0);
    let failed = Instant::now();
    case.settle(0, false);
    // What comes nevertheless is taken, and what a pull that waits already brings; then nothing is pulled until the
    // time is over.
    case.passes(1);
    case.passes(2);
    case.passes(3);
    assert!(failed.elapsed() >= Duration::from_millis(300));
    assert!(case.diverted.numbers().is_empty());
    assert_eq!(case.end().counts.delivered, 3);
}

#[test]
fn percentile_adapts() {
    let operator = "qos::percentile with timeout = 60000000000, step_down = 1.0, step_up = 1.0";
    let case = case("adapts", operator, PASS);
    case.passes(0);
    case.passes(1);
    case.settle(0, false);
    case.is_diverted(2);
    case.settle(1, true);
    case.passes(3);
    assert_eq!(case.end().counts.delivered, 3);
}

#[test]
fn what_fails_behind_an_operator_in_its_pipeline_is_heard_too() {
    let operator = "qos::backpressure with timeout = 60000000000, steps = [60000]";
    let behind = "select { \"n\": event.n, \"half\": 1 / event.n } from q into out;";
    let case = case("behind", operator, behind);
    case.passes(1);
    case.send(0);
    until("it fails", || case.flow.report().counts.failed == 1);
    case.is_diverted(2);
    let report = case.end();
    assert_eq!((report.counts.delivered, report.counts.failed), (2, 1));
}

#[test]
fn a_refused_event_fails_alone_where_no_operator_keeps_others() {
    let operator = "qos::backpressure with timeout = 60000000000, steps = [1]";
    let case = case("alone", operator, PASS);
    for n in 0..3 {
        case.passes(n);
    }
    case.settle(1, false);
    let report = case.end();
    assert_eq!((report.counts.delivered, report.counts.failed), (2, 1));
}
