//! Functions on floats.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::real;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse", 1, parse),
    Function::new("is_finite", 1, |call| test(call, f64::is_finite)),
    Function::new("is_nan", 1, |call| test(call, f64::is_nan)),
    Function::new("is_infinite", 1, |call| test(call, f64::is_infinite)),
];

fn parse<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    match text.parse::<f64>() {
        Ok(number) => Ok(Value::from(number)),
        Err(_) => Err(FunctionError::Failed(format!("{text:?} is not a float"))),
    }
}

fn test<'a>(call: &Call<'_, 'a>, holds: fn(f64) -> bool) -> FunctionResult<'a> {
    let value = call.arg(0);
    match real(value) {
        Some(number) => Ok(Value::from(holds(number))),
        None => Err(FunctionError::Failed(format!(
            "the argument is of type {}, expected a number",
            value.type_name()
        ))),
    }
}
