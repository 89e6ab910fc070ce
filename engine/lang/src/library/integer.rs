//! Functions on integers.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

pub(super) const FUNCTIONS: &[Function] = &[Function::new("parse", 1, parse)];

fn parse<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    match text.parse::<i64>() {
        Ok(number) => Ok(Value::from(number)),
        Err(error) => Err(FunctionError::Failed(format!(
            "{text:?} is not an integer: {error}"
        ))),
    }
}
