//! Walking into values along computed paths.

use temblor_pdk::value::{Value, View};
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

pub(super) const FUNCTIONS: &[Function] = &[Function::new("try_default", 3, try_default)];

fn try_default<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (base, otherwise) = (call.arg(0), call.arg(2));
    match base.view() {
        View::Null => return Ok(otherwise),
        View::Object(_) | View::Array(_) => {}
        _ => return Err(wrong("base", base, "a record, an array or null")),
    }
    let Some(segments) = call.arg(1).as_array() else {
        return Err(wrong("path", call.arg(1), "an array"));
    };
    let mut value = base;
    for (at, segment) in segments.iter().enumerate() {
        match enter(value, segment) {
            Entered::Value(next) => value = next,
            // What cannot be a step from the base at all is no step.
            Entered::Misfit if at == 0 => {}
            Entered::Misfit | Entered::Missing => return Ok(otherwise),
        }
    }
    Ok(value)
}

/// What a step into a value leads to.
enum Entered<'a> {
    Value(Value<'a>),
    /// There is nothing.
    Missing,
    /// The segment is of the wrong type for the value.
    Misfit,
}

fn enter<'a>(value: Value<'a>, segment: Value<'_>) -> Entered<'a> {
    let next = match (value.view(), segment.as_str(), segment.as_u64()) {
        (View::Object(record), Some(key), _) => record.get(key),
        (View::Array(array), _, Some(index)) => {
            usize::try_from(index).ok().and_then(|at| array.get(at))
        }
        _ => return Entered::Misfit,
    };
    next.map_or(Entered::Missing, Entered::Value)
}

fn wrong(what: &str, found: Value<'_>, expected: &str) -> FunctionError {
    let found = found.type_name();
    FunctionError::Failed(format!(
        "the {what} is of type {found}, expected {expected}"
    ))
}
