//! `json`: the value that a JSON text says.

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::Context;

/// The decoded value.
pub(super) fn extract<'a>(input: &'a str, context: &mut Context<'_, 'a>) -> Option<Value<'a>> {
    parse(input, context.arena).ok()
}

fn parse<'a>(text: &str, arena: &'a Arena) -> Result<Value<'a>, String> {
    let parsed = temblor_pdk::serde_json::from_str::<OwnedValue>(text);
    parsed
        .map(|value| arena.value(&value))
        .map_err(|error| error.to_string())
}
