//! Compiling queries.

use std::sync::Arc;

use temblor_pdk::value::{Arena, Value};

use super::graph::{Graph, Node};
use super::{Compiled, Compiler, Context, PoolBuilder, Reported};
use crate::ast::{Assign, Expr, Ident, Query, QueryStatement};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::pipeline::{Condition, Pipeline, Program, Select, Target};
use crate::scope::{Loader, Scope};
use crate::source::Source;
use crate::span::Span;

/// What the directives of a query say.
#[derive(Default)]
struct Directives {
    id: Option<Box<str>>,
    metrics_interval_s: Option<u64>,
    inputs: Option<Vec<Ident>>,
    outputs: Option<Vec<Ident>>,
}

/// Compiles a query that stands alone.
///
/// # Errors
/// Reports what is wrong.
pub(crate) fn compile_top_level(
    query: &Query,
    source: &Arc<Source>,
    findings: &mut Vec<Finding>,
) -> Compiled<Pipeline> {
    compile_query(query, None, &Arena::new(), source, findings)
}

/// Compiles the body of a pipeline for certain arguments.
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
    let source = Arc::clone(loader.sources().main());
    compile_query(query, Some(args), arena, &source, findings)
}

/// Compiles a query for certain arguments; there are none if it stands alone. Only then do directives name its ports.
///
/// # Errors
/// Reports what is wrong.
fn compile_query<'c>(
    query: &Query,
    args: Option<Value<'c>>,
    arena: &'c Arena,
    source: &Arc<Source>,
    findings: &mut Vec<Finding>,
) -> Compiled<Pipeline> {
    let before = findings.len();
    let alone = args.is_none();
    let args = args.unwrap_or(Value::NULL);
    let directives = read_directives(&query.directives, args, arena, findings);
    let inputs = query.inputs.clone().or(directives.inputs.filter(|_| alone));
    let outputs = query
        .outputs
        .clone()
        .or(directives.outputs.filter(|_| alone));
    let ports = (
        inputs.unwrap_or_else(|| default_ports(&["in"])),
        outputs.unwrap_or_else(|| default_ports(&["out", "err"])),
    );
    let (scope, mut pool) = (Scope::default(), PoolBuilder::new(arena));
    let mut compiler = Compiler::new(Context::Select, Some(args), &scope, &mut pool, findings);
    let clauses = compile_selects(query, &mut compiler);
    let pool = pool.finish();
    let (constants, guesses) = (pool.constants, pool.guesses);
    let graph = Graph::build(query, ports, findings);
    if findings
        .iter()
        .skip(before)
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(Reported);
    }
    let wired = wire(&graph, clauses);
    Ok(Pipeline(Arc::new(Program {
        sources: Arc::new(source.clone().into()),
        id: directives.id,
        metrics_interval_s: directives.metrics_interval_s,
        inputs: graph.inputs.into(),
        outputs: graph.outputs.into(),
        pool: crate::eval::Pool {
            constants,
            functions: Vec::new(),
            guesses,
        },
        selects: wired.selects.into(),
        script: None,
        readers: wired.readers.into_iter().map(Vec::into).collect(),
    })))
}

fn default_ports(names: &[&str]) -> Vec<Ident> {
    let port = |name: &&str| Ident {
        name: (*name).into(),
        span: Span::default(),
    };
    names.iter().map(port).collect()
}

/// The compiled clauses of a select.
struct Clauses {
    filter: Option<Condition>,
    target: crate::eval::Code,
    having: Option<Condition>,
}

/// Compiles the clauses of all selects that have no error.
fn compile_selects(query: &Query, compiler: &mut Compiler<'_, '_>) -> Vec<Clauses> {
    let mut selects = Vec::new();
    for statement in &query.statements {
        let QueryStatement::Select(select) = statement else {
            continue;
        };
        let target = compiler.clause(&select.target, select.span);
        let having = condition(select.having.as_ref(), compiler);
        let filter = condition(select.filter.as_ref(), compiler);
        if let (Ok(filter), Ok(target), Ok(having)) = (filter, target, having) {
            selects.push(Clauses {
                filter,
                target,
                having,
            });
        }
    }
    selects
}

fn condition(expr: Option<&Expr>, compiler: &mut Compiler<'_, '_>) -> Compiled<Option<Condition>> {
    let Some(expr) = expr else { return Ok(None) };
    let code = compiler.code(expr)?;
    Ok(Some(Condition {
        code,
        span: expr.span,
    }))
}

/// Selects, and for each node the places of those that read it.
struct Wired {
    selects: Vec<Select>,
    readers: Vec<Vec<usize>>,
}

/// Puts clauses and graph together and leaves out what no event reaches or leaves.
fn wire(graph: &Graph, clauses: Vec<Clauses>) -> Wired {
    let mut selects = Vec::new();
    let mut readers = vec![Vec::new(); graph.node_count()];
    let live = graph.live_edges();
    for ((edge, clauses), live) in graph.edges.iter().zip(clauses).zip(live) {
        let to = match (edge.to, graph.place(edge.to)) {
            (Node::Output(port), _) => Target::Output(port),
            (_, Some(node)) => Target::Node(node),
            (_, None) => continue,
        };
        let from = graph
            .place(edge.from)
            .and_then(|place| readers.get_mut(place));
        if let (true, Some(readers)) = (live, from) {
            readers.push(selects.len());
            let Clauses {
                filter,
                target,
                having,
            } = clauses;
            selects.push(Select {
                filter,
                target,
                having,
                to,
            });
        }
    }
    Wired { selects, readers }
}

fn read_directives<'c>(
    directives: &[Assign],
    args: Value<'c>,
    arena: &'c Arena,
    findings: &mut Vec<Finding>,
) -> Directives {
    let mut read = Directives::default();
    for directive in directives {
        let (scope, mut pool) = (Scope::default(), PoolBuilder::new(arena));
        let mut compiler =
            Compiler::new(Context::Constant, Some(args), &scope, &mut pool, findings);
        let Ok(value) = compiler.constant(&directive.value) else {
            continue;
        };
        let wrong = match &*directive.key.name {
            "id" => {
                read.id = value.as_str().map(Into::into);
                read.id.is_none().then_some("string")
            }
            "metrics_interval_s" => {
                read.metrics_interval_s = value.as_u64();
                read.metrics_interval_s.is_none().then_some("integer")
            }
            "from" => {
                read.inputs = value
                    .as_str()
                    .map(|names| port_names(names, directive.value.span));
                read.inputs.is_none().then_some("string")
            }
            "into" => {
                read.outputs = value
                    .as_str()
                    .map(|names| port_names(names, directive.value.span));
                read.outputs.is_none().then_some("string")
            }
            _ => None,
        };
        if let Some(expected) = wrong {
            let found = value.type_name();
            let message = format!(
                "`{}` is `{found}`, expected `{expected}`",
                directive.key.name
            );
            findings.push(Finding::error(Code::Config, directive.value.span, message));
        }
    }
    read
}

fn port_names(names: &str, span: Span) -> Vec<Ident> {
    names
        .split(',')
        .map(|name| Ident {
            name: name.trim().into(),
            span,
        })
        .collect()
}
