//! Tests of values and of the memory they live in.

mod arena;
mod batch;
mod buffer;
mod decode;
mod draft;
mod equal;
mod events;
mod layout;
mod made;
mod objects;
mod owned;

use super::{Arena, Field, Value};

/// Makes a record of integers.
fn record<'a>(arena: &'a Arena, fields: &[(&str, i64)]) -> Value<'a> {
    let field = |(key, value): &(&str, i64)| Field::new(arena.str(key), Value::from(*value));
    let fields: Vec<_> = fields.iter().map(field).collect();
    arena.object(&fields)
}
