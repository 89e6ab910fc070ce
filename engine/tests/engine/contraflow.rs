//! What operators learn of the events that they sent: the real ones, in flows whose sinks fail, lag and recover.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use temblor::{ConnectorState, Engine, FlowHandle, FlowReport, Input};
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
fn what_fails_in_a_batch_behind_an_operator_is_heard_too() {
    let operator = "qos::backpressure with timeout = 60000000000, steps = [60000]";
    let behind = "define operator b from generic::batch with count = 2 end;
         create operator b;
         select event from q into b;
         select event from b into out;";
    let case = case("batched", operator, behind);
    case.send(0);
    case.send(1);
    until("the batch is there", || {
        !lock(&case.passed.taken).is_empty()
    });
    lock(&case.passed.taken)[0].1.failed(&Error::rejected("no"));
    until("it has failed", || case.flow.report().counts.failed == 2);
    case.is_diverted(2);
    let report = case.end();
    assert_eq!((report.counts.delivered, report.counts.failed), (1, 2));
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

/// A flow that deals events out to a sink with a gate and to another one.
fn dealt(name: &str) -> (Engine, FlowHandle, Input) {
    let (mut builder, _) = builder();
    let input = builder.input("i");
    let engine = builder.build().unwrap();
    let one = json!({ "probe": format!("{name}_one"), "then": "gate" });
    let one = with("one", "t_taker", &one);
    let two = json!({ "probe": format!("{name}_two"), "then": "gate" });
    let two = with("two", "t_taker", &two);
    let body = "define operator deal from qos::roundrobin with outputs = [\"one\", \"two\"] end;
         create operator deal;
         select event from in into deal;
         select event from deal/one into one;
         select event from deal/two into two;";
    let links = [
        "connector/i -> pipeline/p",
        "pipeline/p/one -> connector/one",
        "pipeline/p/two -> connector/two",
    ];
    let head = "p into one, two";
    let text = text(&["i from i", &one, &two], &[(head, body)], &links);
    for sink in ["one", "two"] {
        let probe = probe(&format!("{name}_{sink}"));
        probe.open.store(true, Ordering::SeqCst);
    }
    let flow = start(&engine, &text);
    (engine, flow, input)
}

fn send(input: &Input, n: i64) {
    let event: OwnedValue = serde_json::from_value(json!({ "n": n })).unwrap();
    input.send(event).unwrap();
}

/// Waits until the connector is running, or is not.
fn until_running(flow: &FlowHandle, name: &str, running: bool) {
    let is_running = || {
        let report = flow.report();
        let mut connectors = report.connectors.iter();
        let found = connectors.find(|connector| connector.name == name).unwrap();
        found.state == ConnectorState::Running
    };
    until("its state", || is_running() == running);
}

#[test]
fn roundrobin_leads_around_a_sink_that_is_gone_and_back() {
    let (_engine, flow, input) = dealt("around");
    let (one, two) = (probe("around_one"), probe("around_two"));
    for n in 0..2 {
        send(&input, n);
        until("it arrives", || {
            one.numbers().len() + two.numbers().len() == n as usize + 1
        });
    }
    one.open.store(false, Ordering::SeqCst);
    // This one finds the gate shut, and waits there.
    send(&input, 2);
    until_running(&flow, "one", false);
    for n in 3..9 {
        send(&input, n);
        until("it goes the other way", || two.numbers().contains(&n));
    }
    one.open.store(true, Ordering::SeqCst);
    until("what waited arrives", || one.numbers().contains(&2));
    until_running(&flow, "one", true);
    let before = one.numbers().len();
    let mut next = 9;
    until("it has its turn again", || {
        send(&input, next);
        next += 1;
        one.numbers().len() > before
    });
    drop(input);
    let report = ended(&flow);
    assert_eq!(report.counts.delivered, next as u64);
    let mut numbers = [one.numbers(), two.numbers()].concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..next).collect::<Vec<_>>());
}

#[test]
fn a_source_waits_where_every_way_is_closed() {
    let (_engine, flow, input) = dealt("closed");
    let (one, two) = (probe("closed_one"), probe("closed_two"));
    let gates = |open| {
        one.open.store(open, Ordering::SeqCst);
        two.open.store(open, Ordering::SeqCst);
    };
    gates(false);
    for n in 0..2 {
        send(&input, n);
    }
    until_running(&flow, "one", false);
    until_running(&flow, "two", false);
    for n in 2..3000 {
        send(&input, n);
    }
    // What a pull that waited brings is all that comes in, and it waits too.
    std::thread::sleep(Duration::from_millis(300));
    let counts = flow.report().counts;
    assert!(counts.events_in < 3000, "{counts:?}");
    assert_eq!(counts.in_flight, counts.events_in);
    gates(true);
    drop(input);
    let report = ended(&flow);
    assert_eq!((report.counts.delivered, report.counts.failed), (3000, 0));
}
