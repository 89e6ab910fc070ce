//! Functions on arrays.

use std::io::Write;

use temblor_pdk::value::{Arena, Array, Value, View};
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::array;
use super::order::{compare, identical};
use super::{scratch, sort};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("len", 1, len),
    Function::new("is_empty", 1, is_empty),
    Function::new("contains", 2, contains),
    Function::new("push", 2, push),
    Function::new("zip", 2, zip),
    Function::new("unzip", 1, unzip),
    Function::new("flatten", 1, flatten),
    Function::new("join", 2, join),
    Function::new("coalesce", 1, coalesce),
    Function::new("concatenate", 2, concatenate),
    Function::new("sort", 1, sorted),
    Function::new("reverse", 1, reverse),
];

fn len<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(array(call, 0)?.len()))
}

fn is_empty<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(array(call, 0)?.is_empty()))
}

fn contains<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let wanted = call.arg(1);
    let found = array(call, 0)?.iter().any(|item| identical(item, wanted));
    Ok(Value::from(found))
}

fn push<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let item = call.arg(1);
    Ok(join_slices(array(call, 0)?.as_slice(), &[item], call.arena))
}

fn concatenate<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (first, second) = (array(call, 0)?, array(call, 1)?);
    Ok(join_slices(first.as_slice(), second.as_slice(), call.arena))
}

fn join_slices<'a>(first: &[Value<'a>], second: &[Value<'a>], arena: &'a Arena) -> Value<'a> {
    let mut items = first.iter().chain(second).copied();
    let next = |_: &mut ()| items.next().unwrap_or_default();
    arena.array_of(first.len() + second.len(), &mut (), next, |()| None)
}

fn zip<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (first, second) = (array(call, 0)?, array(call, 1)?);
    if first.len() != second.len() {
        return Err(FunctionError::Failed(format!(
            "the arrays have {} and {} elements, but zip needs as many in one as in the other",
            first.len(),
            second.len()
        )));
    }
    let pairs = first.iter().zip(second.iter());
    let pairs = pairs.map(|(first, second)| call.arena.array(&[first, second]));
    Ok(scratch::array_of(call.arena, pairs))
}

fn unzip<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let items = array(call, 0)?;
    for (at, item) in items.iter().enumerate() {
        pair(item).ok_or_else(|| not_a_pair(at, item))?;
    }
    let column = |which: usize| {
        let cells = items.iter().map(|item| match pair(item) {
            Some((first, second)) => [first, second][which],
            None => Value::NULL,
        });
        scratch::array_of(call.arena, cells)
    };
    Ok(call.arena.array(&[column(0), column(1)]))
}

/// The elements of an array of two.
pub(super) fn pair<'a>(item: Value<'a>) -> Option<(Value<'a>, Value<'a>)> {
    match item.as_array()?.as_slice() {
        [first, second] => Some((*first, *second)),
        _ => None,
    }
}

/// Says what an element is that should be an array of two.
pub(super) fn not_a_pair(at: usize, item: Value<'_>) -> FunctionError {
    let found = match item.as_array() {
        Some(array) => format!("an array of length {}", array.len()),
        None => format!("of type {}", item.type_name()),
    };
    FunctionError::Failed(format!(
        "element {at} is {found}, expected an array of length 2"
    ))
}

fn flatten<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let Some(items) = call.arg(0).as_array() else {
        return Ok(call.arena.array(&[call.arg(0)]));
    };
    Ok(scratch::array(call.arena, |flat| flatten_into(items, flat)))
}

fn flatten_into<'a>(items: Array<'a>, flat: &mut Vec<Value<'a>>) {
    let mut open = vec![items.as_slice().iter()];
    while let Some(level) = open.last_mut() {
        match level.next() {
            Some(item) => match item.as_array() {
                Some(items) => open.push(items.as_slice().iter()),
                None => flat.push(*item),
            },
            None => {
                open.pop();
            }
        }
    }
}

fn join<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (items, separator) = (array(call, 0)?, call.str(1)?);
    Ok(scratch::string(call.arena, |out| {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(separator.as_bytes());
            }
            write_plain(item, out);
        }
    }))
}

/// Writes an element as `join` shows it: floats in decimal without a trailing `.0`, containers as JSON.
fn write_plain(item: Value<'_>, out: &mut Vec<u8>) {
    match item.view() {
        View::Str(text) => out.extend_from_slice(text.as_bytes()),
        // Writing to memory does not fail.
        View::F64(number) => drop(write!(out, "{number}")),
        _ => super::json::write_json(item, out),
    }
}

fn coalesce<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let items = array(call, 0)?;
    Ok(scratch::array(call.arena, |kept| {
        kept.extend(items.iter().filter(|item| !item.is_null()));
    }))
}

fn sorted<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let items = array(call, 0)?;
    Ok(scratch::array(call.arena, |sorted| {
        sorted.extend_from_slice(items.as_slice());
        sort::sort(sorted, |left, right| compare(*left, *right));
    }))
}

fn reverse<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let items = array(call, 0)?.as_slice();
    Ok(scratch::array_of(call.arena, items.iter().rev().copied()))
}
