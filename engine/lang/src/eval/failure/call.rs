//! Calls that fail.

use temblor_pdk::{FunctionError, Value};

use super::MARGIN;
use crate::code::Code;
use crate::eval::code::CallCode;
use crate::finding::Finding;
use crate::span::Span;

/// Describes a call with too few or too many arguments.
#[cold]
pub(in crate::eval) fn bad_arity(call: &CallCode, min: u8, max: u8) -> Box<Finding> {
    let CallCode { module, name, .. } = call;
    let given = call.args.len();
    let message = format!(
        "bad arity of {module}::{name}: {} but {given} given",
        expected(call, min, max)
    );
    Box::new(Finding::error(Code::Arity, call.span, message).margin(MARGIN))
}

fn expected(call: &CallCode, min: u8, max: u8) -> String {
    let given = call.args.len();
    // What a range of random numbers takes is not said by these functions.
    if &*call.module == "random" {
        return format!("{given}..={given} arguments were expected");
    }
    match max {
        u8::MAX => format!("at least {min} arguments were expected"),
        max => format!("{min}..={max} arguments were expected"),
    }
}

/// Describes what a function says against its arguments.
#[cold]
pub(in crate::eval) fn function(
    error: FunctionError,
    call: &CallCode,
    args: &[Value<'_>],
) -> Box<Finding> {
    let CallCode { module, name, .. } = call;
    let arity = call.args.len();
    let message = match error {
        FunctionError::BadType => {
            let given: Vec<String> = args
                .iter()
                .map(|arg| format!("`{}`", arg.type_name()))
                .collect();
            let given = given.join(", ");
            format!("bad type passed to function {module}::{name}/{arity}: it was given {given}")
        }
        FunctionError::Failed(reason) => {
            format!("runtime error in function {module}::{name}/{arity}: {reason}")
        }
    };
    Box::new(Finding::error(Code::Call, call.span, message).margin(MARGIN))
}

/// Describes an argument that a function with cases compares but did not get.
#[cold]
pub(in crate::eval) fn missing_argument(name: &str, span: Span) -> Box<Finding> {
    let message = format!("non existing local key `{name}`");
    let finding = Finding::error(Code::MissingKey, span, message);
    Box::new(finding.help(format!("argument `{name}` was not given")))
}

/// Describes a function that starts over again and again.
#[cold]
pub(in crate::eval) fn recursion(name: &str, max: u32, span: Span) -> Box<Finding> {
    let message = format!("recursion limit reached: `{name}` has called itself {max} times");
    Box::new(Finding::error(Code::Recursion, span, message).margin(MARGIN))
}

/// Describes functions that call functions, and so on.
#[cold]
pub(in crate::eval) fn too_nested(span: Span) -> Box<Finding> {
    let message = "recursion limit reached: calls are nested too deeply";
    Box::new(Finding::error(Code::Recursion, span, message).margin(MARGIN))
}
