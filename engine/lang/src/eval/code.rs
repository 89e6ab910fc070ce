//! The compiled form of expressions.

use temblor_pdk::value::{OwnedValue, Value};

use super::path::RootName;
use crate::ast::{BinaryOp, UnaryOp};
use crate::span::Span;

/// A compiled expression. Names are resolved and constants folded; what can be reported keeps its span.
#[derive(Debug)]
pub(crate) enum Code {
    /// A constant without memory of its own.
    Scalar(Value<'static>),
    /// Any other constant, by its place in the pool.
    Constant(usize),
    Event,
    Meta,
    Path(Box<PathCode>),
    Present {
        path: Box<PathCode>,
        negated: bool,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Code>,
        span: Span,
    },
    Chain {
        first: Box<Code>,
        rest: Box<[Operation]>,
    },
    /// `and`, `or` or `xor`.
    Logic {
        op: BinaryOp,
        operands: Box<[(Code, Span)]>,
    },
    List(Box<[Code]>),
    Record(Box<RecordCode>),
    Text(Box<[TextCode]>),
}

/// An operator and its right operand. The span covers the left operand too.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) op: BinaryOp,
    pub(crate) right: Code,
    pub(crate) span: Span,
}

/// A root and the steps from it.
#[derive(Debug)]
pub(crate) struct PathCode {
    pub(crate) root: Code,
    pub(crate) name: RootName,
    pub(crate) steps: Box<[StepCode]>,
}

/// A step of a path and where it stands.
#[derive(Debug)]
pub(crate) struct StepCode {
    pub(crate) kind: StepKind,
    pub(crate) span: Span,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum StepKind {
    Field(FieldCode),
    Position(u64),
    Index(Code),
    Range {
        from: (Code, Span),
        to: (Code, Span),
    },
}

/// A field that is stepped into.
#[derive(Debug)]
pub(crate) struct FieldCode {
    pub(crate) key: Box<str>,
    /// Which of the guesses is for this step; see [`super::Machine::guesses`].
    pub(crate) guess: usize,
}

/// A record: constant fields, and computed ones on top of them.
#[derive(Debug)]
pub(crate) struct RecordCode {
    /// The constant fields, by their record's place in the pool.
    pub(crate) base: Option<usize>,
    pub(crate) fields: Box<[(Code, Code)]>,
}

/// A part of a string.
#[derive(Debug)]
pub(crate) enum TextCode {
    Text(Box<str>),
    Value(Code),
}

/// A constant of a pipeline.
#[derive(Debug)]
pub(crate) enum Constant {
    /// A string, which comparisons use where it is.
    Text(Box<str>),
    /// Anything else; copied into the arena once a batch, if it is used.
    Other(OwnedValue),
}
