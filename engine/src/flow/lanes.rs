//! Pipelines that keep a state for each lane: whether their flow can be told of lanes, and which stand behind a source.

use temblor_lang::{Endpoint, Flow, Pipeline, PipelineSpec};
use temblor_pdk::SourceInfo;

use super::plan::StartError;

/// Where a pipeline gets its events from.
enum Upstream<'f> {
    Connector(usize, &'f str),
    Pipeline(usize),
}

/// Checks the pipelines of a flow that keep a state for each lane. `source` tells what the source of a connector is, as
/// far as that is known.
///
/// # Errors
/// Says which one cannot do so, at its place in the text.
pub(super) fn check(
    flow: &Flow,
    source: impl Fn(usize) -> Option<SourceInfo>,
    has_store: bool,
) -> Result<(), StartError> {
    for (at, spec) in by_lane(flow) {
        let upstreams = upstreams(flow, at);
        match &*upstreams {
            [] => {}
            [one] => check_upstream(flow, spec, one, &source)?,
            more => {
                let why = format!("{} ports lead to it", more.len());
                return Err(refused(spec, &why).help(ONE));
            }
        }
        if leads_to_itself(flow, at) {
            return Err(refused(spec, "it gets its events from itself").help(ONE));
        }
        if let Some((name, kind)) = spec.pipeline.unmovable() {
            let why = format!("what its operator `{name}` (`{kind}`) keeps cannot be stored");
            return Err(refused(spec, &why)
                .help("put the operator into a pipeline of its own, behind this one"));
        }
        if !has_store {
            return Err(refused(spec, "there is no place to store it").help(
                "say where, with `--state-dir DIR`; a program that embeds the engine with `EngineBuilder::checkpoints`",
            ));
        }
    }
    Ok(())
}

/// The pipelines behind a connector that keep a state for each of its lanes, with their names.
pub(crate) fn behind(flow: &Flow, connector: usize) -> Vec<(String, Pipeline)> {
    let is_behind = |at: usize| matches!(beginning(flow, at), Some(found) if found == connector);
    let found = by_lane(flow).filter(|(at, _)| is_behind(*at));
    found
        .map(|(_, spec)| (spec.name.clone(), spec.pipeline.clone()))
        .collect()
}

const ONE: &str = "let a source with lanes, or another pipeline that keeps its state by lane, lead to it and nothing else";

fn by_lane(flow: &Flow) -> impl Iterator<Item = (usize, &PipelineSpec)> {
    let all = flow.pipelines.iter().enumerate();
    all.filter(|(_, spec)| spec.pipeline.is_by_lane())
}

fn refused(spec: &PipelineSpec, why: &str) -> StartError {
    let message = format!(
        "pipeline `{}` cannot keep its state by lane: {why}",
        spec.name
    );
    StartError::config(spec.span, message)
}

fn check_upstream(
    flow: &Flow,
    spec: &PipelineSpec,
    upstream: &Upstream<'_>,
    source: impl Fn(usize) -> Option<SourceInfo>,
) -> Result<(), StartError> {
    match upstream {
        Upstream::Pipeline(at) => match flow.pipelines.get(*at) {
            Some(other) if !other.pipeline.is_by_lane() => {
                let why = format!(
                    "pipeline `{}`, which leads to it, does not either",
                    other.name
                );
                Err(refused(spec, &why).help(format!(
                    "write `#!config state = \"lane\"` in the definition of `{}` too",
                    other.name
                )))
            }
            _ => Ok(()),
        },
        Upstream::Connector(at, port) => {
            let Some(connector) = flow.connectors.get(*at) else {
                return Ok(());
            };
            let name = &connector.name;
            if *port != "out" {
                let why =
                    format!("what comes from port `{port}` of connector `{name}` is of no lane");
                return Err(refused(spec, &why).help(ONE));
            }
            match source(*at) {
                Some(info) if !(info.lanes && info.transactional) => {
                    let why = format!("connector `{name}` (`{}`) has no lanes", connector.kind);
                    Err(refused(spec, &why).help(
                        "leave `#!config state = \"lane\"` out, or read from a connector with lanes, such as \
                         `kafka_consumer`",
                    ))
                }
                _ => Ok(()),
            }
        }
    }
}

fn upstreams(flow: &Flow, at: usize) -> Vec<Upstream<'_>> {
    let to = |end: &Endpoint| matches!(end, Endpoint::Pipeline { pipeline, .. } if *pipeline == at);
    let links = flow.links.iter().filter(|link| to(&link.to));
    let from = links.map(|link| match &link.from {
        Endpoint::Connector {
            connector, port, ..
        } => Upstream::Connector(*connector, port),
        Endpoint::Pipeline { pipeline, .. } => Upstream::Pipeline(*pipeline),
    });
    from.collect()
}

/// The connector that a pipeline gets its events from, through others that have one upstream each.
fn beginning(flow: &Flow, mut at: usize) -> Option<usize> {
    for _ in 0..=flow.pipelines.len() {
        match &*upstreams(flow, at) {
            [Upstream::Pipeline(before)] => at = *before,
            [Upstream::Connector(connector, _)] => return Some(*connector),
            _ => return None,
        }
    }
    None
}

/// Whether only the pipeline itself leads to it, directly or through others.
fn leads_to_itself(flow: &Flow, at: usize) -> bool {
    let mut before = at;
    for _ in 0..flow.pipelines.len() {
        match &*upstreams(flow, before) {
            [Upstream::Pipeline(next)] if *next == at => return true,
            [Upstream::Pipeline(next)] => before = *next,
            _ => return false,
        }
    }
    false
}
