//! Values of plain Rust types that need no arena.

use super::view::{Tag, Value};

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        if value { Value::TRUE } else { Value::FALSE }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::scalar(Tag::I64, value as u64)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::from(i64::from(value))
    }
}

impl From<u64> for Value<'_> {
    /// Integers have one form each: signed whenever they fit.
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Value::from(value),
            Err(_) => Value::scalar(Tag::U64, value),
        }
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Value::from(i64::from(value))
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Value::from(value as u64)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::scalar(Tag::F64, value.to_bits())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::string(value)
    }
}
