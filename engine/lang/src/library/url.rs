//! Percent encoding.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("encode", 1, encode).impure(),
    Function::new("decode", 1, decode).impure(),
];

fn encode<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    Ok(scratch::string(call.arena, |out| {
        for piece in utf8_percent_encode(text, NON_ALPHANUMERIC) {
            out.extend_from_slice(piece.as_bytes());
        }
    }))
}

fn decode<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    scratch::with_bytes(|out| {
        out.extend(percent_decode_str(text));
        match std::str::from_utf8(out) {
            Ok(decoded) => Ok(Value::from(call.arena.str(decoded))),
            Err(error) => Err(FunctionError::Failed(format!(
                "the decoded text is not UTF-8: {error}"
            ))),
        }
    })
}
