//! Random values. They are seeded with the time at which the event came in: the same event gives the same values, so
//! that a run can be repeated.

use fastrand::Rng;
use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::{number, unsigned};
use super::scratch;
use crate::limits::RANDOM_CHARACTERS as MAX_LEN;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("bool", 0, bool).impure(),
    Function::new("string", 1, string).impure(),
    Function::new("integer", 0, integer).args(0, 2).impure(),
    Function::new("float", 0, float).args(0, 2).impure(),
];

fn source(call: &Call<'_, '_>) -> Rng {
    Rng::with_seed(call.ingest_ns)
}

fn bool<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(source(call).bool()))
}

fn string<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let len = unsigned(call, 0)?;
    if len > MAX_LEN {
        return Err(FunctionError::Failed(format!(
            "a string of {len} characters is too long, the longest is of {MAX_LEN}"
        )));
    }
    let mut random = source(call);
    Ok(scratch::string(call.arena, |out| {
        out.extend((0..len).map(|_| random.alphanumeric() as u8));
    }))
}

fn integer<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let mut random = source(call);
    match call.args {
        [] => Ok(Value::from(random.i64(..))),
        [_] => match unsigned(call, 0)? {
            0 => Err(FunctionError::failed(
                "there is no integer below 0 to choose",
            )),
            max => Ok(Value::from(random.u64(..max))),
        },
        _ => {
            let (low, high) = (signed(call, 0)?, signed(call, 1)?);
            if low >= high {
                return Err(no_range(low, high));
            }
            Ok(Value::from(random.i64(low..high)))
        }
    }
}

fn signed(call: &Call<'_, '_>, index: usize) -> Result<i64, FunctionError> {
    call.arg(index).as_i64().ok_or(FunctionError::BadType)
}

fn float<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (low, high) = match call.args {
        [] => (0.0, 1.0),
        [_] => (0.0, number(call, 0)?),
        _ => (number(call, 0)?, number(call, 1)?),
    };
    let width = high - low;
    if !(low < high && width.is_finite()) {
        return Err(no_range(low, high));
    }
    let number = low + source(call).f64() * width;
    // Rounding may reach the end, which is outside.
    Ok(Value::from(if number < high { number } else { low }))
}

fn no_range(low: impl std::fmt::Display, high: impl std::fmt::Display) -> FunctionError {
    FunctionError::Failed(format!(
        "there is nothing to choose from {low} to below {high}, the first has to be smaller"
    ))
}
