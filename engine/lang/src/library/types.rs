//! Types of values.

use temblor_pdk::value::{Value, View};
use temblor_pdk::{Call, Function, FunctionResult};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("as_string", 1, as_string),
    Function::new("is_null", 1, |call| test(call, |v| v.is_null())),
    Function::new("is_bool", 1, |call| test(call, |v| v.as_bool().is_some())),
    // Only those that fit 64 signed bits.
    Function::new("is_integer", 1, |call| test(call, |v| v.as_i64().is_some())),
    Function::new("is_float", 1, |call| test(call, |v| v.as_f64().is_some())),
    Function::new("is_number", 1, |call| test(call, is_number)),
    Function::new("is_string", 1, |call| test(call, |v| v.as_str().is_some())),
    Function::new("is_array", 1, |call| test(call, |v| v.as_array().is_some())),
    Function::new("is_record", 1, |call| {
        test(call, |v| v.as_object().is_some())
    }),
    Function::new("is_binary", 1, |call| {
        test(call, |v| v.as_bytes().is_some())
    }),
];

fn as_string<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.arg(0).type_name()))
}

fn test<'a>(call: &Call<'_, 'a>, holds: fn(Value<'_>) -> bool) -> FunctionResult<'a> {
    Ok(Value::from(holds(call.arg(0))))
}

fn is_number(value: Value<'_>) -> bool {
    matches!(value.view(), View::I64(_) | View::U64(_) | View::F64(_))
}
