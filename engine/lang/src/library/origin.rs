//! Where an event comes from. Events do not say so yet, so that everything is null, as for an event without origin.

use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionResult};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("as_uri_string", 0, unknown).impure(),
    Function::new("as_uri_record", 0, unknown).impure(),
    Function::new("scheme", 0, unknown).impure(),
    Function::new("host", 0, unknown).impure(),
    Function::new("port", 0, unknown).impure(),
    Function::new("path", 0, unknown).impure(),
];

fn unknown<'a>(_: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::NULL)
}
