//! The connections of a flow.

use super::super::{Compiled, Reported};
use crate::ast::{self, Connect, EndpointKind, FlowDefinition, FlowStatement, Ident};
use crate::code::Code;
use crate::deployment::{Endpoint, Flow, Link};
use crate::finding::{Finding, Phase};
use crate::span::Span;
use crate::suggest::{did_you_mean, one_of};

/// Which end of a connection is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

/// Resolves the ends of all connections of a flow in which everything is created, and warns of what is connected to
/// nothing.
///
/// # Errors
/// Reports ends that are not created, and ports that a pipeline does not have.
pub(super) fn links(
    definition: &FlowDefinition,
    flow: &Flow,
    findings: &mut Vec<Finding>,
) -> Compiled<Vec<Link>> {
    let mut links = Vec::new();
    let mut failed = false;
    for statement in &definition.body {
        let FlowStatement::Connect(Connect { from, to, span }) = statement else {
            continue;
        };
        let from = endpoint(from, Side::From, flow);
        let to = endpoint(to, Side::To, flow);
        match (from, to) {
            (Ok(from), Ok(to)) => links.push(Link {
                from,
                to,
                span: *span,
            }),
            (from, to) => {
                failed = true;
                for finding in [from.err(), to.err()].into_iter().flatten() {
                    findings.push(finding.context(*span).phase(Phase::Graph));
                }
            }
        }
    }
    if failed {
        return Err(Reported);
    }
    warn_of_unconnected(flow, &links, findings);
    Ok(links)
}

fn endpoint(end: &ast::Endpoint, side: Side, flow: &Flow) -> Result<Endpoint, Finding> {
    let name = &*end.name.name;
    let (usual, span) = (["out", "in"][usize::from(side == Side::To)], end.span);
    let port = end.port.as_ref().map_or(usual, |port| &port.name);
    match end.kind {
        EndpointKind::Connector => {
            let all: Vec<&str> = flow.connectors.iter().map(|spec| &*spec.name).collect();
            let connector = all.iter().position(|known| *known == name);
            Ok(Endpoint::Connector {
                connector: connector.ok_or_else(|| not_created("connector", &end.name, &all))?,
                port: port.to_owned(),
                span,
            })
        }
        EndpointKind::Pipeline => {
            let all: Vec<&str> = flow.pipelines.iter().map(|spec| &*spec.name).collect();
            let place = all.iter().position(|known| *known == name);
            let place = place.ok_or_else(|| not_created("pipeline", &end.name, &all))?;
            let pipeline = &flow.pipelines[place].pipeline;
            let found = match side {
                Side::From => pipeline.output(port),
                Side::To => pipeline.input(port),
            };
            let found = found.ok_or_else(|| {
                let (what, ports): (_, Vec<&str>) = match side {
                    Side::From => ("output port", pipeline.outputs().collect()),
                    Side::To => ("input port", pipeline.inputs().collect()),
                };
                let span = end.port.as_ref().map_or(end.span, |port| port.span);
                no_port(name, what, port, &ports, span)
            })?;
            Ok(Endpoint::Pipeline {
                pipeline: place,
                port: found,
                span,
            })
        }
    }
}

fn not_created(kind: &str, name: &Ident, all: &[&str]) -> Finding {
    let Ident { name, span } = name;
    let message = format!("no {kind} `{name}` is created in this flow");
    let create = format!("create it: `create {kind} {name};`");
    let help = did_you_mean(name, all.iter().copied()).unwrap_or(create);
    Finding::error(Code::UnknownName, *span, message).help(help)
}

fn no_port(pipeline: &str, what: &str, port: &str, ports: &[&str], span: Span) -> Finding {
    let message = format!("pipeline `{pipeline}` has no {what} `{port}`");
    let help = one_of(port, &format!("{what}s"), ports);
    Finding::error(Code::UnknownPort, span, message).help(help)
}

/// Warns of what is created and connected to nothing.
fn warn_of_unconnected(flow: &Flow, links: &[Link], findings: &mut Vec<Finding>) {
    let mut connectors = vec![false; flow.connectors.len()];
    let mut fed = vec![false; flow.pipelines.len()];
    let mut read = vec![false; flow.pipelines.len()];
    for Link { from, to, .. } in links {
        for (end, pipelines) in [(from, &mut read), (to, &mut fed)] {
            match end {
                Endpoint::Connector { connector, .. } => connectors[*connector] = true,
                Endpoint::Pipeline { pipeline, .. } => pipelines[*pipeline] = true,
            }
        }
    }
    let mut warn = |span: Span, message: String, help: String| {
        findings.push(Finding::warning(Code::Unconnected, span, message).help(help));
    };
    for (spec, _) in flow.connectors.iter().zip(connectors).filter(|(_, is)| !is) {
        let name = &spec.name;
        warn(
            spec.span,
            format!("connector `{name}` is created but never connected"),
            format!("`connect /connector/{name} to …` or `connect … to /connector/{name}`"),
        );
    }
    for (spec, (fed, read)) in flow.pipelines.iter().zip(fed.into_iter().zip(read)) {
        let name = &spec.name;
        let message = match (fed, read) {
            (false, false) => format!("pipeline `{name}` is created but never connected"),
            (false, true) => {
                format!("pipeline `{name}` is never fed: nothing is connected to it")
            }
            _ => continue,
        };
        warn(
            spec.span,
            message,
            format!("`connect … to /pipeline/{name}`"),
        );
    }
}
