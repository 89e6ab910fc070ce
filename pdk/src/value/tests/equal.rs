//! Properties: what is copied, written and read back is the same.

use proptest::prelude::*;

use crate::value::{Arena, Map, OwnedValue, Text};

/// Any value, with integers in their one form.
fn any_value() -> impl Strategy<Value = OwnedValue> {
    let leaf = prop_oneof![
        Just(OwnedValue::Null),
        any::<bool>().prop_map(OwnedValue::from),
        any::<i64>().prop_map(OwnedValue::from),
        any::<u64>().prop_map(OwnedValue::from),
        any::<f64>()
            .prop_filter("NaN is not equal", |f| !f.is_nan())
            .prop_map(OwnedValue::from),
        any::<String>().prop_map(OwnedValue::from),
        any::<Vec<u8>>().prop_map(|bytes| OwnedValue::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 200, 50, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..10).prop_map(OwnedValue::Array),
            proptest::collection::vec((".{0,3}", inner), 0..50).prop_map(|fields| {
                let field = |(key, value): (String, OwnedValue)| (Text::owned(key), value);
                OwnedValue::Object(Box::new(fields.into_iter().map(field).collect::<Map>()))
            }),
        ]
    })
}

/// What JSON can say and read back.
fn sayable(value: &OwnedValue) -> bool {
    match value {
        OwnedValue::Bytes(_) => false,
        OwnedValue::F64(float) => float.is_finite(),
        OwnedValue::Array(items) => items.iter().all(sayable),
        OwnedValue::Object(map) => map.values().all(sayable),
        _ => true,
    }
}

fn any_sayable() -> impl Strategy<Value = OwnedValue> {
    any_value().prop_filter("JSON cannot say it", sayable)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copies_are_equal(owned in any_value()) {
        let arena = Arena::new();
        let value = arena.value(&owned);
        prop_assert_eq!(&value.to_owned_value(), &owned);
        let other = Arena::new();
        prop_assert_eq!(other.value(&value.to_owned_value()), value);
    }

    #[test]
    fn json_reads_back(owned in any_sayable()) {
        let arena = Arena::new();
        let text = arena.value(&owned).to_json();
        let read: OwnedValue = serde_json::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        prop_assert_eq!(read, owned);
    }

    #[test]
    fn json_is_what_serde_writes(owned in any_sayable()) {
        let arena = Arena::new();
        let value = arena.value(&owned);
        let ours: serde_json::Value = serde_json::from_str(&value.to_json()).expect("JSON");
        prop_assert_eq!(&serde_json::to_value(value).expect("a value"), &ours);
        prop_assert_eq!(&serde_json::to_value(&owned).expect("a value"), &ours);
    }

    #[test]
    fn strings_are_what_serde_writes(text in any::<String>()) {
        let ours = crate::value::Value::from(&*text).to_json();
        prop_assert_eq!(ours, serde_json::to_string(&text).expect("JSON"));
    }

    #[test]
    fn every_byte_of_a_string_is_seen(prefix in "[a-zé]{0,20}", byte in 0u8..128, suffix in "[a-zé]{0,20}") {
        let text = format!("{prefix}{}{suffix}", char::from(byte));
        let ours = crate::value::Value::from(&*text).to_json();
        prop_assert_eq!(ours, serde_json::to_string(&text).expect("JSON"));
    }

    #[test]
    fn floats_are_written_as_by_most(bits in any::<u64>(), exponent in 0..640_i32) {
        let random = f64::from_bits(bits);
        let round = (bits % 1000) as f64 * 10_f64.powi(exponent - 320);
        for float in [random, round, 1.0 / round] {
            if float.is_finite() {
                let mut expected = ryu::Buffer::new();
                let expected = expected.format_finite(float);
                prop_assert_eq!(crate::value::Value::from(float).to_json(), expected);
            }
        }
    }

    #[test]
    fn floats_read_back_as_floats(float in any::<f64>()) {
        let text = crate::value::Value::from(float).to_json();
        if float.is_finite() {
            prop_assert!(text.contains(['.', 'e']), "{}", text);
            prop_assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(float.to_bits()));
        } else {
            prop_assert_eq!(text, "null");
        }
    }

    #[test]
    fn records_find_their_keys(keys in proptest::collection::vec("[a-c]{0,4}", 0..80)) {
        let arena = Arena::new();
        let field = |(at, key)| crate::value::Field::new(key, crate::value::Value::from(at));
        let fields: Vec<_> = keys.iter().map(String::as_str).enumerate().map(field).collect();
        let value = arena.object(&fields);
        let object = value.as_object().expect("a record");
        let mut seen: Vec<&str> = Vec::new();
        for key in &keys {
            let last = keys.iter().rposition(|k| k == key);
            prop_assert_eq!(value.get(key).and_then(|v| v.as_u64()), last.map(|n| n as u64));
            if !seen.contains(&key.as_str()) {
                seen.push(key);
            }
        }
        let order: Vec<_> = object.iter().map(|(key, _)| key).collect();
        prop_assert_eq!(order, seen);
    }
}

#[test]
fn escapes_are_seen_at_every_place_of_a_string_of_every_length() {
    for len in 1..50 {
        for at in 0..len {
            for byte in [0, 0x1f, b' ', b'"', b'#', b'[', b'\\', b']', 0x7f] {
                let mut text = vec![b'a'; len];
                text[at] = byte;
                let text = String::from_utf8(text).expect("text");
                let ours = crate::value::Value::from(&*text).to_json();
                assert_eq!(ours, serde_json::to_string(&text).expect("JSON"));
            }
        }
    }
}
