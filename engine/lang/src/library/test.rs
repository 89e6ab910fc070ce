//! Assertions.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionResult};

use crate::eval::ops;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("assert", 3, assert).impure(),
    Function::new("suite", 0, ignored).args(0, Function::ANY),
    Function::new("test", 0, ignored).args(0, Function::ANY),
];

/// True if the last two arguments are equal, otherwise both. The first is for the reader.
fn assert<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (expected, got) = (call.arg(1), call.arg(2));
    if ops::equal(expected, got) {
        return Ok(Value::TRUE);
    }
    Ok(call.arena.array(&[expected, got]))
}

fn ignored<'a>(_: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::NULL)
}
