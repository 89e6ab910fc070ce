//! Steps into values that are not in an arena: the state, and constants.

use temblor_pdk::value::{OwnedValue, Value, View};

use super::failure;
use super::path::{Missed, Place, not_negative};
use crate::span::Span;

/// Steps into a field by its name.
pub(super) fn field<'s, 'c>(
    base: &'s OwnedValue,
    key: &'c str,
    place: Place,
) -> Result<&'s OwnedValue, Missed<'c>> {
    let OwnedValue::Object(map) = base else {
        return Err(wrong_type(base, "record", place.span));
    };
    map.get(key).ok_or(Missed::Key {
        record: Value::NULL,
        key,
        place,
    })
}

/// Steps to an index that is known to be a number.
pub(super) fn position<'c>(
    base: &OwnedValue,
    index: u64,
    span: Span,
) -> Result<&OwnedValue, Missed<'c>> {
    let OwnedValue::Array(items) = base else {
        return Err(wrong_type(base, "array", span));
    };
    let item = usize::try_from(index).ok().and_then(|at| items.get(at));
    item.ok_or(Missed::Index {
        index,
        len: items.len(),
        span,
    })
}

/// Steps to an index or key that was computed.
pub(super) fn index<'s, 'c>(
    base: &'s OwnedValue,
    index: Value<'c>,
    place: Place,
) -> Result<&'s OwnedValue, Missed<'c>> {
    let span = place.span;
    let is_integer = matches!(index.view(), View::I64(_) | View::U64(_));
    match (base, index.view()) {
        (OwnedValue::Object(_), View::Str(key)) => field(base, key, place),
        (OwnedValue::Object(_), _) => Err(Missed::Type {
            found: index.type_name(),
            expected: "string",
            span,
        }),
        (OwnedValue::Array(items), _) if is_integer => {
            position(base, not_negative(index, items.len(), span)?, span)
        }
        (OwnedValue::Array(_), _) => {
            Err(Missed::Error(failure::wrong_type(index, "integer", span)))
        }
        _ if is_integer => Err(wrong_type(base, "array", span)),
        _ => Err(wrong_type(base, "record", span)),
    }
}

fn wrong_type<'c>(found: &OwnedValue, expected: &'static str, span: Span) -> Missed<'c> {
    Missed::Type {
        found: type_name(found),
        expected,
        span,
    }
}

/// See [`Value::type_name`].
pub(super) fn type_name(value: &OwnedValue) -> &'static str {
    match value {
        OwnedValue::Null => "null",
        OwnedValue::Bool(_) => "bool",
        OwnedValue::I64(_) | OwnedValue::U64(_) => "integer",
        OwnedValue::F64(_) => "float",
        OwnedValue::Str(_) => "string",
        OwnedValue::Bytes(_) => "bytes",
        OwnedValue::Array(_) => "array",
        OwnedValue::Object(_) => "record",
    }
}
