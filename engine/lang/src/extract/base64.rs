//! `base64`: the text in a base64 string.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use temblor_pdk::value::Value;

use super::Context;

/// The standard alphabet, with or without padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether it is base64, of whatever.
pub(super) fn is_match(input: &str, context: &mut Context<'_, '_>) -> bool {
    let bytes = &mut context.stacks.bytes;
    let base = bytes.len();
    let decoded = ENGINE.decode_vec(input, bytes);
    bytes.truncate(base);
    decoded.is_ok()
}

/// The text, if it is one.
pub(super) fn extract<'a>(input: &str, context: &mut Context<'_, 'a>) -> Option<Value<'a>> {
    let bytes = &mut context.stacks.bytes;
    let base = bytes.len();
    let decoded = ENGINE.decode_vec(input, bytes);
    let text = bytes
        .get(base..)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .filter(|_| decoded.is_ok())
        .map(|text| Value::from(context.arena.str(text)));
    bytes.truncate(base);
    text
}
