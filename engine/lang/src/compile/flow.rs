//! Compiling flows: every instance of every deployed flow.

use std::sync::Arc;

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::args::Handing;
use super::connector::connector;
use super::query::compile_query;
use super::{Compiled, Reported};
use crate::ast::{self, Definition, DeployStatement, FlowDefinition, FlowStatement, Instance};
use crate::check::ports;
use crate::deployment::{ConnectorSpec, Endpoint, Flow, Link, PipelineSpec};
use crate::finding::Finding;
use crate::options::Options;
use crate::source::Source;
use crate::span::Span;

/// Compiles the flows of a checked deployment that are deployed, and those that the host asks for.
pub(crate) fn compile_flows(
    deployment: &ast::Deployment,
    options: &Options,
    source: &Arc<Source>,
    findings: &mut Vec<Finding>,
) -> Vec<Flow> {
    let mut flows = Vec::new();
    for statement in &deployment.statements {
        if let DeployStatement::Deploy(instance) = statement
            && let Some(definition) = find_flow(deployment, &instance.template.name.name)
        {
            let start = Start {
                name: &instance.name.name,
                definition,
                with: &instance.with.assigns,
                host: &options.args,
                at: instance.span,
            };
            flows.extend(start.compile(source, findings));
        }
    }
    for name in &options.flows {
        if let Some(definition) = find_flow(deployment, name) {
            let at = definition.span;
            let start = Start {
                name,
                definition,
                with: &[],
                host: &options.args,
                at,
            };
            flows.extend(start.compile(source, findings));
        }
    }
    flows
}

fn find_flow<'t>(deployment: &'t ast::Deployment, name: &str) -> Option<&'t FlowDefinition> {
    deployment
        .statements
        .iter()
        .find_map(|statement| match statement {
            DeployStatement::Define(Definition::Flow(flow)) if *flow.name.name == *name => {
                Some(&**flow)
            }
            _ => None,
        })
}

/// A flow that is to be started.
struct Start<'t> {
    name: &'t str,
    definition: &'t FlowDefinition,
    with: &'t [ast::Assign],
    host: &'t [(String, OwnedValue)],
    at: Span,
}

impl Start<'_> {
    fn compile(&self, source: &Arc<Source>, findings: &mut Vec<Finding>) -> Compiled<Flow> {
        let arena = Arena::new();
        let handing = Handing {
            params: &self.definition.args.params,
            with: self.with,
            outer: None,
            host: self.host,
            what: format!("the flow `{}`", self.name),
            at: self.at,
        };
        let args = handing.record(source, &arena, findings)?;
        let mut flow = Flow {
            name: self.name.to_owned(),
            definition: self.definition.name.name.to_string(),
            connectors: Vec::new(),
            pipelines: Vec::new(),
            links: Vec::new(),
            span: self.at,
        };
        let mut failed = false;
        for statement in &self.definition.body {
            let created = match statement {
                FlowStatement::CreateConnector(instance) => self
                    .connector(instance, args, source, &arena, findings)
                    .map(|spec| put(&mut flow.connectors, spec, |spec| &spec.name)),
                FlowStatement::CreatePipeline(instance) => self
                    .pipeline(instance, args, source, &arena, findings)
                    .map(|spec| put(&mut flow.pipelines, spec, |spec| &spec.name)),
                _ => Ok(()),
            };
            failed |= created.is_err();
        }
        if failed {
            return Err(Reported);
        }
        flow.links = links(self.definition, &flow);
        Ok(flow)
    }

    fn connector<'c>(
        &self,
        instance: &Instance,
        args: Value<'c>,
        source: &Source,
        arena: &'c Arena,
        findings: &mut Vec<Finding>,
    ) -> Compiled<ConnectorSpec> {
        let name = &instance.template.name.name;
        let definition = self
            .definition
            .body
            .iter()
            .find_map(|statement| match statement {
                FlowStatement::Define(Definition::Connector(connector))
                    if connector.name.name == *name =>
                {
                    Some(&**connector)
                }
                _ => None,
            });
        let definition = definition.ok_or(Reported)?;
        let handing = Handing {
            params: &definition.args.params,
            with: &instance.with.assigns,
            outer: Some(args),
            host: &[],
            what: format!("the connector `{}`", instance.name.name),
            at: instance.span,
        };
        let args = handing.record(source, arena, findings)?;
        connector(instance, definition, args, arena, findings)
    }

    fn pipeline<'c>(
        &self,
        instance: &Instance,
        args: Value<'c>,
        source: &Arc<Source>,
        arena: &'c Arena,
        findings: &mut Vec<Finding>,
    ) -> Compiled<PipelineSpec> {
        let definition =
            ports::find_pipeline(self.definition, &instance.template.name.name).ok_or(Reported)?;
        let handing = Handing {
            params: &definition.args.params,
            with: &instance.with.assigns,
            outer: Some(args),
            host: &[],
            what: format!("the pipeline `{}`", instance.name.name),
            at: instance.span,
        };
        let args = handing.record(source, arena, findings)?;
        let pipeline = compile_query(&definition.query, Some(args), arena, source, findings)?;
        Ok(PipelineSpec {
            name: instance.name.name.to_string(),
            pipeline,
            span: instance.span,
        })
    }
}

/// Adds an instance; it takes the place of an earlier one of the same name.
fn put<T>(instances: &mut Vec<T>, instance: T, name: fn(&T) -> &String) {
    match instances
        .iter_mut()
        .find(|earlier| name(earlier) == name(&instance))
    {
        Some(earlier) => *earlier = instance,
        None => instances.push(instance),
    }
}

/// Resolves the ends of all connections. The checker has seen that they exist.
fn links(definition: &FlowDefinition, flow: &Flow) -> Vec<Link> {
    let connects = definition
        .body
        .iter()
        .filter_map(|statement| match statement {
            FlowStatement::Connect(connect) => Some(connect),
            _ => None,
        });
    let link = |connect: &ast::Connect| {
        let from = endpoint(&connect.from, "out", flow)?;
        let to = endpoint(&connect.to, "in", flow)?;
        Some(Link {
            from,
            to,
            span: connect.span,
        })
    };
    connects.filter_map(link).collect()
}

fn endpoint(end: &ast::Endpoint, default_port: &str, flow: &Flow) -> Option<Endpoint> {
    let name = &*end.name.name;
    let port = end.port.as_ref().map_or(default_port, |port| &port.name);
    let span = end.span;
    match end.kind {
        ast::EndpointKind::Connector => {
            let connector = flow.connectors.iter().position(|spec| spec.name == name)?;
            Some(Endpoint::Connector {
                connector,
                port: port.to_owned(),
                span,
            })
        }
        ast::EndpointKind::Pipeline => {
            let place = flow.pipelines.iter().position(|spec| spec.name == name)?;
            let pipeline = &flow.pipelines.get(place)?.pipeline;
            let port = if default_port == "out" {
                pipeline.output(port)
            } else {
                pipeline.input(port)
            };
            Some(Endpoint::Pipeline {
                pipeline: place,
                port: port?,
                span,
            })
        }
    }
}
