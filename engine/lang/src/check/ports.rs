//! The ports of pipelines, as far as a definition tells.

use crate::ast::{
    Definition, FlowDefinition, FlowStatement, Ident, PipelineDefinition, Port, Query,
    QueryStatement, Select,
};

/// The pipelines that a flow defines.
pub(crate) fn pipelines(flow: &FlowDefinition) -> impl Iterator<Item = &PipelineDefinition> {
    flow.body.iter().filter_map(|statement| match statement {
        FlowStatement::Define(Definition::Pipeline(definition)) => Some(&**definition),
        _ => None,
    })
}

/// The pipeline that a flow defines under a name.
pub(crate) fn find_pipeline<'t>(
    flow: &'t FlowDefinition,
    name: &str,
) -> Option<&'t PipelineDefinition> {
    pipelines(flow).find(|definition| *definition.name.name == *name)
}

/// The names of the input ports: those that are declared, and `in/x` for every `from in/x`.
pub(super) fn inputs(query: &Query) -> Vec<String> {
    let declared = declared(query.inputs.as_deref(), &["in"]);
    on_demand(query, declared, "in", "out", |select| &select.from)
}

/// The names of the output ports: those that are declared, and `out/x` for every `into out/x`.
pub(super) fn outputs(query: &Query) -> Vec<String> {
    let declared = declared(query.outputs.as_deref(), &["out", "err"]);
    on_demand(query, declared, "out", "in", |select| &select.into)
}

/// The names of all declared ports.
pub(super) fn all_declared(query: &Query) -> Vec<String> {
    let mut names = declared(query.inputs.as_deref(), &["in"]);
    names.extend(declared(query.outputs.as_deref(), &["out", "err"]));
    names
}

fn declared(ports: Option<&[Ident]>, default: &[&str]) -> Vec<String> {
    match ports {
        Some(ports) => ports.iter().map(|port| port.name.to_string()).collect(),
        None => default.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn on_demand(
    query: &Query,
    mut ports: Vec<String>,
    node: &str,
    usual: &str,
    end: fn(&Select) -> &Port,
) -> Vec<String> {
    if !ports.iter().any(|port| port == node) {
        return ports;
    }
    for statement in &query.statements {
        if let QueryStatement::Select(select) = statement
            && let Port {
                node: name,
                port: Some(port),
            } = end(select)
            && *name.name == *node
            && *port.name != *usual
        {
            ports.push(format!("{node}/{}", port.name));
        }
    }
    ports
}
