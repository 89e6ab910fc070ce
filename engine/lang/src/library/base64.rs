//! Base64 of binary values.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use temblor_pdk::value::Value;
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::argument::bytes;
use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("encode", 1, encode),
    Function::new("decode", 1, decode),
];

/// Writes padding, reads with and without.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn encode<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let bytes = bytes(call, 0)?;
    Ok(scratch::string(call.arena, |out| {
        // Four characters for every three bytes begun.
        out.resize(bytes.len().div_ceil(3) * 4, 0);
        let written = ENGINE.encode_slice(bytes, out).unwrap_or_default();
        out.truncate(written);
    }))
}

fn decode<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.str(0)?;
    scratch::with_bytes(|out| match ENGINE.decode_vec(text, out) {
        Ok(()) => Ok(Value::bytes(call.arena.copy_bytes(out))),
        Err(error) => Err(FunctionError::Failed(format!(
            "the text is not base64: {error}"
        ))),
    })
}
