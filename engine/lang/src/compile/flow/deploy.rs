//! The statements of a deployment.

use std::sync::Arc;

use temblor_pdk::value::Arena;

use super::super::check::check_values;
use super::super::{Compiler, Context, PoolBuilder};
use super::args::check_given;
use super::start::Start;
use crate::ast::{self, Definition, DeployStatement, FlowDefinition, Ident, Instance, Modular};
use crate::code::Code;
use crate::deployment::Flow;
use crate::finding::{Finding, Phase};
use crate::options::Options;
use crate::scope::{Loader, Lookup, Scope};
use crate::span::Span;
use crate::suggest::one_of;

/// Compiles the flows of a deployment that are deployed, and those that the host asks for.
pub(crate) fn compile_flows(
    deployment: &ast::Deployment,
    options: &Options,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Vec<Flow> {
    let scope = Arc::new(names(deployment, options, loader, findings));
    let mut flows = Vec::new();
    let known = findings.len();
    let mut args = Vec::new();
    for instance in deploys(deployment) {
        if let Some((definition, around)) = scope.flow(&instance.template) {
            let start = Start {
                name: &instance.name.name,
                definition: &definition,
                around: &around,
                with: &instance.with.assigns,
                here: &scope,
                host: &options.args,
                at: instance.span,
            };
            flows.extend(start.compile(loader, findings));
            args.extend(names_of_args(&definition));
        }
    }
    for name in &options.flows {
        let Some((definition, around)) = scope.flow(&modular(name)) else {
            findings.push(unknown_asked(name, &scope));
            continue;
        };
        let start = Start {
            name,
            definition: &definition,
            around: &around,
            with: &[],
            here: &scope,
            host: &options.args,
            at: definition.span,
        };
        flows.extend(start.compile(loader, findings));
        args.extend(names_of_args(&definition));
    }
    check_host_args(deployment, options, args, findings);
    once(known, findings);
    flows
}

/// Leaves out what was found when flows were started, from `known` on, where the same was found before.
fn once(known: usize, findings: &mut Vec<Finding>) {
    let later = findings.split_off(known);
    let is_new = |finding: &Finding| {
        let mut earlier = findings.iter();
        !earlier.any(|earlier| (earlier.span, earlier.code) == (finding.span, finding.code))
    };
    let later: Vec<Finding> = later.into_iter().filter(is_new).collect();
    findings.extend(later);
}

fn deploys(deployment: &ast::Deployment) -> impl Iterator<Item = &Instance> {
    let statements = deployment.statements.iter();
    statements.filter_map(|statement| match statement {
        DeployStatement::Deploy(instance) => Some(instance),
        _ => None,
    })
}

fn names_of_args(flow: &FlowDefinition) -> impl Iterator<Item = String> {
    flow.args
        .params
        .iter()
        .map(|param| param.name.name.to_string())
}

/// Goes through a deployment in the order of the text, and checks all names in it.
fn names(
    deployment: &ast::Deployment,
    options: &Options,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Scope {
    let mut scope = Scope::new(loader);
    let (arena, mut directives) = (Arena::new(), Vec::new());
    let mut pool = PoolBuilder::new(&arena);
    for directive in &deployment.directives {
        let mut compiler =
            Compiler::new(Context::Constant, None, &scope, &mut pool, &mut directives);
        // Whatever is wrong with it is in what was found.
        let _ = compiler.constant(&directive.value);
    }
    findings.append(&mut directives);
    let mut deployed: Vec<&Ident> = Vec::new();
    for statement in &deployment.statements {
        match statement {
            DeployStatement::Use(using) => scope.import(using, loader, findings),
            DeployStatement::Define(definition) => scope.define(definition, loader, findings),
            DeployStatement::Deploy(instance) => {
                check_deploy(deployment, instance, options, &scope, findings);
                if deployed.iter().any(|name| name.name == instance.name.name) {
                    let message = format!("cannot deploy two flows as `{}`", instance.name.name);
                    let finding = Finding::error(Code::DuplicateName, instance.name.span, message);
                    let help = "give it a name of its own: `deploy flow other from …`";
                    findings.push(
                        finding
                            .context(instance.span)
                            .phase(Phase::Graph)
                            .help(help),
                    );
                }
                deployed.push(&instance.name);
            }
        }
    }
    scope
}

fn check_deploy(
    deployment: &ast::Deployment,
    instance: &Instance,
    options: &Options,
    scope: &Scope,
    findings: &mut Vec<Finding>,
) {
    check_values(&instance.with, scope, findings);
    let flow = match scope.flow_here(&instance.template) {
        Lookup::Found(flow) => flow,
        Lookup::Broken => return,
        Lookup::Missing => {
            let finding = unknown_flow(deployment, instance, scope);
            findings.push(finding.context(instance.span));
            return;
        }
    };
    let (assigns, params) = (&instance.with.assigns, &flow.args.params);
    let around = (instance.with.span, 0);
    let what = format!("the flow `{}`", instance.name.name);
    check_given(assigns, params, &what, around, findings);
    for param in params {
        let name = &*param.name.name;
        let is_given = assigns.iter().any(|assign| *assign.key.name == *name)
            || options.args.iter().any(|(key, _)| key == name);
        if param.default.is_none() && !is_given {
            let message = format!("missing required argument: `{name}` of {what}");
            let help = format!("deploy it `with {name} = … end`, or give the argument a default");
            let finding = Finding::error(Code::MissingArgument, param.name.span, message);
            findings.push(finding.context(flow.args.span).help(help));
        }
    }
}

fn unknown_flow(deployment: &ast::Deployment, instance: &Instance, scope: &Scope) -> Finding {
    let name = instance.template.to_string();
    let is_below = deployment
        .statements
        .iter()
        .any(|statement| match statement {
            DeployStatement::Define(Definition::Flow(flow)) => {
                instance.template.modules.is_empty()
                    && flow.name.name == instance.template.name.name
            }
            _ => false,
        });
    let (message, help) = if is_below {
        let message = format!("flow `{name}` is deployed above its definition");
        (message, "move the deployment below it".to_owned())
    } else {
        let message = format!("flow `{name}` is not defined");
        (message, known_flows(&instance.template, scope))
    };
    Finding::error(Code::UnknownName, instance.name.span, message).help(help)
}

fn unknown_asked(name: &str, scope: &Scope) -> Finding {
    let message = format!("flow `{name}` was asked for but is not defined");
    Finding::error(Code::UnknownName, Span::default(), message)
        .outside()
        .help(known_flows(&modular(name), scope))
}

fn known_flows(path: &Modular, scope: &Scope) -> String {
    let mut names = scope.flow_names(&path.modules);
    names.sort_unstable();
    one_of(&path.name.name, "flows", &names)
}

/// The name of a flow that the host asks for, such as `module::flow`.
fn modular(name: &str) -> Modular {
    let ident = |name: &str| Ident {
        name: name.into(),
        span: Span::default(),
    };
    let mut names: Vec<Ident> = name.split("::").map(ident).collect();
    let last = names.pop().unwrap_or_else(|| ident(name));
    Modular {
        modules: names,
        name: last,
    }
}

/// Reports values from outside that nobody takes.
fn check_host_args(
    deployment: &ast::Deployment,
    options: &Options,
    mut known: Vec<String>,
    findings: &mut Vec<Finding>,
) {
    for statement in &deployment.statements {
        if let DeployStatement::Define(Definition::Flow(flow)) = statement {
            known.extend(names_of_args(flow));
        }
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for (name, _) in &options.args {
        if !known.contains(&name.as_str()) {
            let message =
                format!("no flow has the argument `{name}`, which was given from outside");
            let help = one_of(name, "arguments", &known);
            let finding = Finding::error(Code::UnknownArgument, Span::default(), message);
            findings.push(finding.outside().help(help));
        }
    }
}
