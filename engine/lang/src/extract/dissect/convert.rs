//! From the texts of a match to a record.

use temblor_pdk::value::{Field, Value};

use super::{Dissect, Key, Output, text};
use crate::extract::Context;

/// What a text is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Str,
    Int,
    Float,
}

impl Type {
    /// None if the text does not say a value of the type.
    pub(super) fn convert(self, text: &str) -> Option<Value<'_>> {
        match self {
            Type::Str => Some(Value::from(text)),
            Type::Int => {
                let signed = text.parse::<i64>().map(Value::from);
                signed
                    .or_else(|_| text.parse::<u64>().map(Value::from))
                    .ok()
            }
            Type::Float => text.parse::<f64>().ok().map(Value::from),
        }
    }
}

impl Dissect {
    /// Makes the record of the texts that lie on the stack from the first base on; leaves the stacks to the caller.
    pub(super) fn build<'a>(
        &self,
        (values, fields): (usize, usize),
        context: &mut Context<'_, 'a>,
    ) -> Option<Value<'a>> {
        let (arena, stacks) = (context.arena, &mut *context.stacks);
        let texts = stacks.values.get(values..).unwrap_or_default();
        let names = self.names.copy(arena);
        for output in &self.outputs {
            if !output.key.is_possible(texts) {
                return None;
            }
            let key = match output.key {
                Key::Name(at) => self.names.get(names, at),
                Key::Text(at) => text(texts, at),
                Key::Missing => "",
            };
            let first = text(texts, output.text);
            let value = if output.appended.is_empty() {
                output.type_.convert(first)?
            } else {
                let base = stacks.bytes.len();
                join(first, output, texts, &mut stacks.bytes);
                let joined = stacks.bytes.get(base..).unwrap_or_default();
                let joined = std::str::from_utf8(joined).map(|joined| arena.str(joined));
                stacks.bytes.truncate(base);
                Value::from(joined.ok()?)
            };
            stacks.fields.push(Field::new(key, value));
        }
        Some(stacks.record(fields, arena))
    }
}

/// Writes a text and what is appended to it.
fn join(first: &str, output: &Output, texts: &[Value<'_>], out: &mut Vec<u8>) {
    out.extend_from_slice(first.as_bytes());
    for (before, at) in &output.appended {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(text(texts, *at).as_bytes());
    }
}
