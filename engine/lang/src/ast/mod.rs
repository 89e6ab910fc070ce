//! The syntax tree of deployments, flows and queries.

mod expr;

pub(crate) use expr::{
    BinaryOp, Expr, ExprKind, Interpolated, Operation, Path, Root, Segment, Text, UnaryOp,
};

use crate::span::Span;

/// A name and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) name: Box<str>,
    pub(crate) span: Span,
}

/// `name = value`, in `with` clauses and directives.
#[derive(Debug)]
pub(crate) struct Assign {
    pub(crate) key: Ident,
    pub(crate) value: Expr,
}

/// A declared argument.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: Ident,
    pub(crate) default: Option<Expr>,
}

/// A `.troy` file.
#[derive(Debug, Default)]
pub(crate) struct Deployment {
    pub(crate) directives: Vec<Assign>,
    pub(crate) statements: Vec<DeployStatement>,
}

/// A statement of a deployment.
#[derive(Debug)]
pub(crate) enum DeployStatement {
    Define(FlowDefinition),
    Deploy(Instance),
}

/// `define flow`
#[derive(Debug)]
pub(crate) struct FlowDefinition {
    pub(crate) name: Ident,
    pub(crate) params: Vec<Param>,
    pub(crate) body: Vec<FlowStatement>,
    pub(crate) span: Span,
}

/// A statement of a flow.
#[derive(Debug)]
pub(crate) enum FlowStatement {
    DefineConnector(ConnectorDefinition),
    DefinePipeline(PipelineDefinition),
    CreateConnector(Instance),
    CreatePipeline(Instance),
    Connect(Connect),
}

/// `create … name from template with …` and `deploy flow …`
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: Ident,
    /// The template; the instance's own name if the text names none.
    pub(crate) template: Ident,
    pub(crate) with: Vec<Assign>,
    pub(crate) span: Span,
}

/// `define connector`
#[derive(Debug)]
pub(crate) struct ConnectorDefinition {
    pub(crate) name: Ident,
    pub(crate) kind: Ident,
    pub(crate) params: Vec<Param>,
    pub(crate) with: Vec<Assign>,
    pub(crate) span: Span,
}

/// `define pipeline`
#[derive(Debug)]
pub(crate) struct PipelineDefinition {
    pub(crate) name: Ident,
    pub(crate) params: Vec<Param>,
    pub(crate) query: Query,
    pub(crate) span: Span,
}

/// `connect /… to /…`
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) from: Endpoint,
    pub(crate) to: Endpoint,
    pub(crate) span: Span,
}

/// One end of a `connect`.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) kind: EndpointKind,
    pub(crate) name: Ident,
    /// The port, if the text names one.
    pub(crate) port: Option<Ident>,
    pub(crate) span: Span,
}

/// What a `connect` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointKind {
    Connector,
    Pipeline,
}

/// The body of a pipeline, or a whole `.trickle` file.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) directives: Vec<Assign>,
    /// The declared input ports; `None` leaves the defaults.
    pub(crate) inputs: Option<Vec<Ident>>,
    /// The declared output ports; `None` leaves the defaults.
    pub(crate) outputs: Option<Vec<Ident>>,
    pub(crate) statements: Vec<QueryStatement>,
}

/// A statement of a query.
#[derive(Debug)]
pub(crate) enum QueryStatement {
    CreateStream { name: Ident, span: Span },
    Select(Box<Select>),
}

/// `select … from … where … into … having …`
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) target: Expr,
    pub(crate) from: Port,
    pub(crate) filter: Option<Expr>,
    pub(crate) into: Port,
    pub(crate) having: Option<Expr>,
}

/// `node/port` in a select.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) node: Ident,
    pub(crate) port: Option<Ident>,
}
