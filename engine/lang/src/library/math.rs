//! Rounding, the larger and the smaller of two numbers.

use temblor_pdk::value::{Value, View};
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::{from_whole, number, whole};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("floor", 1, |call| round_by(call, f64::floor)),
    Function::new("ceil", 1, |call| round_by(call, f64::ceil)),
    // Half away from zero.
    Function::new("round", 1, |call| round_by(call, f64::round)),
    Function::new("trunc", 1, |call| round_by(call, f64::trunc)),
    Function::new("max", 2, |call| choose(call, i128::max, greater)),
    Function::new("min", 2, |call| choose(call, i128::min, smaller)),
];

fn round_by<'a>(call: &Call<'_, 'a>, round: fn(f64) -> f64) -> FunctionResult<'a> {
    let value = call.arg(0);
    match value.view() {
        View::I64(_) | View::U64(_) => Ok(value),
        // Saturates far outside of what an integer of the language can be; NaN gives 0.
        View::F64(number) => Ok(from_whole(round(number) as i128)),
        _ => Err(FunctionError::BadType),
    }
}

/// Chooses among integers; if one of the numbers is a float, the result is one too.
fn choose<'a>(
    call: &Call<'_, 'a>,
    integers: fn(i128, i128) -> i128,
    floats: fn(f64, f64) -> f64,
) -> FunctionResult<'a> {
    if let (Some(left), Some(right)) = (whole(call.arg(0)), whole(call.arg(1))) {
        return Ok(from_whole(integers(left, right)));
    }
    Ok(Value::from(floats(number(call, 0)?, number(call, 1)?)))
}

fn greater(left: f64, right: f64) -> f64 {
    if left > right { left } else { right }
}

fn smaller(left: f64, right: f64) -> f64 {
    if left < right { left } else { right }
}
