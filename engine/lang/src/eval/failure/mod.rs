//! What goes wrong when an expression is evaluated, at run time or while it is folded.

mod call;
mod edit;
mod operator;

use temblor_pdk::value::Value;

use super::code::LocalCode;
use crate::code::Code;
use crate::finding::Finding;
use crate::span::Span;
use crate::suggest::did_you_mean;

pub(super) use call::{bad_arity, function, missing_argument, recursion, too_nested};
pub(super) use edit::{
    key_exists, merge_conflict, name_taken, no_array_assignment, no_key, unassignable,
};
pub(crate) use operator::{Refused, binary, unary};
pub(super) use operator::{in_fold, invalid_fold, logic, not_appended, not_merged};

/// The result of an evaluation. Failures are rare, so they are kept small.
pub(crate) type Eval<T> = Result<T, Box<Finding>>;

/// The lines that are shown around what needs more than one to be understood.
const MARGIN: u32 = 2;

/// Fails with a finding.
pub(crate) fn fail<T>(finding: Finding) -> Eval<T> {
    Err(Box::new(finding))
}

fn error(code: Code, span: Span, message: impl Into<String>) -> Box<Finding> {
    Box::new(Finding::error(code, span, message))
}

/// Describes a value of the wrong type.
#[cold]
pub(crate) fn wrong_type(found: Value<'_>, expected: &str, span: Span) -> Box<Finding> {
    wrong_type_name(found.type_name(), expected, span)
}

/// Describes a value of the wrong type, of which the type is known.
#[cold]
pub(super) fn wrong_type_name(found: &str, expected: &str, span: Span) -> Box<Finding> {
    let message = format!("found `{found}`, expected `{expected}`");
    error(Code::Type, span, message)
}

/// Describes a value of the wrong type within something larger.
#[cold]
pub(super) fn wrong_type_in(
    found: Value<'_>,
    expected: &str,
    span: Span,
    context: Span,
) -> Box<Finding> {
    let mut finding = wrong_type(found, expected, span);
    finding.context = context;
    finding
}

/// The words that values are reached by.
pub(crate) const ROOTS: [&str; 5] = ["args", "event", "group", "state", "window"];

/// Describes a local variable that is not set; those that are set may have been meant.
#[cold]
pub(super) fn unset<'n>(
    local: &LocalCode,
    name: &str,
    set: impl IntoIterator<Item = &'n str>,
) -> Box<Finding> {
    let message = format!("non existing local key `{name}`");
    // What other languages call null.
    let help = match name {
        "nil" | "none" | "None" | "undefined" => Some("did you mean `null`?".to_owned()),
        _ => did_you_mean(name, set).or_else(|| did_you_mean(name, ROOTS)),
    };
    let finding = Finding::error(Code::MissingKey, local.span, message);
    Box::new(finding.maybe_help(help))
}

/// Describes a match without a clause for its target.
#[cold]
pub(super) fn no_clause(span: Span) -> Box<Finding> {
    let finding = Finding::error(Code::NoClause, span, "no clause matched");
    let help = "a last `case _ => null` matches everything else";
    Box::new(finding.margin(MARGIN).help(help))
}

/// Describes a value that is nested too deeply to be kept.
#[cold]
pub(super) fn too_deep(max: usize, span: Span) -> Box<Finding> {
    let message = format!("this value is nested more than {max} levels deep");
    error(Code::TooLarge, span, message)
}

/// Describes a value that is too large to be kept.
#[cold]
pub(super) fn too_large(span: Span) -> Box<Finding> {
    let message = "this value is too large: written out it would take more than 256 MiB";
    error(Code::TooLarge, span, message)
}

/// Describes an evaluation that takes all memory.
#[cold]
pub(super) fn no_memory(max: usize, span: Span) -> Box<Finding> {
    let message = format!("this takes more than {} MiB of memory", max >> 20);
    error(Code::TooLarge, span, message)
}

/// Describes an evaluation that does not end.
#[cold]
pub(super) fn too_long(max: u64, span: Span) -> Box<Finding> {
    let message = format!("this takes more than {max} steps for one event");
    let help = "compute less for each event, or in several scripts one after the other";
    Box::new(Finding::error(Code::TooLarge, span, message).help(help))
}

/// Describes a part of a binary literal that is no integer of the right kind.
#[cold]
pub(super) fn not_an_integer(sign: &str, value: Value<'_>, span: Span) -> Box<Finding> {
    let article = if sign == "signed" { "a" } else { "an" };
    let message = format!("not {article} {sign} integer: {}", shown(value));
    error(Code::BinaryPart, span, message)
}

/// Describes a part of a binary literal that has no bytes.
#[cold]
pub(super) fn not_bytes(value: Value<'_>, span: Span) -> Box<Finding> {
    let found = value.type_name();
    let message = format!("found `{found}`, expected one of `bytes`, `string`");
    error(Code::BinaryPart, span, message)
}

/// Describes a part of a binary literal that has fewer bytes than are wanted.
#[cold]
pub(super) fn too_short(value: Value<'_>, wanted: usize, span: Span) -> Box<Finding> {
    let message = format!("not long enough: {}", shown(value));
    let finding = Finding::error(Code::BinaryPart, span, message);
    Box::new(finding.help(format!("{wanted} bytes are taken from it")))
}

/// Describes an aggregate in a select that has no window, which is found out only when there is an event.
#[cold]
pub(crate) fn no_window(span: Span) -> Box<Finding> {
    let message = "an aggregate has nothing to aggregate: the select has no window";
    let help = "give the select a window, `from in[name]`, that `define window name from tumbling with size = 10 end` defines";
    Box::new(Finding::error(Code::Misplaced, span, message).help(help))
}

/// Describes a pattern such as `a = b = _`, which is found out only when it is tried.
#[cold]
pub(crate) fn bound_twice(span: Span) -> Box<Finding> {
    let message = "a pattern of this match binds a name to a pattern that binds a name itself";
    let help =
        "bind one name, `case a = …`, and give the value its other name with `let` behind it";
    Box::new(Finding::error(Code::Misplaced, span, message).help(help))
}

/// Describes what cannot happen, unless the compiler is wrong or something is used that cannot work.
#[cold]
pub(super) fn internal(span: Span) -> Box<Finding> {
    let finding = Finding::error(Code::Internal, span, "something went wrong");
    Box::new(finding.help("this should not happen; please report it together with the program"))
}

/// A value in a message: its JSON, cut short.
fn shown(value: Value<'_>) -> String {
    const WIDTH: usize = 60;
    let json = value.to_json();
    match json.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", json.get(..end).unwrap_or_default()),
        None => json,
    }
}
