//! The syntax tree of definitions and of instances of them.

use std::fmt;
use std::sync::Arc;

use super::{Expr, FlowStatement, Ident, Query, Script};
use crate::span::Span;

/// `define …`
#[derive(Clone, Debug)]
pub(crate) enum Definition {
    Window(Arc<WindowDefinition>),
    Operator(Arc<OperatorDefinition>),
    Script(Arc<ScriptDefinition>),
    Pipeline(Arc<PipelineDefinition>),
    Connector(Arc<ConnectorDefinition>),
    Flow(Arc<FlowDefinition>),
}

/// `name = value`, in `with` clauses and directives.
#[derive(Debug)]
pub(crate) struct Assign {
    pub(crate) key: Ident,
    pub(crate) value: Expr,
}

/// A `with` clause; empty if there is none.
#[derive(Debug, Default)]
pub(crate) struct With {
    pub(crate) assigns: Vec<Assign>,
    /// From `with` to the end of the last value, without `end`.
    pub(crate) span: Span,
}

/// A declared argument.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: Ident,
    pub(crate) default: Option<Expr>,
}

/// An `args` clause; empty if there is none.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) params: Vec<Param>,
    /// From `args` to the end of the last name or value.
    pub(crate) span: Span,
}

/// A name, with the modules it is in: `a::b::name`.
#[derive(Clone, Debug)]
pub(crate) struct Modular {
    pub(crate) modules: Vec<Ident>,
    pub(crate) name: Ident,
}

impl Modular {
    /// From the first module to the name.
    pub(crate) fn span(&self) -> Span {
        match self.modules.first() {
            Some(first) => first.span.to(self.name.span),
            None => self.name.span,
        }
    }
}

impl fmt::Display for Modular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for module in &self.modules {
            write!(f, "{}::", module.name)?;
        }
        f.write_str(&self.name.name)
    }
}

/// `create … name from template with …` and `deploy flow …`
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: Ident,
    /// The template; the instance's own name if the text names none.
    pub(crate) template: Modular,
    pub(crate) with: With,
    pub(crate) span: Span,
}

/// How windows follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowKind {
    Tumbling,
    Sliding,
}

/// `define window`
#[derive(Debug)]
pub(crate) struct WindowDefinition {
    pub(crate) name: Ident,
    pub(crate) kind: WindowKind,
    pub(crate) with: With,
    pub(crate) state: Option<Expr>,
    /// `script from port`; only `tick` means something.
    pub(crate) tick: Option<PortScript>,
    pub(crate) script: Option<Script>,
    pub(crate) span: Span,
}

/// `script from port …`
#[derive(Debug)]
pub(crate) struct PortScript {
    pub(crate) port: Ident,
    pub(crate) script: Script,
}

/// `define script`
#[derive(Debug)]
pub(crate) struct ScriptDefinition {
    pub(crate) name: Ident,
    pub(crate) args: Args,
    pub(crate) state: Option<Expr>,
    pub(crate) ports: Vec<PortScript>,
    pub(crate) script: Script,
    pub(crate) span: Span,
}

/// `define operator`
#[derive(Debug)]
pub(crate) struct OperatorDefinition {
    pub(crate) name: Ident,
    /// `module::kind`
    pub(crate) module: Ident,
    pub(crate) kind: Ident,
    pub(crate) args: Args,
    pub(crate) with: With,
    pub(crate) span: Span,
}

/// `define pipeline`
#[derive(Debug)]
pub(crate) struct PipelineDefinition {
    pub(crate) name: Ident,
    pub(crate) args: Args,
    pub(crate) query: Query,
    pub(crate) span: Span,
}

/// `define connector`
#[derive(Debug)]
pub(crate) struct ConnectorDefinition {
    pub(crate) name: Ident,
    pub(crate) kind: Ident,
    pub(crate) args: Args,
    pub(crate) with: With,
    pub(crate) span: Span,
}

/// `define flow`
#[derive(Debug)]
pub(crate) struct FlowDefinition {
    pub(crate) name: Ident,
    pub(crate) args: Args,
    pub(crate) body: Vec<FlowStatement>,
    pub(crate) span: Span,
}
