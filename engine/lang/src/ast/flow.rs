//! The syntax tree of deployments and the bodies of flows.

use super::{Assign, Definition, Ident, Instance, Use};
use crate::span::Span;

/// A `.troy` file.
#[derive(Debug, Default)]
pub(crate) struct Deployment {
    pub(crate) directives: Vec<Assign>,
    pub(crate) statements: Vec<DeployStatement>,
}

/// A statement of a deployment.
#[derive(Debug)]
pub(crate) enum DeployStatement {
    Use(Use),
    /// A flow.
    Define(Definition),
    Deploy(Instance),
}

/// A statement of a flow.
#[derive(Debug)]
pub(crate) enum FlowStatement {
    Use(Use),
    /// A connector or a pipeline.
    Define(Definition),
    CreateConnector(Instance),
    CreatePipeline(Instance),
    Connect(Connect),
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
