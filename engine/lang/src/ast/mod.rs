//! The syntax tree of all three languages.
//!
//! Everything that can be reported keeps its span. What a definition holds is shared, since instances of it are
//! made wherever its scope is imported.

mod definition;
mod expr;
mod flow;
mod pattern;
mod query;
mod script;

pub(crate) use definition::{
    Args, Assign, ConnectorDefinition, Definition, FlowDefinition, Instance, Modular,
    OperatorDefinition, Param, PipelineDefinition, PortScript, ScriptDefinition, WindowDefinition,
    WindowKind, With,
};
pub(crate) use expr::{
    BinaryOp, BytesPart, Call, Expr, ExprKind, For, ForCase, Interpolated, Match, MatchClause,
    Merge, Operation, Patch, PatchKind, PatchOperation, Path, Root, Segment, Text, UnaryOp,
};
pub(crate) use flow::{
    Connect, DeployStatement, Deployment, Endpoint, EndpointKind, FlowStatement,
};
pub(crate) use pattern::{ExtractorLiteral, FieldTest, FieldTestKind, Pattern, PatternKind};
pub(crate) use query::{GroupBy, NodeKind, Port, Query, QueryStatement, Select};
pub(crate) use script::{
    Const, Function, FunctionBody, FunctionCase, Import, Intrinsic, Item, Module, Script,
    Statement, StatementKind, Use,
};

use crate::span::Span;

/// A name and where it is written.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) name: Box<str>,
    pub(crate) span: Span,
}
