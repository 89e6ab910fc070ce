//! Ranges of integers.

use std::cmp::Ordering;

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::{array, from_whole, integer};
use super::order::compare_numbers;
use crate::limits::RANGE_ELEMENTS as MAX_LEN;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("range", 2, range),
    Function::new("contains", 2, contains),
];

fn range<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (first, end) = (integer(call, 0)?, integer(call, 1)?);
    let len = (end - first).max(0);
    if len > MAX_LEN {
        return Err(FunctionError::Failed(format!(
            "a range of {len} integers is too long, the longest has {MAX_LEN}"
        )));
    }
    let mut number = first;
    let next = |_: &mut ()| {
        number += 1;
        from_whole(number - 1)
    };
    Ok(call.arena.array_of(len as usize, &mut (), next, |()| None))
}

fn contains<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (range, number) = (array(call, 0)?.as_slice(), call.arg(1));
    let (Some(first), Some(last)) = (range.first(), range.last()) else {
        return Ok(Value::FALSE);
    };
    let is_within = at_most(*first, number)? && at_most(number, *last)?;
    Ok(Value::from(is_within))
}

fn at_most(left: Value<'_>, right: Value<'_>) -> Result<bool, FunctionError> {
    let are_numbers = [left, right].map(|value| super::argument::real(value).is_some());
    if are_numbers != [true, true] {
        return Err(FunctionError::BadType);
    }
    let order = compare_numbers(left, right);
    Ok(matches!(order, Some(Ordering::Less | Ordering::Equal)))
}
