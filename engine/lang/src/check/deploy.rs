//! Checking the statements of a deployment.

use super::{check_params, check_unique, check_with, flow, names};
use crate::ast::{Assign, Definition, DeployStatement, Deployment, FlowDefinition, Instance};
use crate::code::Code;
use crate::finding::Finding;
use crate::options::Options;
use crate::span::Span;
use crate::suggest::one_of;

pub(super) fn check(deployment: &Deployment, options: &Options, findings: &mut Vec<Finding>) {
    check_unique("flow", flows(deployment).map(|flow| &flow.name), findings);
    check_unique(
        "deployment of",
        deploys(deployment).map(|deploy| &deploy.name),
        findings,
    );
    for Assign { value, .. } in &deployment.directives {
        names::check(value, None, findings);
    }
    for definition in flows(deployment) {
        check_params(&definition.args.params, findings);
        flow::check(definition, findings);
    }
    for deploy in deploys(deployment) {
        check_deploy(deployment, deploy, findings);
    }
    check_options(deployment, options, findings);
}

fn flows(deployment: &Deployment) -> impl Iterator<Item = &FlowDefinition> {
    deployment
        .statements
        .iter()
        .filter_map(|statement| match statement {
            DeployStatement::Define(Definition::Flow(flow)) => Some(&**flow),
            _ => None,
        })
}

fn deploys(deployment: &Deployment) -> impl Iterator<Item = &Instance> {
    deployment
        .statements
        .iter()
        .filter_map(|statement| match statement {
            DeployStatement::Deploy(instance) => Some(instance),
            _ => None,
        })
}

fn check_deploy(deployment: &Deployment, deploy: &Instance, findings: &mut Vec<Finding>) {
    for Assign { value, .. } in &deploy.with.assigns {
        names::check(value, None, findings);
    }
    let name = &deploy.template.name;
    let definition = flows(deployment).find(|flow| flow.name.name == name.name);
    match definition {
        Some(flow) if flow.span.start < deploy.span.start => {
            check_with(
                &deploy.with.assigns,
                &flow.args.params,
                &format!("flow `{}`", name.name),
                findings,
            );
        }
        Some(_) => {
            let message = format!("flow `{}` is deployed above its definition", name.name);
            let finding = Finding::error(Code::UnknownName, name.span, message);
            findings.push(finding.help("move the deployment below it"));
        }
        None => {
            let message = format!("flow `{}` is not defined", name.name);
            let defined: Vec<&str> = flows(deployment).map(|flow| &*flow.name.name).collect();
            let help = one_of(&name.name, "flows", &defined);
            findings.push(Finding::error(Code::UnknownName, name.span, message).help(help));
        }
    }
}

/// Reports what the host asks for and the text does not have. There is no place in the text to point at.
fn check_options(deployment: &Deployment, options: &Options, findings: &mut Vec<Finding>) {
    let defined: Vec<&str> = flows(deployment).map(|flow| &*flow.name.name).collect();
    for name in &options.flows {
        if !defined.contains(&name.as_str()) {
            let message = format!("flow `{name}` was asked for but is not defined");
            let help = one_of(name, "flows", &defined);
            findings.push(Finding::error(Code::UnknownName, Span::default(), message).help(help));
        }
    }
    let params = flows(deployment).flat_map(|flow| &flow.args.params);
    let params: Vec<&str> = params.map(|param| &*param.name.name).collect();
    for (name, _) in &options.args {
        if !params.contains(&name.as_str()) {
            let message =
                format!("no flow has the argument `{name}`, which was given from outside");
            let help = one_of(name, "arguments", &params);
            findings
                .push(Finding::error(Code::UnknownArgument, Span::default(), message).help(help));
        }
    }
}
