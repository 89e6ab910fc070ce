//! The syntax tree of patterns.

use super::{BinaryOp, Expr, Ident};
use crate::span::Span;

/// A pattern, or an element of one.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) kind: PatternKind,
    pub(crate) span: Span,
}

/// What a pattern is.
#[derive(Debug)]
pub(crate) enum PatternKind {
    /// `_`
    Ignore,
    /// Equals a value.
    Expr(Expr),
    /// `~ name|…|`
    Extract(ExtractorLiteral),
    /// `%{ … }`
    Record(Vec<FieldTest>),
    /// `%[ … ]`
    Array(Vec<Pattern>),
    /// `%( … )`
    Tuple {
        elements: Vec<Pattern>,
        /// Whether it ends in `...`.
        is_open: bool,
    },
    /// `name = pattern`
    Bind { name: Ident, pattern: Box<Pattern> },
}

/// `name|…|`
#[derive(Debug)]
pub(crate) struct ExtractorLiteral {
    pub(crate) name: Ident,
    pub(crate) text: Box<str>,
    /// From the name to the closing pipe.
    pub(crate) span: Span,
}

/// A test of a record pattern.
#[derive(Debug)]
pub(crate) struct FieldTest {
    pub(crate) field: Ident,
    pub(crate) kind: FieldTestKind,
}

/// What a field is tested for.
#[derive(Debug)]
pub(crate) enum FieldTestKind {
    Present,
    Absent,
    /// `field < …` and the other comparisons.
    Compare(BinaryOp, Expr),
    /// `field ~= …`: an extractor, or a record, array or tuple pattern.
    Matches(Pattern),
}
