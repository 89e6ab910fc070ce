//! A record that is being changed, outside of any arena.

use super::container::{INDEXED_ABOVE, enter, find};
use super::hash::seed;
use super::make::slots_for;
use super::{Arena, Field, Object, Value};

/// The fields of a record under construction.
///
/// A record in an arena is never written again, so each change of it makes a new one. Whoever makes several changes in
/// a row collects them in a draft and makes the record once. Every change takes constant time, also in records of very
/// many fields. A draft that is used again needs no new memory.
///
/// ```
/// # use temblor_pdk::value::{Arena, Draft, Value};
/// let arena = Arena::new();
/// let mut draft = Draft::default();
/// draft.set("a", Value::from(1));
/// draft.set("b", Value::from(2));
/// draft.set("a", Value::from(3));
/// draft.remove("b");
/// assert_eq!(draft.finish(&arena).to_json(), r#"{"a":3}"#);
/// ```
#[derive(Default)]
pub struct Draft<'a> {
    /// Keys are unique. What was removed stays as a field whose value is [`Value::GONE`].
    fields: Vec<Field<'a>>,
    /// As in a record in an arena; empty while there are few fields.
    index: Vec<u32>,
    /// What the index hashes with; another library's record brings its own.
    seed: u64,
    /// How many fields were removed.
    gone: usize,
}

impl<'a> Draft<'a> {
    /// Removes all fields.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.index.clear();
        self.gone = 0;
    }

    /// Takes the fields of a record in place of its own.
    pub fn open(&mut self, record: Object<'a>) {
        self.clear();
        self.fields.extend_from_slice(record.fields());
        if self.fields.len() > INDEXED_ABOVE {
            match record.index() {
                Some((index, seed)) => {
                    self.index.extend_from_slice(index);
                    self.seed = seed;
                }
                None => self.reindex(),
            }
        }
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len() - self.gone
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Goes through keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let present = self.fields.iter().filter(|field| !field.value().is_gone());
        present.map(|field| (field.key(), field.value()))
    }

    /// The value of field `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.position(key).and_then(|at| self.value_at(at))
    }

    /// The place of field `key`. It stays the same until the draft is emptied.
    #[must_use]
    pub fn position(&self, key: &str) -> Option<usize> {
        let at = self.place(key)?;
        self.value_at(at).map(|_| at)
    }

    /// The field at a place that [`Draft::position`] told; none if it was removed.
    #[must_use]
    pub fn field_at(&self, at: usize) -> Option<&Field<'a>> {
        self.fields.get(at).filter(|field| !field.value().is_gone())
    }

    fn value_at(&self, at: usize) -> Option<Value<'a>> {
        self.field_at(at).map(Field::value)
    }

    /// The place of a field that is there or was removed.
    fn place(&self, key: &str) -> Option<usize> {
        if self.index.is_empty() {
            return self.fields.iter().position(|field| field.key() == key);
        }
        find(&self.index, self.seed, &self.fields, key)
    }

    /// Sets a field. The order of the others stays as it is.
    pub fn set(&mut self, key: &'a str, value: Value<'a>) {
        match self.place(key) {
            Some(at) => self.set_at(at, value),
            None => self.add(key, value),
        }
    }

    /// Adds a field, unless there is one of that key; says whether it did.
    pub fn insert(&mut self, key: &'a str, value: Value<'a>) -> bool {
        match self.place(key) {
            Some(at) if self.field_at(at).is_some() => return false,
            Some(at) => self.set_at(at, value),
            None => self.add(key, value),
        }
        true
    }

    /// Sets the field at a place that [`Draft::position`] told.
    pub fn set_at(&mut self, at: usize, value: Value<'a>) {
        if let Some(field) = self.fields.get_mut(at) {
            self.gone -= usize::from(field.value().is_gone());
            field.set_value(value);
        }
    }

    /// Sets field `name`; `key`, which is the name with a longer life, is asked for only where the field is new.
    pub fn set_with(&mut self, name: &str, key: impl FnOnce() -> &'a str, value: Value<'a>) {
        match self.place(name) {
            Some(at) => self.set_at(at, value),
            None => self.add(key(), value),
        }
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        let at = self.position(key)?;
        let field = self.fields.get_mut(at)?;
        let value = field.value();
        field.set_value(Value::GONE);
        self.gone += 1;
        Some(value)
    }

    /// Adds a field whose key is not there.
    fn add(&mut self, key: &'a str, value: Value<'a>) {
        self.fields.push(Field::new(key, value));
        let len = self.fields.len();
        if len <= INDEXED_ABOVE {
            return;
        }
        if self.index.len() < slots_for(len) {
            self.reindex();
        } else {
            enter(&mut self.index, self.seed, key, len - 1);
        }
    }

    #[cold]
    fn reindex(&mut self) {
        self.seed = seed();
        self.index.clear();
        self.index.resize(slots_for(self.fields.len()), 0);
        for (at, field) in self.fields.iter().enumerate() {
            enter(&mut self.index, self.seed, field.key(), at);
        }
    }

    /// Makes the record. The draft stays as it is, and can be changed further.
    #[must_use]
    pub fn finish<'b>(&mut self, arena: &'b Arena) -> Value<'b>
    where
        'a: 'b,
    {
        if self.gone > 0 {
            self.fields.retain(|field| !field.value().is_gone());
            self.gone = 0;
            self.index.clear();
            if self.fields.len() > INDEXED_ABOVE {
                self.reindex();
            }
        }
        arena.object_of_unique(&self.fields, (&self.index, self.seed))
    }

    /// Removes all fields and keeps the memory for values that live elsewhere.
    #[must_use]
    #[expect(
        clippy::unnecessary_filter_map,
        reason = "a filter would keep the lifetime"
    )]
    pub fn recycle<'b>(mut self) -> Draft<'b> {
        self.clear();
        // The standard library reuses the allocation of a vector that is mapped to items of the same layout.
        Draft {
            fields: self.fields.into_iter().filter_map(|_| None).collect(),
            index: self.index,
            seed: 0,
            gone: 0,
        }
    }
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
