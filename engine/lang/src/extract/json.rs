//! `json`: the value that a JSON text says.

use temblor_pdk::value::Value;

use super::Context;
use crate::library::parse_json;

/// The decoded value.
pub(super) fn extract<'a>(input: &'a str, context: &mut Context<'_, 'a>) -> Option<Value<'a>> {
    parse_json(input, context.arena).ok()
}
