//! Operators that are not defined for their operands, or have no result.

use temblor_pdk::value::{Value, View};

use super::error;
use crate::ast::{BinaryOp, UnaryOp};
use crate::code::Code;
use crate::eval::Code as Expr;
use crate::eval::bounds::MAX_MEMORY;
use crate::finding::Finding;
use crate::span::Span;

/// Why an operator did not yield a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Undefined,
    Overflow,
    DivisionByZero,
    Shift,
    TooLarge,
    NoMemory,
}

/// Describes the failure of an operator with two operands.
#[cold]
pub(crate) fn binary(
    refused: Refused,
    op: BinaryOp,
    left: Value<'_>,
    right: Value<'_>,
    span: Span,
) -> Box<Finding> {
    let op = op.as_str();
    let (code, message, help) = match refused {
        Refused::Undefined => {
            let (left, right) = (left.type_name(), right.type_name());
            let message =
                format!("operation `{op}` is not defined for types `{left}` and `{right}`");
            (Code::Operation, message, None)
        }
        Refused::Overflow => {
            let message = format!("the result of `{op}` is out of range");
            (
                Code::Arithmetic,
                message,
                Some("integers have 64 bits; compute with floats"),
            )
        }
        Refused::TooLarge => {
            let message = format!("the result of `{op}` would take more than 256 MiB");
            (Code::TooLarge, message, None)
        }
        Refused::NoMemory => return super::no_memory(MAX_MEMORY, span),
        Refused::DivisionByZero => {
            let message = format!("the right side of `{op}` is zero");
            (Code::Arithmetic, message, Some("it must be non-zero"))
        }
        Refused::Shift => {
            let message = format!("the shift amount of `{op}` is out of range");
            (
                Code::Arithmetic,
                message,
                Some("it must be between 0 and 63"),
            )
        }
    };
    let finding = Finding::error(code, span, message);
    Box::new(finding.maybe_help(help.map(str::to_owned)))
}

/// Describes the failure of an operator with one operand.
#[cold]
pub(crate) fn unary(op: UnaryOp, operand: Value<'_>, span: Span) -> Box<Finding> {
    let (op, found) = (op.as_str(), operand.type_name());
    let message = format!("operation `{op}` is not defined for type `{found}`");
    Box::new(Finding::error(Code::Operation, span, message))
}

/// Describes an operand of `and`, `or` or `xor` that is no boolean.
#[cold]
pub(in crate::eval) fn logic(
    op: BinaryOp,
    at: usize,
    found: Value<'_>,
    operands: &[(Expr, Span)],
) -> Box<Finding> {
    let (op, type_name) = (op.as_str(), found.type_name());
    let message = if at == 0 {
        format!(
            "operation `{op}` is not defined for type `{type_name}`; the right side was not executed"
        )
    } else {
        format!("operation `{op}` is not defined for types `bool` and `{type_name}`")
    };
    let spans = || operands.iter().map(|(_, span)| *span);
    let span = spans().nth(at).unwrap_or_default();
    // The operation that the operand belongs to has everything before it on its left side.
    let last = spans().nth(at.max(1)).unwrap_or(span);
    let whole = spans().next().unwrap_or(span).to(last);
    Box::new(Finding::error(Code::Operation, span, message).context(whole))
}

/// Shows a failure within the `for` that it happened in.
#[cold]
pub(in crate::eval) fn in_fold(mut finding: Box<Finding>, context: Span) -> Box<Finding> {
    finding.context = context;
    finding
}

/// Describes an operator of a `for` that collects an array or a record.
#[cold]
pub(in crate::eval) fn invalid_fold(op: BinaryOp, span: Span, context: Span) -> Box<Finding> {
    let message = format!("invalid fold operation `{}`", op.as_str());
    let finding = Finding::error(Code::Operation, span, message).context(context);
    Box::new(finding.help("arrays and records are folded with `+`"))
}

/// Describes a value that is to be put into a record.
#[cold]
pub(in crate::eval) fn not_merged(found: Value<'_>, span: Span, context: Span) -> Box<Finding> {
    let mut finding = error(Code::Type, span, type_error("object", found));
    finding.context = context;
    finding
}

/// Describes a value that a list is to be appended to, which is reported without a place.
#[cold]
pub(in crate::eval) fn not_appended(found: Value<'_>, span: Span) -> Box<Finding> {
    let finding = Finding::error(Code::Type, span, type_error("array", found));
    Box::new(finding.outside())
}

/// The message of the errors that call types by what they are in memory.
fn type_error(expected: &str, found: Value<'_>) -> String {
    let found = match found.view() {
        View::I64(_) => "i64",
        View::U64(_) => "u64",
        View::F64(_) => "f64",
        View::Object(_) => "object",
        _ => found.type_name(),
    };
    format!("type error: expected `{expected}`, found `{found}`")
}
