//! The Troy language: lexer, parser, checker, evaluator.
//!
//! Three kinds of text can be compiled: a deployment (`.troy`), which defines and deploys flows of connectors and
//! pipelines, with [`compile_deployment`]; a query (`.trickle`), which is one pipeline, with [`compile_query`]; and a
//! script (`.tremor`), which becomes a pipeline of one node, with [`compile_script`]. [`format()`] puts any of them into
//! one style.
//! What is wrong with a text comes back as a list of [`Finding`]s, which [`render`] shows to people and
//! [`Finding::locate`] turns into something for machines.
//!
//! ```
//! use std::sync::Arc;
//! use temblor_lang::{Options, Scratch, Source, compile_query};
//! use temblor_pdk::value::{Arena, Event, Value};
//!
//! let text = r#"select { "n": event + 1 } from in where event > 1 into out"#;
//! let source = Arc::new(Source::new("count.trickle", text));
//! let query = compile_query(&source, &Options::default()).expect("the text is right");
//!
//! let (arena, mut scratch) = (Arena::new(), Scratch::default());
//! let mut results = Vec::new();
//! let mut state = query.pipeline.state();
//! let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
//! for n in [1, 2] {
//!     run.event(0, Event::new(Value::from(n)), &mut |port, event| results.push((port, event.data)))?;
//! }
//! assert_eq!(results.len(), 1);
//! assert_eq!(results[0].0, query.pipeline.output("out").unwrap());
//! assert_eq!(results[0].1.get("n"), Some(Value::from(3)));
//! # Ok::<(), temblor_lang::EvalError>(())
//! ```

mod aggregate;
mod ast;
mod catalogue;
mod code;
mod compile;
mod deployment;
mod eval;
mod extract;
mod finding;
mod format;
mod group;
mod keyword;
mod lexer;
mod library;
mod limits;
mod operators;
mod options;
mod parser;
mod pipeline;
mod report;
mod saved;
mod scope;
mod source;
mod span;
mod suggest;
mod token;
mod window;

use std::collections::HashSet;
use std::sync::Arc;

pub use catalogue::{Builtin, Catalogue};
pub use code::{Class, Code};
pub use deployment::{
    Afterwards, ConfigSpans, ConnectorSpec, Deployment, Endpoint, Flow, Link, Named, OnFailure,
    PipelineSpec, Reconnect, Retry,
};
pub use finding::{Finding, LocatedFinding, Severity, render};
pub use format::{SourceKind, format};
pub use limits::LIMITS;
pub use operators::{OPERATORS, builtin_operator};
pub use options::Options;
pub use pipeline::{
    EvalError, Pipeline, Progress, RestoreError, Run, Scratch, SnapshotError, State, Trail, Way,
    Ways, stands_for_others,
};
pub use report::report;
pub use source::{Position, Source, Sources};
pub use span::Span;

use temblor_pdk::value::Arena;

/// A compiled `.trickle` text.
#[derive(Debug)]
pub struct Query {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// What looks wrong.
    pub warnings: Vec<Finding>,
    /// The texts that it consists of.
    pub sources: Arc<Sources>,
}

/// Why a text cannot be run.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong and what looks wrong, in the order in which it is checked; of very many findings the first
    /// hundred.
    pub findings: Vec<Finding>,
    /// The texts that the findings refer to.
    pub sources: Arc<Sources>,
}

/// Compiles a `.troy` text.
///
/// # Errors
/// Returns what is wrong, and what looks wrong.
pub fn compile_deployment(source: &Arc<Source>, options: &Options) -> Result<Deployment, Rejected> {
    let tree = parser::parse_deployment(source).map_err(|findings| Rejected {
        findings: in_order(findings),
        sources: Arc::new(Sources::new(Arc::clone(source))),
    })?;
    let (mut findings, mut loader) = (Vec::new(), scope::Loader::new(source, options));
    let flows = compile::compile_flows(&tree, options, &mut loader, &mut findings);
    let sources = loader.into_sources();
    if has_errors(&findings) {
        return Err(Rejected {
            findings: in_order(findings),
            sources,
        });
    }
    Ok(Deployment {
        flows,
        warnings: in_order(findings),
        sources,
    })
}

/// Compiles a `.trickle` text.
///
/// # Errors
/// Returns what is wrong, and what looks wrong.
pub fn compile_query(source: &Arc<Source>, options: &Options) -> Result<Query, Rejected> {
    let tree = parser::parse_query(source).map_err(|findings| Rejected {
        findings: in_order(findings),
        sources: Arc::new(Sources::new(Arc::clone(source))),
    })?;
    let mut findings = Vec::new();
    let mut loader = scope::Loader::new(source, options);
    let plan = compile::compile_top_level(&tree, &mut loader, &mut findings);
    let sources = loader.into_sources();
    match plan {
        Ok(plan) if !has_errors(&findings) => Ok(Query {
            pipeline: Pipeline::new(plan, Arc::clone(&sources)),
            warnings: in_order(findings),
            sources,
        }),
        _ => Err(Rejected {
            findings: in_order(findings),
            sources,
        }),
    }
}

/// Compiles a `.tremor` text: a pipeline of one script, with the input port `in`, and with the output ports `out`, `err`
/// and those that its `emit`s name as they are. If it computes names of ports, there is one more, `*`, for all that are
/// none of these.
///
/// # Errors
/// Returns what is wrong, and what looks wrong.
pub fn compile_script(source: &Arc<Source>, options: &Options) -> Result<Query, Rejected> {
    let tree = parser::parse_script(source).map_err(|findings| Rejected {
        findings: in_order(findings),
        sources: Arc::new(Sources::new(Arc::clone(source))),
    })?;
    let (arena, mut findings) = (Arena::new(), Vec::new());
    let mut loader = scope::Loader::new(source, options);
    let mut pool = compile::PoolBuilder::new(&arena);
    let kind = compile::ScriptKind::Event;
    let catalogue = Arc::clone(loader.catalogue());
    let script = compile::script(&tree, kind, None, &mut loader, &mut pool, &mut findings);
    let sources = loader.into_sources();
    match script {
        Ok(script) if !has_errors(&findings) => {
            let ports = compile::emitted_ports(&tree);
            let pipeline = Pipeline::of_script(
                script,
                ports,
                pool.finish(),
                catalogue,
                Arc::clone(&sources),
            );
            Ok(Query {
                pipeline,
                warnings: in_order(findings),
                sources,
            })
        }
        _ => Err(Rejected {
            findings: in_order(findings),
            sources,
        }),
    }
}

fn has_errors(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// Sorts findings: errors in the order in which they are looked for, then warnings by what they are about. Each is
/// left once: what is instantiated twice is reported twice.
fn in_order(findings: Vec<Finding>) -> Vec<Finding> {
    let (mut errors, mut warnings): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    errors.sort_by_key(|finding| finding.phase);
    warnings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.code.class(), finding.span);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    errors.append(&mut warnings);
    let mut seen = HashSet::new();
    errors.retain(|finding| seen.insert((finding.span, finding.message.clone())));
    errors.truncate(finding::MAX_FINDINGS);
    errors
}
