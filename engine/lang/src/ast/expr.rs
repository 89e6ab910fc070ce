//! The syntax tree of expressions.

use super::{Ident, Pattern, Statement};
use crate::span::Span;

/// An expression. Its span leaves out parentheses around it.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

/// What an expression is.
#[derive(Debug)]
pub(crate) enum ExprKind {
    Null,
    Bool(bool),
    Int(u64),
    Float(f64),
    Text(Text),
    /// `<<…>>`
    Bytes(Vec<BytesPart>),
    List(Vec<Expr>),
    Record(Vec<(Text, Expr)>),
    Path(Path),
    Present {
        path: Path,
        negated: bool,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    /// Operators of one precedence, applied from left to right. Flat, so that a long sum does not nest.
    Chain {
        first: Box<Expr>,
        rest: Vec<Operation>,
    },
    Call(Call),
    /// `recur(…)`
    Recur(Vec<Expr>),
    Match(Box<Match>),
    For(Box<For>),
    Merge(Box<Merge>),
    Patch(Box<Patch>),
}

/// An operator and its right operand.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) op: BinaryOp,
    pub(crate) right: Expr,
    /// Where everything from the first operand of the chain to this one ends, closing parentheses included.
    pub(crate) end: u32,
}

/// A part of a binary literal.
#[derive(Debug)]
pub(crate) struct BytesPart {
    pub(crate) value: Expr,
    /// The number behind the colon, as it is written.
    pub(crate) size: Option<u64>,
    /// The word behind the slash.
    pub(crate) kind: Option<Ident>,
    /// The value with size and kind.
    pub(crate) span: Span,
}

/// A call of a function. Its span is that of the expression.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) modules: Vec<Ident>,
    pub(crate) name: Ident,
    pub(crate) args: Vec<Expr>,
}

/// `match … of … end`
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) target: Expr,
    pub(crate) clauses: Vec<MatchClause>,
}

/// `case … when … => …`
#[derive(Debug)]
pub(crate) struct MatchClause {
    pub(crate) pattern: Pattern,
    pub(crate) guard: Option<Expr>,
    /// Never empty. Expressions only, unless the match is a statement.
    pub(crate) body: Vec<Statement>,
    /// From `case` to the end of the last expression.
    pub(crate) span: Span,
}

/// `for … of … into … use … end`
#[derive(Debug)]
pub(crate) struct For {
    pub(crate) target: Expr,
    pub(crate) cases: Vec<ForCase>,
    pub(crate) into: Option<Expr>,
    /// The operator behind `use`.
    pub(crate) fold: Option<BinaryOp>,
}

/// `case (k, v) when … => …` of a `for`
#[derive(Debug)]
pub(crate) struct ForCase {
    pub(crate) key: Ident,
    pub(crate) value: Ident,
    /// The parenthesised pair of names.
    pub(crate) head: Span,
    pub(crate) guard: Option<Expr>,
    /// Never empty. Expressions only, unless the `for` is a statement.
    pub(crate) body: Vec<Statement>,
    pub(crate) span: Span,
}

/// `merge … of … end`
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) target: Expr,
    pub(crate) changes: Expr,
}

/// `patch … of … end`
#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) target: Expr,
    pub(crate) operations: Vec<PatchOperation>,
}

/// An operation of a `patch`.
#[derive(Debug)]
pub(crate) struct PatchOperation {
    pub(crate) kind: PatchKind,
    /// From its keyword to the end of its value or last key.
    pub(crate) span: Span,
}

/// What an operation of a `patch` does.
#[derive(Debug)]
pub(crate) enum PatchKind {
    Insert { key: Text, value: Expr },
    Update { key: Text, value: Expr },
    Upsert { key: Text, value: Expr },
    Erase { key: Text },
    Move { from: Text, to: Text },
    Copy { from: Text, to: Text },
    Merge { key: Text, value: Expr },
    MergeAll { value: Expr },
    Default { key: Text, value: Expr },
    DefaultAll { value: Expr },
}

/// A string token with its interpolations.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) parts: Vec<Interpolated>,
    pub(crate) span: Span,
}

/// A part of a string.
#[derive(Debug)]
pub(crate) enum Interpolated {
    Text(Box<str>),
    Value(Expr),
}

/// A root and the way down from it.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) segments: Vec<Segment>,
    pub(crate) span: Span,
}

/// Where a path starts.
#[derive(Debug)]
pub(crate) enum Root {
    Event,
    /// `$`; the name in `$name` is the first segment.
    Meta,
    State,
    Args,
    Group,
    Window,
    /// A local variable, or a constant of the scope.
    Local(Ident),
    /// A constant of a module: `module::NAME`.
    Constant {
        modules: Vec<Ident>,
        name: Ident,
    },
    Expr(Box<Expr>),
}

/// A step of a path.
#[derive(Debug)]
pub(crate) enum Segment {
    Field(Ident),
    Index(Expr),
    Range { from: Expr, to: Expr, span: Span },
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Plus,
    Minus,
    /// `!`
    Complement,
    Not,
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Or,
    Xor,
    And,
    BitXor,
    BitAnd,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl UnaryOp {
    /// The operator as it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            UnaryOp::Plus => "+",
            UnaryOp::Minus => "-",
            UnaryOp::Complement => "!",
            UnaryOp::Not => "not",
        }
    }
}

impl BinaryOp {
    /// The operator as it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::Xor => "xor",
            BinaryOp::And => "and",
            BinaryOp::BitXor => "^",
            BinaryOp::BitAnd => "&",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::ShiftLeft => "<<",
            BinaryOp::ShiftRight => ">>",
            BinaryOp::ShiftRightUnsigned => ">>>",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Remainder => "%",
        }
    }

    /// How tightly the operator binds; 1 is loosest.
    pub(crate) fn level(self) -> u8 {
        match self {
            BinaryOp::Or => 1,
            BinaryOp::Xor => 2,
            BinaryOp::And => 3,
            BinaryOp::BitXor => 4,
            BinaryOp::BitAnd => 5,
            BinaryOp::Equal | BinaryOp::NotEqual => 6,
            BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => 7,
            BinaryOp::ShiftLeft | BinaryOp::ShiftRight | BinaryOp::ShiftRightUnsigned => 8,
            BinaryOp::Add | BinaryOp::Subtract => 9,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => 10,
        }
    }
}
