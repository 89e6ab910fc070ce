//! What a transactional source learns: each event exactly one fate, in order, without gaps.

use std::sync::Arc;

use serde_json::{Value, json};
use temblor::FlowReport;
use temblor_pdk::{Error, Fate, FateRange};

use crate::connectors::{Probe, lock, probe};
use crate::support::{coded, counts, ended, engine, fragile, logged, start, text, until, with};

/// Events by pull and place with their fates, from ranges; fails where they are not in order and without gaps.
pub(crate) fn fates_of(ranges: &[FateRange], sizes: &[u64]) -> Vec<Fate> {
    let order = |pull: u64, event: u32| {
        let (before, here) = sizes.split_at(pull as usize);
        assert!(u64::from(event) < here[0], "no such event: {ranges:?}");
        before.iter().sum::<u64>() + u64::from(event)
    };
    let mut fates = Vec::new();
    for range in ranges {
        assert_eq!(range.lane, 0);
        let first = order(range.first_pull, range.first_event);
        let last = order(range.last_pull, range.last_event);
        assert_eq!(first, fates.len() as u64, "a gap or an overlap: {ranges:?}");
        assert!(last >= first, "{ranges:?}");
        fates.extend((first..=last).map(|_| range.fate));
    }
    fates
}

fn failed(fates: &[Fate]) -> Vec<usize> {
    let places = fates.iter().enumerate();
    places
        .filter(|(_, fate)| **fate == Fate::Failed)
        .map(|(at, _)| at)
        .collect()
}

/// Runs `t_numbers` into sinks `a` and perhaps `b`; returns the report, the fates and the source's probe.
fn run(
    name: &str,
    sizes: &[u64],
    pipeline: &str,
    a: (&str, Value),
    b: Option<(&str, Value)>,
) -> (FlowReport, Vec<Fate>, Arc<Probe>) {
    let (engine, _) = engine();
    let source = with("s", "t_numbers", &json!({ "probe": name, "pulls": sizes }));
    let mut connectors = vec![source, fragile("a", a.0, &a.1)];
    let mut links = vec!["connector/s -> pipeline/p", "pipeline/p -> connector/a"];
    if let Some(b) = b {
        connectors.push(with("b", b.0, &b.1));
        links.push("pipeline/p -> connector/b");
    }
    let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
    let flow = start(&engine, &text(&connectors, &[("p", pipeline)], &links));
    let report = ended(&flow);
    let probe = probe(name);
    let fates = fates_of(&probe.fates(), sizes);
    (report, fates, probe)
}

const PASS: &str = "select event from in into out;";

#[test]
fn delivered_and_filtered_events_are_acked() {
    let (report, fates, probe) = run(
        "acked",
        &[3, 1, 700, 4],
        "select event from in where event.n % 2 == 0 into out;",
        ("t_taker", json!({ "probe": "acked_sink" })),
        None,
    );
    assert!(report.is_ok());
    assert_eq!((fates.len(), failed(&fates)), (708, vec![]));
    assert_eq!(counts(&report), [708, 354, 0, 354, 0, 0]);
    let last = *probe.fates().last().unwrap();
    assert_eq!((last.last_pull, last.last_event), (3, 3));
}

#[test]
fn refused_batches_fail_and_the_sink_goes_on() {
    let (report, fates, _) = run(
        "refused",
        &[1, 2, 1, 3],
        PASS,
        (
            "t_taker",
            json!({ "probe": "refused_sink", "refuse": [2, 5] }),
        ),
        None,
    );
    assert!(report.is_ok());
    assert_eq!(failed(&fates), [1, 2, 4, 5, 6]);
    assert_eq!((fates.len(), counts(&report)), (7, [7, 2, 5, 0, 0, 0]));
}

#[test]
fn of_two_sinks_one_failing_is_enough() {
    let (report, fates, _) = run(
        "two",
        &[2, 2, 2],
        PASS,
        ("t_taker", json!({ "probe": "two_a", "refuse": [3] })),
        Some(("t_taker", json!({ "probe": "two_b" }))),
    );
    assert_eq!(failed(&fates), [2, 3]);
    assert_eq!(counts(&report), [6, 4, 2, 0, 0, 0]);
    assert_eq!(probe("two_b").numbers(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_sink_that_stops_ends_the_flow_and_everything_has_a_fate() {
    for (name, kind, config) in [
        ("stops", "t_taker", json!({ "probe": "x", "stop_at": 2 })),
        (
            "panics",
            "t_taker",
            json!({ "probe": "x", "panic_in": "write" }),
        ),
        (
            "stops_late",
            "t_late",
            json!({ "probe": "x", "stop_at": 2 }),
        ),
    ] {
        let (report, fates, _) = run(name, &[2, 2, 2, 2], PASS, (kind, config), None);
        assert!(!report.is_ok(), "{name}");
        assert_eq!(fates.len() as u64, report.counts.events_in, "{name}");
        assert_eq!(failed(&fates).len() as u64, report.counts.failed, "{name}");
        assert!(report.counts.failed >= 2, "{name}: {report:?}");
    }
}

#[test]
fn a_script_error_fails_one_event_of_a_pull() {
    let (report, fates, _) = run(
        "script",
        &[3, 3],
        "select 1 / (event.n - 4) from in into out;",
        ("t_taker", json!({ "probe": "script_sink" })),
        None,
    );
    assert_eq!(failed(&fates), [4]);
    assert_eq!(counts(&report), [6, 5, 1, 0, 0, 0]);
}

#[test]
fn a_late_sink_settles_in_any_order_from_another_thread() {
    let (engine, _) = engine();
    let (probe, sink) = (probe("late"), probe("late_sink"));
    let sizes = [3, 4, 2];
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": "late", "pulls": sizes, "then": "wait" }),
    );
    let late = with("a", "t_late", &json!({ "probe": "late_sink" }));
    let flow = start(
        &engine,
        &text(&[&source, &late], &[], &["connector/s -> connector/a"]),
    );
    until("all are taken", || lock(&sink.taken).len() == 3);
    assert_eq!(flow.report().counts.in_flight, 9);
    let settled = Arc::clone(&sink);
    std::thread::spawn(move || {
        let taken = lock(&settled.taken);
        let no = Error::rejected("no");
        taken[1].1.acked_range(2..4);
        taken[2].1.failed_range(0..1, &no);
        // Told twice: the first counts.
        taken[2].1.acked();
        taken[1].1.failed_range(1..2, &no);
        taken[1].1.acked_range(0..2);
    })
    .join()
    .unwrap();
    until("two pulls are settled", || {
        flow.report().counts.in_flight == 3
    });
    // The first pull is open, so the source knows of nothing.
    assert_eq!(probe.fates(), []);
    lock(&sink.taken)[0].1.acked();
    until("all is told", || {
        fates_of(&probe.fates(), &sizes).len() == 9
    });
    assert_eq!(failed(&fates_of(&probe.fates(), &sizes)), [4, 7]);
    flow.drain();
    assert_eq!(counts(&ended(&flow)), [9, 7, 2, 0, 0, 0]);
}

#[test]
fn a_late_sink_that_lets_go_fails_its_events() {
    let (engine, records) = engine();
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": "let_go", "pulls": [2, 1] }),
    );
    let late = with(
        "a",
        "t_late",
        &json!({ "probe": "let_go_sink", "then": "let_go" }),
    );
    let flow = start(
        &engine,
        &text(&[&source, &late], &[], &["connector/s -> connector/a"]),
    );
    assert_eq!(counts(&ended(&flow)), [3, 0, 3, 0, 0, 0]);
    assert!(logged(&records, "a", "without telling their fate"));
    let fates = fates_of(&probe("let_go").fates(), &[2, 1]);
    assert_eq!(failed(&fates), [0, 1, 2]);
}

#[test]
fn a_stopped_flow_fails_what_is_in_flight_and_reports_it() {
    let (engine, _) = engine();
    let source = with(
        "s",
        "t_numbers",
        &json!({ "probe": "stopped", "pulls": [2, 2], "then": "wait" }),
    );
    let late = with("a", "t_late", &json!({ "probe": "stopped_sink" }));
    let flow = start(
        &engine,
        &text(&[&source, &late], &[], &["connector/s -> connector/a"]),
    );
    let sink = probe("stopped_sink");
    until("all are taken", || lock(&sink.taken).len() == 2);
    lock(&sink.taken)[0].1.acked();
    flow.stop();
    let report = ended(&flow);
    assert!(report.stopped && !report.is_ok());
    assert_eq!(counts(&report), [4, 2, 2, 0, 0, 0]);
}

/// Runs pieces of a stream through `separate` and `json`; returns the report and the fate of each pull.
fn run_pieces(name: &str, pieces: &[&[u8]], refuse: &[i64], more: &str) -> (FlowReport, Vec<Fate>) {
    let (engine, _) = engine();
    let probe = probe(name);
    probe.feed(pieces);
    let source = coded("s", "t_pieces", &json!({ "probe": name }), more);
    let sink = json!({ "probe": format!("{name}_sink"), "refuse": refuse });
    let flow = start(
        &engine,
        &text(
            &[&source, &with("a", "t_taker", &sink)],
            &[],
            &["connector/s -> connector/a"],
        ),
    );
    let report = ended(&flow);
    let mut fates = Vec::new();
    for range in probe.fates() {
        assert_eq!((range.first_event, range.last_event), (0, u32::MAX));
        assert_eq!(range.first_pull, fates.len() as u64, "{:?}", probe.fates());
        fates.extend((range.first_pull..=range.last_pull).map(|_| range.fate));
    }
    assert_eq!(fates.len(), pieces.len(), "one fate a pull");
    (report, fates)
}

const LINES: &str = "codec = \"json\", preprocessors = [\"separate\"]";
const A: Fate = Fate::Acked;
const F: Fate = Fate::Failed;

#[test]
fn lines_that_span_pulls_hold_all_of_them() {
    let pieces: [&[u8]; 4] = [b"{\"n\":0}\n{\"n\":", b"1", b"}\n{\"n\":2}\n", b"{\"n\":3}"];
    let (report, fates) = run_pieces("span_ok", &pieces, &[], LINES);
    assert_eq!((fates, counts(&report)), (vec![A; 4], [4, 4, 0, 0, 0, 0]));
    // The line of pulls 0 to 2 is refused alone, for it travels alone.
    let (report, fates) = run_pieces("span_refused", &pieces, &[1], LINES);
    assert_eq!(fates, [F, F, F, A]);
    assert_eq!(counts(&report), [4, 3, 1, 0, 0, 0]);
    // What is left at the end belongs to the pull that it began in.
    let (report, fates) = run_pieces("span_rest", &pieces, &[3], LINES);
    assert_eq!(fates, [A, A, A, F]);
    assert_eq!(counts(&report), [4, 3, 1, 0, 0, 0]);
}

#[test]
fn what_cannot_be_decoded_fails_the_pulls_that_it_came_from() {
    let pieces: [&[u8]; 4] = [
        b"{\"n\":0}\n{\"n\"",
        b"oops\n",
        b"\n{\"n\":3}\n",
        b"{\"n\":4}\n",
    ];
    let (report, fates) = run_pieces("decode", &pieces, &[], LINES);
    assert_eq!(fates, [F, F, A, A]);
    assert_eq!(counts(&report), [5, 3, 1, 0, 0, 1]);
}

#[test]
fn a_line_that_is_too_long_fails_all_of_its_pulls() {
    let pieces: [&[u8]; 4] = [
        b"{\"n\":0}\n{\"n\"",
        b":11111",
        b"11111}\n{\"n\":2}\n",
        b"{\"n\":3}\n",
    ];
    let more = "codec = \"json\", preprocessors = [{\"name\": \"separate\", \"config\": {\"max_length\": 8}}]";
    let (report, fates) = run_pieces("long", &pieces, &[], more);
    assert_eq!(fates, [F, F, F, A]);
    assert_eq!(counts(&report), [4, 3, 1, 0, 0, 0]);
}

#[test]
fn filtered_events_stay_filtered_beside_a_line_that_fails_later() {
    let (engine, _) = engine();
    let probe = probe("mixed");
    probe.feed(&[b"{\"n\":0}\n{\"n\":1}\n{\"n\"", b"oops\n"]);
    let source = coded("s", "t_pieces", &json!({ "probe": "mixed" }), LINES);
    let flow = start(
        &engine,
        &text(
            &[
                &source,
                &with("a", "t_taker", &json!({ "probe": "mixed_sink" })),
            ],
            &[("p", "select event from in where event.n > 0 into out;")],
            &["connector/s -> pipeline/p", "pipeline/p -> connector/a"],
        ),
    );
    assert_eq!(counts(&ended(&flow)), [3, 1, 1, 1, 0, 0]);
    assert!(probe.fates().iter().all(|range| range.fate == F));
}

#[test]
fn what_an_operator_holds_is_acked_when_it_has_arrived() {
    const BATCHES: &str = "define operator three from generic::batch with count = 3 end;
        create operator three;
        select event from in into three;
        select event from three into out;";
    let (report, fates, _) = run(
        "held",
        &[2, 2, 2, 2],
        BATCHES,
        ("t_taker", json!({ "probe": "held_sink" })),
        None,
    );
    assert_eq!((fates.len(), failed(&fates)), (8, vec![]));
    assert_eq!(report.counts.delivered + report.counts.absorbed, 8);
    // The second batch is refused: the pulls that it may hold events of fail as a whole, the others do not.
    let (_, fates, _) = run(
        "held_refused",
        &[2, 2, 2, 2],
        BATCHES,
        (
            "t_taker",
            json!({ "probe": "held_refused_sink", "refuse": [4] }),
        ),
        None,
    );
    assert_eq!(fates.len(), 8);
    let failed = failed(&fates);
    assert!([4, 5].iter().all(|at| failed.contains(at)), "{failed:?}");
    assert!(![0, 1].iter().any(|at| failed.contains(at)), "{failed:?}");
}
