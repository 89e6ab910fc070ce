//! What goes wrong when an expression is evaluated, at run time or while it is folded.

use temblor_pdk::value::Value;

use crate::ast::{BinaryOp, UnaryOp};
use crate::code::Code;
use crate::finding::Finding;
use crate::span::Span;

/// The result of an evaluation. Failures are rare, so they are kept small.
pub(crate) type Eval<T> = Result<T, Box<Finding>>;

/// Fails with a finding.
pub(crate) fn fail<T>(finding: Finding) -> Eval<T> {
    Err(Box::new(finding))
}

/// Why an operator did not yield a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Undefined,
    Overflow,
    DivisionByZero,
    Shift,
}

/// Describes the failure of an operator with two operands.
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
pub(crate) fn unary(op: UnaryOp, operand: Value<'_>, span: Span) -> Box<Finding> {
    let (op, found) = (op.as_str(), operand.type_name());
    let message = format!("operation `{op}` is not defined for type `{found}`");
    Box::new(Finding::error(Code::Operation, span, message))
}

/// Describes a left or right side of `and`, `or` or `xor` that is no boolean.
pub(crate) fn logic(op: BinaryOp, is_left: bool, found: Value<'_>, span: Span) -> Box<Finding> {
    let found = found.type_name();
    let op = op.as_str();
    let message = if is_left {
        format!(
            "operation `{op}` is not defined for type `{found}`; the right side was not executed"
        )
    } else {
        format!("operation `{op}` is not defined for types `bool` and `{found}`")
    };
    Box::new(Finding::error(Code::Operation, span, message))
}

/// Describes a value of the wrong type.
pub(crate) fn wrong_type(found: Value<'_>, expected: &str, span: Span) -> Box<Finding> {
    let message = format!("found `{}`, expected `{expected}`", found.type_name());
    Box::new(Finding::error(Code::Type, span, message))
}
