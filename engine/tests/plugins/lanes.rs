//! A source that tells of its lanes, in each link mode: what it is told, in which order, and what it must not say.

use serde_json::json;
use temblor::ConnectorState;
use temblor_registry::LinkMode;

use crate::plugins::{MODES, linked};
use crate::support::{Records, builder, ended, fragile, logged, start, text, until, with};

const PASS: &str = "select event from in into out;";
/// Keeps everything until the flow ends.
const HOLD: &str = "define window w from tumbling with size = 1000 end;\n\
                    select { \"count\": aggr::stats::count() } from in[w] into out;";

/// Runs the steps in front of a pipeline; returns what the engine said at the end, and what was logged of the source.
fn run(mode: LinkMode, steps: &[&str], pipeline: &str) -> (temblor::FlowReport, Vec<String>) {
    let (builder, records) = builder();
    let engine = builder.registry(linked(mode)).build().unwrap();
    let source = fragile("s", "laned", &json!({ "steps": steps }));
    let links = ["connector/s -> pipeline/p", "pipeline/p -> connector/n"];
    let flow = text(&[&source, "n from `null`"], &[("p", pipeline)], &links);
    let report = ended(&start(&engine, &flow));
    (report, said(&records))
}

fn said(records: &Records) -> Vec<String> {
    let records = records.lock().unwrap();
    let of_lanes = records.iter().filter(|(_, about, message)| {
        about.as_deref() == Some("s") && message.starts_with("lane ")
    });
    of_lanes.map(|(.., message)| message.clone()).collect()
}

#[test]
fn a_lane_moves_away_when_its_events_have_their_fates() {
    let steps = [
        "begin 1 t/1",
        "begin 2 t/2 7",
        "pull 1 2",
        "pull 1 1",
        "pull 2 1",
        "end 1 30000",
        "await 1",
        "pull 2 1",
        "told 2 2",
        "lose 2",
        "begin 1 t/1",
        "pull 1 1",
    ];
    for mode in MODES {
        let (report, said) = run(mode, &steps, PASS);
        assert!(report.is_ok(), "{mode}: {report:?}");
        assert_eq!(report.counts.delivered, 6, "{mode}");
        let place = |what: &str| {
            let place = said.iter().position(|said| said == what);
            place.unwrap_or_else(|| panic!("{mode}: `{what}` is not in {said:?}"))
        };
        assert_eq!(said[0], "lane 1: assigned at None", "{mode}");
        // The engine has stored nothing, and the source knows where it is.
        assert_eq!(said[1], "lane 2: assigned at None", "{mode}");
        let of = |lane: &str| {
            let mine = said.iter().filter(|said| said.starts_with(lane));
            let pulls = mine.filter_map(|said| {
                let pulls = said.split_once("Acked, ")?.1.strip_suffix(" pull(s)")?;
                pulls.parse::<usize>().ok()
            });
            pulls.sum::<usize>()
        };
        assert_eq!((of("lane 1"), of("lane 2")), (3, 2), "{mode}: {said:?}");
        let before = &said[..place("lane 1: revoked")];
        let told = before
            .iter()
            .filter(|said| said.starts_with("lane 1: Acked"));
        assert!(told.count() > 0, "{mode}: {said:?}");
        assert!(place("lane 1: revoked") < place("lane 2: lost"), "{mode}");
    }
}

#[test]
fn a_lane_whose_events_stay_in_a_window_is_lost_at_its_deadline() {
    let steps = ["begin 1 t/1", "pull 1 2", "end 1 50", "await 1"];
    for mode in MODES {
        let (report, said) = run(mode, &steps, HOLD);
        assert!(report.is_ok(), "{mode}: {report:?}");
        assert_eq!(said.len(), 3, "{mode}: {said:?}");
        assert!(
            said[1].contains("lane `t/1` has moved away before all"),
            "{mode}: {said:?}"
        );
        // Nothing is told of it any more, although the window closes when the flow ends.
        assert_eq!(said[2], "lane 1: lost", "{mode}: {said:?}");
    }
}

#[test]
fn fates_of_before_a_begin_are_never_told() {
    let steps = [
        "begin 1 t/1",
        "pull 1 2",
        "begin 1 t/1",
        "pull 1 1",
        "pull 1 1",
    ];
    for mode in MODES {
        let (report, said) = run(mode, &steps, HOLD);
        assert!(report.is_ok(), "{mode}: {report:?}");
        assert_eq!(said[2..], ["lane 1: Acked, 2 pull(s)"], "{mode}: {said:?}");
    }
}

#[test]
fn a_source_that_breaks_the_rules_is_named_with_what_it_did() {
    let cases: [(&[&str], &str); 6] = [
        (&["pull 3 1"], "lane 3, which has not begun"),
        (
            &["begin 1 t/1", "end 1 30000", "pull 1 1"],
            "handed over records of lane 1, ",
        ),
        (
            &["begin 1 t/1", "lose 1", "pull 1 1"],
            "lane 1, which has not begun",
        ),
        (&["end 1 30000"], "it ended lane 1, which has not begun"),
        (
            &["begin 1 t/1", "begin 2 t/1"],
            "with the name `t/1`, which lane 1 has",
        ),
        (&["begin 1 t/1", "both 1"], "a notice has a pull of its own"),
    ];
    for mode in MODES {
        for (steps, expected) in cases {
            let (report, _) = run(mode, steps, PASS);
            let source = report.connectors.iter().find(|c| c.name == "s").unwrap();
            assert_eq!(source.state, ConnectorState::Failed, "{mode} {steps:?}");
            let error = source.error.as_ref().unwrap().message();
            assert!(error.contains(expected), "{mode} {steps:?}: {error}");
        }
    }
}

#[test]
fn an_instance_that_is_made_anew_begins_its_lanes_anew() {
    for mode in MODES {
        let (builder, records) = builder();
        let engine = builder.registry(linked(mode)).build().unwrap();
        // Every instance hands over a record of a lane that it has lost.
        let steps = ["begin 1 t/1", "pull 1 1", "told 1 1", "lose 1", "pull 1 1"];
        let source = with("s", "laned", &json!({ "steps": steps }));
        let links = ["connector/s -> pipeline/p", "pipeline/p -> connector/n"];
        let flow = text(&[&source, "n from `null`"], &[("p", PASS)], &links);
        let flow = start(&engine, &flow);
        until("made anew", || flow.report().connectors[0].restarts >= 2);
        let begun = || {
            let said = said(&records);
            let assigned = said.iter().filter(|said| said.contains("assigned"));
            assigned.count()
        };
        until("begun anew", || begun() >= 3);
        assert!(logged(&records, "s", "lane 1, which has not begun"));
        flow.drain();
        let report = ended(&flow);
        assert!(report.counts.delivered >= 2, "{mode}: {report:?}");
    }
}

#[test]
fn a_flow_that_drains_lets_go_of_lanes_that_end() {
    for mode in MODES {
        let (builder, records) = builder();
        let engine = builder.registry(linked(mode)).build().unwrap();
        let steps = ["begin 1 t/1", "pull 1 2", "end 1 30000", "wait"];
        let source = with("s", "laned", &json!({ "steps": steps }));
        let links = ["connector/s -> pipeline/p", "pipeline/p -> connector/n"];
        let flow = text(&[&source, "n from `null`"], &[("p", HOLD)], &links);
        let flow = start(&engine, &flow);
        until("ended", || logged(&records, "s", "waits"));
        flow.drain();
        assert!(ended(&flow).is_ok());
        let said = said(&records);
        let last = ["lane 1: Acked, 1 pull(s)", "lane 1: revoked"];
        assert_eq!(said[1..], last, "{mode}");
    }
}
