//! Pipelines that cannot keep a state for each lane are refused with the reason, at their place, before anything runs.

use std::sync::Arc;

use temblor::Directory;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    BatchWriter, Connector, ConnectorInfo, Context, Error, NoSink, Payload, Pull, Result, Source,
    SourceInfo, register,
};

use crate::support::{builder, engine, text, try_start};

/// There is nothing to configure.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Nothing {}

/// A source that has lanes, and ends at once.
struct Tracks;

impl Connector for Tracks {
    type Config = Nothing;
    type Source = Tracks;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "tracks",
        summary: "Has lanes, and nothing in them.",
        example: "{}",
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: true,
            lanes: true,
        }),
        sink: None,
    };

    fn new(_config: Nothing, _context: Context) -> Result<Self> {
        Ok(Tracks)
    }

    async fn create_source(&mut self) -> Result<Tracks> {
        Ok(Tracks)
    }
}

impl Source for Tracks {
    async fn pull(&mut self, _out: &mut BatchWriter) -> std::result::Result<Pull, Error> {
        Ok(Pull::End)
    }
}

register!(connector Tracks);

const BY_LANE: &str = "#!config state = \"lane\"\nselect event from in into out;";
const PLAIN: &str = "select event from in into out;";
const BATCHED: &str = "#!config state = \"lane\"\ndefine operator few from generic::batch with count = 3 end;\n\
                       create operator few;\nselect event from in into few;\nselect event from few into out;";

/// Starts a flow of two sources, one of them with lanes; returns the message and the help, and whether the place is that
/// of pipeline `p`.
fn refused(pipelines: &[(&str, &str)], links: &[&str]) -> (String, String, bool) {
    let place = tempfile::tempdir().unwrap();
    let states = Directory::new(place.path()).unwrap();
    let engine = builder().0.checkpoints(Arc::new(states)).build().unwrap();
    let connectors = [
        "s from tracks",
        "plain from blaster with config = {\"count\": 1}, codec = \"json\" end",
        "n from `null`",
    ];
    let text = text(&connectors, pipelines, links);
    let error = try_start(&engine, &text).expect_err("it is refused");
    let span = error.span.unwrap();
    let shown = &text[span.start as usize..span.end as usize];
    (
        error.message,
        error.help.unwrap_or_default(),
        shown.contains("create pipeline p"),
    )
}

#[track_caller]
fn check(pipelines: &[(&str, &str)], links: &[&str], why: &str, way_out: &str) {
    let (message, help, is_at_p) = refused(pipelines, links);
    assert_eq!(
        message,
        format!("pipeline `p` cannot keep its state by lane: {why}")
    );
    assert!(help.contains(way_out), "{help}");
    assert!(is_at_p, "{message}");
}

#[test]
fn a_source_without_lanes_has_none_to_keep_states_of() {
    let links = ["connector/plain -> pipeline/p", "pipeline/p -> connector/n"];
    check(
        &[("p", BY_LANE)],
        &links,
        "connector `plain` (`blaster`) has no lanes",
        "or read from a connector with lanes",
    );
}

#[test]
fn a_pipeline_between_has_to_keep_its_state_by_lane_too() {
    let links = [
        "connector/s -> pipeline/q",
        "pipeline/q -> pipeline/p",
        "pipeline/p -> connector/n",
    ];
    check(
        &[("p", BY_LANE), ("q", PLAIN)],
        &links,
        "pipeline `q`, which leads to it, does not either",
        "in the definition of `q` too",
    );
}

#[test]
fn only_one_thing_may_lead_to_it() {
    let links = [
        "connector/s -> pipeline/p",
        "connector/plain -> pipeline/p",
        "pipeline/p -> connector/n",
    ];
    check(
        &[("p", BY_LANE)],
        &links,
        "2 ports lead to it",
        "and nothing else",
    );
    let links = [
        "connector/s/err -> pipeline/p",
        "connector/s -> connector/n",
        "pipeline/p -> connector/n",
    ];
    check(
        &[("p", BY_LANE)],
        &links,
        "what comes from port `err` of connector `s` is of no lane",
        "let a source with lanes",
    );
}

#[test]
fn a_circle_keeps_no_states_by_lane() {
    let links = [
        "connector/s -> connector/n",
        "pipeline/p -> pipeline/q",
        "pipeline/q -> pipeline/p",
    ];
    check(
        &[("p", BY_LANE), ("q", BY_LANE)],
        &links,
        "it gets its events from itself",
        "let a source with lanes",
    );
}

#[test]
fn what_operators_keep_does_not_move() {
    let links = ["connector/s -> pipeline/p", "pipeline/p -> connector/n"];
    check(
        &[("p", BATCHED)],
        &links,
        "what its operator `few` (`generic::batch`) keeps cannot be stored",
        "a pipeline of its own, behind this one",
    );
}

#[test]
fn there_has_to_be_a_place() {
    let links = ["connector/s -> pipeline/p", "pipeline/p -> connector/n"];
    let text = text(
        &["s from tracks", "n from `null`"],
        &[("p", BY_LANE)],
        &links,
    );
    let error = try_start(&engine().0, &text).expect_err("it is refused");
    assert_eq!(
        error.message,
        "pipeline `p` cannot keep its state by lane: there is no place to store it"
    );
    assert!(error.help.unwrap().contains("`--state-dir DIR`"));
    // Whether it fits can be seen without one.
    let program = temblor::compile("test.troy", &text).unwrap();
    let registry = temblor::builtin_registry().unwrap();
    assert!(temblor::check(&program.flows[0], &registry).is_empty());
}

#[test]
fn what_fits_is_started() {
    let place = tempfile::tempdir().unwrap();
    let states = Directory::new(place.path()).unwrap();
    let engine = builder().0.checkpoints(Arc::new(states)).build().unwrap();
    let links = [
        "connector/s -> pipeline/p",
        "pipeline/p -> pipeline/q",
        "pipeline/q -> connector/n",
    ];
    let text = text(
        &["s from tracks", "n from `null`"],
        &[("p", BY_LANE), ("q", BY_LANE)],
        &links,
    );
    let flow = try_start(&engine, &text).unwrap();
    assert!(crate::support::ended(&flow).is_ok());
}
