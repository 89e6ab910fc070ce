//! `OwnedValue`: for what outlives its batch, such as window state, script state and configuration.

use super::{Value, View};

/// A string that is either static or owned.
pub type Text = beef::lean::Cow<'static, str>;

/// A record of owned values.
pub type Map = halfbrown::HashMap<Text, OwnedValue>;

/// A value that owns all of its memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OwnedValue {
    /// Null.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 signed bits.
    I64(i64),
    /// An integer above [`i64::MAX`].
    U64(u64),
    /// A float.
    F64(f64),
    /// A string.
    Str(Text),
    /// A sequence of bytes.
    Bytes(Box<[u8]>),
    /// An array.
    Array(Vec<OwnedValue>),
    /// A record; small ones keep the order of insertion.
    Object(Box<Map>),
}

impl OwnedValue {
    /// The field `key` of a record; none for anything else.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&OwnedValue> {
        match self {
            OwnedValue::Object(map) => map.get(key),
            _ => None,
        }
    }

    /// Becomes a copy of `value`. What is alike already, such as a record with the same keys, keeps its memory.
    pub fn assign(&mut self, value: Value<'_>) {
        match (&mut *self, value.view()) {
            (OwnedValue::Array(items), View::Array(array)) => {
                items.truncate(array.len());
                let kept = items.len();
                for (item, value) in items.iter_mut().zip(array.iter()) {
                    item.assign(value);
                }
                let rest = array.iter().skip(kept);
                items.extend(rest.map(Value::to_owned_value));
            }
            (OwnedValue::Object(map), View::Object(record)) => {
                for (key, value) in record.iter() {
                    match map.get_mut(key) {
                        Some(field) => field.assign(value),
                        None => {
                            map.insert(Text::owned(key.to_owned()), value.to_owned_value());
                        }
                    }
                }
                if map.len() > record.len() {
                    map.retain(|key, _| record.get(key).is_some());
                }
            }
            (OwnedValue::Str(text), View::Str(value)) if **text == *value => {}
            (OwnedValue::Bytes(bytes), View::Bytes(value)) if bytes.len() == value.len() => {
                bytes.copy_from_slice(value);
            }
            _ => *self = value.to_owned_value(),
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            OwnedValue::Str(text) => Some(text),
            _ => None,
        }
    }
}

impl Value<'_> {
    /// Copies the value, and everything below it, into memory of its own.
    #[must_use]
    pub fn to_owned_value(self) -> OwnedValue {
        match self.view() {
            View::Null => OwnedValue::Null,
            View::Bool(value) => OwnedValue::Bool(value),
            View::I64(value) => OwnedValue::I64(value),
            View::U64(value) => OwnedValue::U64(value),
            View::F64(value) => OwnedValue::F64(value),
            View::Str(value) => OwnedValue::Str(Text::owned(value.to_owned())),
            View::Bytes(value) => OwnedValue::Bytes(value.into()),
            View::Array(items) => {
                OwnedValue::Array(items.iter().map(Value::to_owned_value).collect())
            }
            View::Object(fields) => {
                let field = |(key, value): (&str, Value<'_>)| {
                    (Text::owned(key.to_owned()), value.to_owned_value())
                };
                OwnedValue::Object(Box::new(fields.iter().map(field).collect()))
            }
        }
    }
}

impl From<bool> for OwnedValue {
    fn from(value: bool) -> Self {
        OwnedValue::Bool(value)
    }
}

impl From<i64> for OwnedValue {
    fn from(value: i64) -> Self {
        OwnedValue::I64(value)
    }
}

impl From<u64> for OwnedValue {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(OwnedValue::U64(value), OwnedValue::I64)
    }
}

impl From<f64> for OwnedValue {
    fn from(value: f64) -> Self {
        OwnedValue::F64(value)
    }
}

impl From<&str> for OwnedValue {
    fn from(value: &str) -> Self {
        OwnedValue::Str(Text::owned(value.to_owned()))
    }
}

impl From<String> for OwnedValue {
    fn from(value: String) -> Self {
        OwnedValue::Str(Text::owned(value))
    }
}
