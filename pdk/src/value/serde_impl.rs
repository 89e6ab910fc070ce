//! Serde for both kinds of value: writing either, reading the owned one.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Map, OwnedValue, Text, Value, View};

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.view() {
            View::Null => serializer.serialize_unit(),
            View::Bool(value) => serializer.serialize_bool(value),
            View::I64(value) => serializer.serialize_i64(value),
            View::U64(value) => serializer.serialize_u64(value),
            View::F64(value) => serializer.serialize_f64(value),
            View::Str(value) => serializer.serialize_str(value),
            View::Bytes(value) => serializer.serialize_bytes(value),
            View::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    seq.serialize_element(&item)?;
                }
                seq.end()
            }
            View::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields.iter() {
                    map.serialize_entry(key, &value)?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for OwnedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            OwnedValue::Null => serializer.serialize_unit(),
            OwnedValue::Bool(value) => serializer.serialize_bool(*value),
            OwnedValue::I64(value) => serializer.serialize_i64(*value),
            OwnedValue::U64(value) => serializer.serialize_u64(*value),
            OwnedValue::F64(value) => serializer.serialize_f64(*value),
            OwnedValue::Str(value) => serializer.serialize_str(value),
            OwnedValue::Bytes(value) => serializer.serialize_bytes(value),
            OwnedValue::Array(items) => serializer.collect_seq(items),
            OwnedValue::Object(map) => {
                serializer.collect_map(map.iter().map(|(key, value)| (&**key, value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for OwnedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = OwnedValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<OwnedValue, E> {
        Ok(OwnedValue::Null)
    }

    fn visit_none<E>(self) -> Result<OwnedValue, E> {
        Ok(OwnedValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedValue, D::Error> {
        OwnedValue::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<OwnedValue, E> {
        Ok(OwnedValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<OwnedValue, E> {
        Ok(OwnedValue::I64(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<OwnedValue, E> {
        Ok(OwnedValue::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<OwnedValue, E> {
        Ok(OwnedValue::F64(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<OwnedValue, E> {
        Ok(OwnedValue::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<OwnedValue, E> {
        Ok(OwnedValue::from(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<OwnedValue, E> {
        Ok(OwnedValue::Bytes(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OwnedValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(OwnedValue::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<OwnedValue, A::Error> {
        let mut map = Map::new();
        while let Some((key, value)) = access.next_entry::<String, OwnedValue>()? {
            map.insert(Text::owned(key), value);
        }
        Ok(OwnedValue::Object(Box::new(map)))
    }
}
