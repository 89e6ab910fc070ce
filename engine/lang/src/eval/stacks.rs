//! Working memory of the evaluator, kept from event to event so that nothing is allocated for each.

use temblor_pdk::value::{Arena, Field, Value};

use crate::extract::Groups;

/// Values under construction. Lists and records are collected here and then copied into the arena at once.
#[derive(Default)]
pub(crate) struct Stacks<'a> {
    pub(crate) values: Vec<Value<'a>>,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) bytes: Vec<u8>,
    /// Of the extractors.
    pub(crate) groups: Groups,
}

impl<'a> Stacks<'a> {
    /// Empties all stacks; a failed evaluation leaves things behind.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.fields.clear();
        self.bytes.clear();
    }

    /// Empties the stacks and keeps their memory for values that live elsewhere.
    pub(crate) fn recycle<'b>(mut self) -> Stacks<'b> {
        self.clear();
        Stacks {
            values: recycle(self.values),
            fields: recycle(self.fields),
            bytes: self.bytes,
            groups: self.groups,
        }
    }

    /// Makes an array of the values from `base` on.
    pub(crate) fn array(&mut self, base: usize, arena: &'a Arena) -> Value<'a> {
        let array = arena.array(self.values.get(base..).unwrap_or_default());
        self.values.truncate(base);
        array
    }

    /// Makes a record of the fields from `base` on.
    pub(crate) fn record(&mut self, base: usize, arena: &'a Arena) -> Value<'a> {
        let record = arena.object(self.fields.get(base..).unwrap_or_default());
        self.fields.truncate(base);
        record
    }

    /// Makes a string of the bytes from `base` on.
    pub(crate) fn text(&mut self, base: usize, arena: &'a Arena) -> &'a str {
        let bytes = self.bytes.get(base..).unwrap_or_default();
        // Only whole strings and JSON were written, so this never replaces anything.
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => arena.str(text),
            Err(_) => arena.str(&String::from_utf8_lossy(bytes)),
        };
        self.bytes.truncate(base);
        text
    }

    /// Writes a value as it appears in a string: strings as they are, everything else as JSON.
    pub(crate) fn write(&mut self, value: Value<'_>) {
        match value.as_str() {
            Some(text) => self.bytes.extend_from_slice(text.as_bytes()),
            None => value.write_json(&mut self.bytes),
        }
    }
}

/// Turns an empty vector into one of another lifetime. The standard library reuses the allocation of a vector that
/// is mapped to items of the same layout.
pub(crate) fn recycle<T, U>(mut items: Vec<T>) -> Vec<U> {
    items.clear();
    items.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recycled_stacks_keep_their_memory() {
        let stacks: Stacks<'static> = {
            let arena = Arena::new();
            let mut stacks = Stacks::default();
            stacks.values.extend([arena.array(&[]); 100]);
            stacks
                .fields
                .extend([Field::new(arena.str("k"), Value::NULL); 100]);
            stacks.bytes.extend([b'x'; 100]);
            stacks.recycle()
        };
        assert!(stacks.values.is_empty() && stacks.fields.is_empty() && stacks.bytes.is_empty());
        assert!(stacks.values.capacity() >= 100);
        assert!(stacks.fields.capacity() >= 100);
        assert!(stacks.bytes.capacity() >= 100);
    }
}
