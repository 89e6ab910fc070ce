//! Patches and assignments that fail.

use temblor_pdk::value::{Draft, Value};

use super::MARGIN;
use crate::code::Code;
use crate::eval::code::UnassignableCode;
use crate::finding::Finding;
use crate::span::Span;
use crate::suggest::did_you_mean;

fn in_patch(code: Code, message: String, span: Span, context: Span) -> Finding {
    Finding::error(code, span, message).context(context)
}

/// Describes a key that is to be new.
#[cold]
pub(in crate::eval) fn key_exists(key: &str, span: Span, context: Span) -> Box<Finding> {
    let message = format!("the key already exists: `{key}`");
    let finding = in_patch(Code::KeyExists, message, span, context);
    Box::new(finding.help("`upsert` sets a key whether it exists or not"))
}

/// Describes a key that is to be new, as a `move` or `copy` wants.
#[cold]
pub(in crate::eval) fn name_taken(key: &str, span: Span, context: Span) -> Box<Finding> {
    let message = format!("the key already exists: `{key}`");
    let finding = in_patch(Code::KeyExists, message, span, context);
    Box::new(finding.help(format!("`erase \"{key}\"` in front of it makes room")))
}

/// Describes a key that is to exist.
#[cold]
pub(in crate::eval) fn no_key(
    key: &str,
    record: &Draft<'_>,
    span: Span,
    context: Span,
) -> Box<Finding> {
    let message = format!("the key does not exist: `{key}`");
    let finding = in_patch(Code::MissingKey, message, span, context);
    let keys = record.iter().map(|(key, _)| key);
    let help = did_you_mean(key, keys)
        .unwrap_or_else(|| "`upsert` sets a key whether it exists or not".to_owned());
    Box::new(finding.help(help))
}

/// Describes a merge that meets something that is no record; without a key that of the whole target.
#[cold]
pub(in crate::eval) fn merge_conflict(
    key: Option<&str>,
    found: Value<'_>,
    span: Span,
    context: Span,
) -> Box<Finding> {
    let (key, found) = (key.unwrap_or("<target>"), found.type_name());
    let message =
        format!("`merge` works on missing keys and records only; `{key}` meets type `{found}`");
    Box::new(in_patch(Code::Type, message, span, context))
}

/// Describes an assignment to what cannot be assigned to.
#[cold]
pub(in crate::eval) fn unassignable(code: &UnassignableCode) -> Box<Finding> {
    let (message, help) = if code.is_meta {
        let help = "single fields can be assigned, as in `let $key = …`";
        ("`$` is not a valid assignment target", Some(help))
    } else {
        ("cannot assign to a constant expression", None)
    };
    let finding = Finding::error(Code::Assignment, code.span, message).margin(MARGIN);
    Box::new(finding.maybe_help(help.map(str::to_owned)))
}

/// Describes an assignment to an element of an array.
#[cold]
pub(in crate::eval) fn no_array_assignment(span: Span, context: Span) -> Box<Finding> {
    let message = "assigning into arrays is not supported";
    let finding = Finding::error(Code::Assignment, span, message).context(context);
    Box::new(finding.help("assign a new array, built with `for` or `+`"))
}
