//! The traits of `value-trait`, so that generic code of that family works on both kinds of value.
//!
//! [`Value`] makes its arrays and records on the fly and so cannot lend a reference to one, which `ValueAsArray` and
//! `ValueAsObject` ask for; it implements the scalar traits. [`OwnedValue`] implements all of them.

use value_trait::base::{TypedValue, ValueAsArray, ValueAsObject, ValueAsScalar};
use value_trait::{ExtendedValueType, ValueType};

use super::{Map, OwnedValue, Value, View};

impl TypedValue for Value<'_> {
    fn value_type(&self) -> ValueType {
        match self.view() {
            View::Null => ValueType::Null,
            View::Bool(_) => ValueType::Bool,
            View::I64(_) => ValueType::I64,
            View::U64(_) => ValueType::U64,
            View::F64(_) => ValueType::F64,
            View::Str(_) => ValueType::String,
            View::Bytes(_) => ValueType::Extended(ExtendedValueType::None),
            View::Array(_) => ValueType::Array,
            View::Object(_) => ValueType::Object,
        }
    }
}

impl ValueAsScalar for Value<'_> {
    fn as_null(&self) -> Option<()> {
        self.is_null().then_some(())
    }

    fn as_bool(&self) -> Option<bool> {
        Value::as_bool(*self)
    }

    fn as_i64(&self) -> Option<i64> {
        Value::as_i64(*self)
    }

    fn as_u64(&self) -> Option<u64> {
        Value::as_u64(*self)
    }

    fn as_f64(&self) -> Option<f64> {
        Value::as_f64(*self)
    }

    fn as_str(&self) -> Option<&str> {
        Value::as_str(*self)
    }
}

impl TypedValue for OwnedValue {
    fn value_type(&self) -> ValueType {
        match self {
            OwnedValue::Null => ValueType::Null,
            OwnedValue::Bool(_) => ValueType::Bool,
            OwnedValue::I64(_) => ValueType::I64,
            OwnedValue::U64(_) => ValueType::U64,
            OwnedValue::F64(_) => ValueType::F64,
            OwnedValue::Str(_) => ValueType::String,
            OwnedValue::Bytes(_) => ValueType::Extended(ExtendedValueType::None),
            OwnedValue::Array(_) => ValueType::Array,
            OwnedValue::Object(_) => ValueType::Object,
        }
    }
}

impl ValueAsScalar for OwnedValue {
    fn as_null(&self) -> Option<()> {
        matches!(self, OwnedValue::Null).then_some(())
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            OwnedValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            OwnedValue::I64(value) => Some(*value),
            _ => None,
        }
    }

    fn as_u64(&self) -> Option<u64> {
        match self {
            OwnedValue::I64(value) => u64::try_from(*value).ok(),
            OwnedValue::U64(value) => Some(*value),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            OwnedValue::F64(value) => Some(*value),
            _ => None,
        }
    }

    fn as_str(&self) -> Option<&str> {
        OwnedValue::as_str(self)
    }
}

impl ValueAsArray for OwnedValue {
    type Array = Vec<OwnedValue>;

    fn as_array(&self) -> Option<&Vec<OwnedValue>> {
        match self {
            OwnedValue::Array(items) => Some(items),
            _ => None,
        }
    }
}

impl ValueAsObject for OwnedValue {
    type Object = Map;

    fn as_object(&self) -> Option<&Map> {
        match self {
            OwnedValue::Object(map) => Some(map),
            _ => None,
        }
    }
}
