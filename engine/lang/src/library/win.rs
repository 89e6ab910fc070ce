//! What a select with windows knows of its groups.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionResult};

pub(super) const FUNCTIONS: &[Function] = &[Function::new("cardinality", 0, cardinality).impure()];

fn cardinality<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.groups))
}
