//! What pipelines keep: windows that time closes, operators that hold events back, and what becomes of those.

use temblor::{EngineBuilder, FlowReport};
use temblor_pdk::OwnedValue;

use crate::support::{all, builder, ended, logged, start, text};

const LINKS: [&str; 2] = ["connector/i -> pipeline/p", "pipeline/p -> connector/o"];

/// Runs `0..count` through a pipeline with this body; returns what came out and what became of the events.
fn run(builder: EngineBuilder, count: i64, body: &str) -> (Vec<String>, FlowReport) {
    let mut builder = builder;
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    let text = text(&["i from i", "o from o"], &[("p", body)], &LINKS);
    let flow = start(&engine, &text);
    for n in 0..count {
        input.send(OwnedValue::from(n)).unwrap();
    }
    drop(input);
    (all(&output), ended(&flow))
}

#[test]
fn time_closes_windows_while_nothing_comes_in() {
    let (mut builder, _) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    let body = "define window short from tumbling with interval = 20000000 end;
        select { \"count\": aggr::stats::count() } from in[short] into out;";
    let text = text(&["i from i", "o from o"], &[("p", body)], &LINKS);
    let flow = start(&engine, &text);
    let mut counted = 0;
    for n in 0..3_i64 {
        input.send(OwnedValue::from(n)).unwrap();
        // The input stays open: nothing but time can close the window.
        let batch = output.receive().unwrap();
        let count = batch.events()[0].data.get("count").unwrap();
        counted += count.as_u64().unwrap();
    }
    drop(input);
    let report = ended(&flow);
    assert_eq!(counted, 3);
    assert_eq!((report.counts.events_in, report.counts.absorbed), (3, 3));
}

#[test]
fn what_goes_into_windows_is_absorbed_and_what_closes_them_is_delivered() {
    let (builder, records) = builder();
    let (got, report) = run(
        builder,
        10,
        "define window four from tumbling with size = 4 end;
         select aggr::win::collect_flattened(event) from in[four] where event != 3 into out;",
    );
    assert_eq!(got, ["[0,1,2,4]", "[5,6,7,8]"]);
    let counts = report.counts;
    assert_eq!(
        (counts.delivered, counts.absorbed, counts.filtered),
        (2, 7, 1)
    );
    assert!(logged(
        &records,
        "p",
        "windows of 1 group(s) had not closed"
    ));
}

#[test]
fn operators_send_what_they_hold_when_a_flow_drains() {
    let (builder, _) = builder();
    let (got, report) = run(
        builder,
        10,
        "define operator four from generic::batch with count = 4 end;
         create operator four;
         select event from in into four;
         select event from four into out;",
    );
    let expected: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!(got, expected);
    assert_eq!(report.counts.failed, 0, "{report:?}");
    assert_eq!(report.counts.delivered + report.counts.absorbed, 10);
}

#[test]
fn what_a_script_fails_at_is_not_lost_without_a_word() {
    let body = "define script half script 12 / event end;
         create script half;
         select event from in into half;
         select event from half into out;";
    let (quiet, records) = builder();
    let (got, report) = run(quiet, 4, body);
    assert_eq!(got, ["12.0", "6.0", "4.0"]);
    assert_eq!((report.counts.delivered, report.counts.failed), (3, 1));
    assert!(logged(&records, "p", "12 / event"));
    // Read, it is an event like others.
    let (read, _) = builder();
    let body = format!("{body} select event.`event` from half/err into out;");
    let (got, report) = run(read, 4, &body);
    assert_eq!(got, ["0", "12.0", "6.0", "4.0"]);
    assert_eq!(report.counts.delivered, 4);
}

#[test]
fn a_logical_clock_counts_events() {
    let (logical, _) = builder();
    let (got, _) = run(
        logical.logical_clock(true),
        5,
        "use tremor::system;
         define window two from tumbling with interval = 2 end;
         select [system::ingest_ns(), aggr::win::collect_flattened(event)] from in[two] into out;",
    );
    assert_eq!(got, ["[2,[0,1]]", "[4,[2,3]]"]);
}

#[test]
fn what_arrives_at_an_err_that_nobody_reads_has_failed() {
    let (builder, records) = builder();
    let (got, report) = run(
        builder,
        3,
        "define window one from tumbling with size = 2, max_groups = 1 end;
         select aggr::stats::count() from in[one] group by event into out;
         select event from in where event == 2 into err;",
    );
    assert!(got.is_empty());
    let counts = report.counts;
    assert_eq!(
        (counts.absorbed, counts.failed, counts.dead_ends),
        (1, 2, 0)
    );
    assert!(logged(&records, "p", "maximum number of groups"));
    assert!(logged(&records, "p", "connect the port `err`"));
}
