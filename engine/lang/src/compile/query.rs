//! Compiling queries: those that stand alone, and the pipelines of flows.

use std::sync::Arc;

use temblor_pdk::value::{Arena, Value};

use super::body::Body;
use super::graph::Graph;
use super::wire::wire;
use super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use crate::ast::{Assign, Ident, Query};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::pipeline::{Pipeline, Plan};
use crate::scope::{Loader, Scope};
use crate::span::Span;

/// What the directives of a query say.
#[derive(Default)]
pub(super) struct Directives {
    pub(super) id: Option<Box<str>>,
    pub(super) metrics_interval_s: Option<u64>,
    pub(super) is_by_lane: bool,
    pub(super) inputs: Option<Vec<Ident>>,
    pub(super) outputs: Option<Vec<Ident>>,
}

/// Compiles a query that stands alone.
///
/// # Errors
/// Reports what is wrong.
pub(crate) fn compile_top_level(
    query: &Query,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Compiled<Plan> {
    compile_plan(query, None, &Arena::new(), loader, findings)
}

/// Compiles the body of a pipeline of a flow for certain arguments.
///
/// # Errors
/// Reports what is wrong.
pub(super) fn compile_pipeline<'c>(
    query: &Query,
    args: Value<'c>,
    arena: &'c Arena,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Compiled<Pipeline> {
    let plan = compile_plan(query, Some(args), arena, loader, findings)?;
    // Texts that are loaded later concern other pipelines.
    Ok(Pipeline::new(plan, Arc::new(loader.sources().clone())))
}

/// Compiles a query for certain arguments; there are none if it stands alone. Only then do directives name its ports.
///
/// # Errors
/// Reports what is wrong.
fn compile_plan<'c>(
    query: &Query,
    args: Option<Value<'c>>,
    arena: &'c Arena,
    loader: &mut Loader,
    findings: &mut Vec<Finding>,
) -> Compiled<Plan> {
    let before = findings.len();
    let alone = args.is_none();
    let args = args.unwrap_or(Value::NULL);
    let mut pool = PoolBuilder::new(arena);
    let mut directives = read_directives(&query.directives, args, &mut pool, findings);
    if !alone {
        (directives.inputs, directives.outputs) = (None, None);
    }
    let mut graph = Graph::default();
    let mut body = Body {
        graph: &mut graph,
        loader,
        pool: &mut pool,
        findings,
    };
    body.outermost(query, args, &directives);
    let args_of = format!("{}{}", args.to_json(), graph.args);
    let wired = wire(graph);
    let is_wrong = |finding: &Finding| finding.severity == Severity::Error;
    if findings.iter().skip(before).any(is_wrong) {
        return Err(Reported);
    }
    Ok(Plan {
        id: directives.id,
        metrics_interval_s: directives.metrics_interval_s,
        is_by_lane: directives.is_by_lane,
        args: args_of.into(),
        inputs: wired.inputs,
        outputs: wired.outputs,
        entries: wired.entries,
        nodes: wired.nodes,
        ticking: wired.ticking,
        pool: pool.finish(),
        catalogue: Arc::clone(loader.catalogue()),
    })
}

fn read_directives<'c>(
    directives: &[Assign],
    args: Value<'c>,
    pool: &mut PoolBuilder<'c>,
    findings: &mut Vec<Finding>,
) -> Directives {
    let mut read = Directives::default();
    let scope = Scope::default();
    for Assign { key, value: expr } in directives {
        let mut compiler = Compiler::new(Context::Constant, Some(args), &scope, pool, findings);
        let Ok(value) = compiler.constant(expr) else {
            continue;
        };
        let names = || value.as_str().map(|names| port_names(names, expr.span));
        let wrong = match &*key.name {
            "id" => {
                read.id = value.as_str().map(Into::into);
                read.id.is_none().then_some("string")
            }
            "metrics_interval_s" => {
                read.metrics_interval_s = value.as_u64();
                read.metrics_interval_s.is_none().then_some("integer")
            }
            "from" => {
                read.inputs = names();
                read.inputs.is_none().then_some("string")
            }
            "into" => {
                read.outputs = names();
                read.outputs.is_none().then_some("string")
            }
            "state" => {
                read.is_by_lane = value.as_str() == Some("lane");
                if let (false, Some(other)) = (read.is_by_lane, value.as_str()) {
                    let message = format!("`state` is `{other}`, expected `lane`");
                    let help = "with `lane` each lane of a source has a state of its own, which moves with it; \
                                leave the line out for one state of all events";
                    let finding = Finding::error(Code::Config, expr.span, message);
                    findings.push(finding.help(help));
                }
                value.as_str().is_none().then_some("string")
            }
            _ => None,
        };
        if let Some(expected) = wrong {
            let found = value.type_name();
            let message = format!("`{}` is `{found}`, expected `{expected}`", key.name);
            findings.push(Finding::error(Code::Config, expr.span, message));
        }
    }
    read
}

fn port_names(names: &str, span: Span) -> Vec<Ident> {
    let name = |name: &str| Ident {
        name: name.trim().into(),
        span,
    };
    names.split(',').map(name).collect()
}
