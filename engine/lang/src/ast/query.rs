//! The syntax tree of queries.

use super::{Assign, Definition, Expr, Ident, Instance, Modular, Use};
use crate::span::Span;

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

/// What kind of node a `create` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Operator,
    Script,
    Pipeline,
}

/// A statement of a query.
#[derive(Debug)]
pub(crate) enum QueryStatement {
    Use(Use),
    /// A window, an operator, a script or a pipeline.
    Define(Definition),
    CreateStream {
        name: Ident,
        span: Span,
    },
    Create {
        kind: NodeKind,
        instance: Instance,
    },
    Select(Box<Select>),
}

/// `select … from …[…] where … group by … into … having …`
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) target: Expr,
    pub(crate) from: Port,
    pub(crate) windows: Vec<Modular>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group: Option<GroupBy>,
    pub(crate) into: Port,
    pub(crate) having: Option<Expr>,
    pub(crate) span: Span,
}

/// What events are grouped by.
#[derive(Debug)]
pub(crate) enum GroupBy {
    Expr(Expr),
    Set { items: Vec<GroupBy>, span: Span },
    Each { expr: Expr, span: Span },
}

/// `node/port` in a select.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) node: Ident,
    pub(crate) port: Option<Ident>,
}
