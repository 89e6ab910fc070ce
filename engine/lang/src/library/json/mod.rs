//! JSON: the functions on it, reading it, writing it in several styles.

mod parse;
mod quoted;
mod write;

use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::scratch;

pub(crate) use parse::parse_json;
pub(super) use write::write_json;
pub(crate) use write::write_sorted_json;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("decode", 1, decode),
    Function::new("encode", 1, encode),
    Function::new("encode_pretty", 1, encode_pretty),
];

fn decode<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    parse_json(call.str(0)?, call.arena).map_err(FunctionError::Failed)
}

fn encode<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let value = call.arg(0);
    Ok(scratch::string(call.arena, |out| write_json(value, out)))
}

fn encode_pretty<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let value = call.arg(0);
    Ok(scratch::string(call.arena, |out| {
        write::write_pretty_json(value, out);
    }))
}
