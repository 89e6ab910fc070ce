//! The bodies of flows: what names mean in them, checked whether they are deployed or not.

use super::super::check::{check_defaults, check_values};
use super::args::{check_declared, check_given};
use crate::ast::{Args, FlowDefinition, FlowStatement, Instance};
use crate::code::Code;
use crate::finding::Finding;
use crate::scope::{Loader, Lookup, Scope};
use crate::suggest::one_of;

/// Checks a flow that stands in the scope `around`.
pub(crate) fn check_flow(
    flow: &FlowDefinition,
    around: &Scope,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) {
    scope_of(flow, loader, findings);
    check_declared(&flow.args.params, findings);
    check_defaults(&flow.args, around, findings);
}

/// Fills the scope of the body, which sees nothing of what is around the flow, and checks what stands in it.
pub(super) fn scope_of(
    flow: &FlowDefinition,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Scope {
    let mut scope = Scope::new(loader);
    for statement in &flow.body {
        match statement {
            FlowStatement::Use(using) => scope.import(using, loader, findings),
            FlowStatement::Define(definition) => scope.define(definition, loader, findings),
            FlowStatement::CreateConnector(instance) => {
                let args = scope.connector_here(&instance.template);
                let args = args.map(|definition| &definition.args);
                check_create("connector", instance, args, &scope, findings);
            }
            FlowStatement::CreatePipeline(instance) => {
                let args = scope.pipeline_here(&instance.template);
                let args = args.map(|definition| &definition.args);
                check_create("pipeline", instance, args, &scope, findings);
            }
            // Connections are made when everything is created.
            FlowStatement::Connect(_) => {}
        }
    }
    scope
}

/// Checks an instance against the arguments of its definition.
fn check_create(
    kind: &str,
    instance: &Instance,
    args: Lookup<&Args>,
    scope: &Scope,
    findings: &mut Vec<Finding>,
) {
    check_values(&instance.with, scope, findings);
    match args {
        Lookup::Found(args) => {
            let what = format!("the {kind} `{}`", instance.name.name);
            let around = (instance.with.span, 2);
            check_given(
                &instance.with.assigns,
                &args.params,
                &what,
                around,
                findings,
            );
        }
        Lookup::Broken => {}
        Lookup::Missing => {
            let finding = unknown(kind, instance, scope);
            findings.push(finding.context(instance.span));
        }
    }
}

fn unknown(kind: &str, instance: &Instance, scope: &Scope) -> Finding {
    let path = &instance.template;
    let message = format!("{kind} `{path}` is not defined in this flow");
    let help = match scope.unknown_module(&path.modules) {
        Some((module, _)) => format!(
            "a flow does not see what is used around it: add `use {};` above, with the whole name of the module",
            module.name
        ),
        None => {
            let mut names = match kind {
                "connector" => scope.connector_names(&path.modules),
                _ => scope.pipeline_names(&path.modules),
            };
            names.sort_unstable();
            one_of(&path.name.name, &format!("{kind}s defined here"), &names)
        }
    };
    Finding::error(Code::UnknownName, instance.name.span, message).help(help)
}
