//! Laws that functions keep, on generated values.

use std::cmp::Ordering;

use proptest::prelude::*;
use temblor_pdk::{Arena, FunctionError, OwnedValue, Value};

use super::{call, find};
use crate::eval::ops;
use crate::library::order::compare;
use crate::library::{parse_json, write_sorted_json};

/// Values of all types, nested a little, without NaN and infinities.
fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-4i64..4).prop_map(Into::into),
        any::<f64>()
            .prop_filter("JSON has finite numbers only", |n| n.is_finite())
            .prop_map(Into::into),
        ".{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec(("[a-d]{0,2}", inner), 0..4)
                .prop_map(|fields| { serde_json::Value::Object(fields.into_iter().collect()) }),
        ]
    })
}

fn place<'a>(value: &serde_json::Value, arena: &'a Arena) -> Value<'a> {
    parse_json(&value.to_string(), arena).expect("JSON is read")
}

fn apply<'a>(name: &str, args: &[Value<'a>], arena: &'a Arena) -> Result<Value<'a>, FunctionError> {
    (find(name).call)(&call(args, arena))
}

proptest! {
    #[test]
    fn json_reads_back_what_it_wrote(json in values()) {
        let arena = Arena::new();
        let value = place(&json, &arena);
        let owned: OwnedValue = serde_json::from_str(&json.to_string()).expect("JSON is read");
        prop_assert_eq!(value, arena.value(&owned));
        for name in ["json::encode", "json::encode_pretty", "chash::sorted_serialize"] {
            let text = apply(name, &[value], &arena).expect("a string");
            prop_assert_eq!(apply("json::decode", &[text], &arena).expect("JSON"), value);
        }
        // Floats are spelt in another way there.
        let value = place(&without_floats(json), &arena);
        let pretty = apply("json::encode_pretty", &[value], &arena).expect("a string");
        let expected = serde_json::to_string_pretty(&value).expect("a string");
        prop_assert_eq!(pretty.as_str(), Some(&*expected));
    }

    #[test]
    fn any_text_is_read_as_others_read_it(text in r#"[\[\]{}",:0-9a\\u eE.+\-]{0,12}"#) {
        let arena = Arena::new();
        let ours = parse_json(&text, &arena).is_ok();
        let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn equal_values_have_equal_sorted_json(json in values()) {
        let arena = Arena::new();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        write_sorted_json(place(&json, &arena), &mut first);
        let owned = place(&json, &arena).to_owned_value();
        write_sorted_json(arena.value(&owned), &mut second);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn split_undoes_join(parts in prop::collection::vec("[a-c]{0,3}", 1..6)) {
        let arena = Arena::new();
        let parts: Vec<_> = parts.iter().map(|part| Value::from(&**part)).collect();
        let parts = arena.array(&parts);
        let joined = apply("array::join", &[parts, Value::from(",")], &arena).expect("a string");
        let split = apply("string::split", &[joined, Value::from(",")], &arena);
        prop_assert_eq!(split, Ok(parts));
    }

    #[test]
    fn decoding_undoes_encoding(bytes in prop::collection::vec(any::<u8>(), 0..40), text in ".{0,20}") {
        let arena = Arena::new();
        let value = Value::bytes(&bytes);
        let encoded = apply("base64::encode", &[value], &arena).expect("a string");
        prop_assert_eq!(apply("base64::decode", &[encoded], &arena), Ok(value));
        let array = apply("binary::into_bytes", &[value], &arena).expect("an array");
        prop_assert_eq!(apply("binary::from_bytes", &[array], &arena), Ok(value));
        let text = Value::from(&*text);
        let encoded = apply("url::encode", &[text], &arena).expect("a string");
        prop_assert_eq!(apply("url::decode", &[encoded], &arena), Ok(text));
        let reversed = apply("string::reverse", &[text], &arena).expect("a string");
        prop_assert_eq!(apply("string::reverse", &[reversed], &arena), Ok(text));
        let binary = apply("string::into_binary", &[text], &arena).expect("a binary");
        prop_assert_eq!(apply("string::from_utf8_lossy", &[binary], &arena), Ok(text));
    }

    #[test]
    fn arrays_come_back(json in prop::collection::vec(values(), 0..5)) {
        let arena = Arena::new();
        let array = place(&json.into(), &arena);
        let reversed = apply("array::reverse", &[array], &arena).expect("an array");
        prop_assert_eq!(apply("array::reverse", &[reversed], &arena), Ok(array));
        let pairs = apply("array::zip", &[array, reversed], &arena).expect("an array");
        let columns = apply("array::unzip", &[pairs], &arena);
        prop_assert_eq!(columns, Ok(arena.array(&[array, reversed])));
    }

    #[test]
    fn records_come_back(json in values()) {
        let arena = Arena::new();
        let record = arena.object(&[temblor_pdk::Field::new("k", place(&json, &arena))]);
        let array = apply("record::to_array", &[record], &arena).expect("an array");
        prop_assert_eq!(apply("record::from_array", &[array], &arena), Ok(record));
        let keys = apply("record::keys", &[record], &arena).expect("an array");
        prop_assert_eq!(apply("record::extract", &[record, keys], &arena), Ok(record));
    }

    #[test]
    fn the_order_is_an_order_where_no_float_meets_an_integer(
        a in values(), b in values(), c in values(),
    ) {
        let arena = Arena::new();
        let [a, b, c] = [a, b, c].map(|json| place(&without_floats(json), &arena));
        prop_assert_eq!(compare(a, a), Ordering::Equal);
        prop_assert_eq!(compare(a, b), compare(b, a).reverse());
        prop_assert_eq!(compare(a, b) == Ordering::Equal, ops::equal(a, b));
        if compare(a, b).is_le() && compare(b, c).is_le() {
            prop_assert!(compare(a, c).is_le());
        }
    }

    #[test]
    fn sorting_sorts(json in prop::collection::vec(values(), 0..60)) {
        let arena = Arena::new();
        let array = place(&without_floats(json.clone().into()), &arena);
        let sorted = apply("array::sort", &[array], &arena).expect("an array");
        let mut expected: Vec<_> = array.as_array().expect("an array").iter().collect();
        expected.sort_by(|a, b| compare(*a, *b));
        prop_assert_eq!(sorted, arena.array(&expected));
        // Floats among integers have no order, but nothing is lost.
        let mixed = place(&json.into(), &arena);
        let sorted = apply("array::sort", &[mixed], &arena).expect("an array");
        let lines = |array: Value<'_>| {
            let items = array.as_array().expect("an array");
            let mut lines: Vec<_> = items.iter().map(Value::to_json).collect();
            lines.sort_unstable();
            lines
        };
        prop_assert_eq!(lines(sorted), lines(mixed));
    }

    #[test]
    fn formats_of_any_text_are_survived(text in r"[{}\\a]{0,8}", count in 0usize..3) {
        let arena = Arena::new();
        let mut args = vec![Value::from(&*text)];
        args.extend(std::iter::repeat_n(Value::from("x"), count));
        let _ = apply("string::format", &args, &arena);
    }
}

fn without_floats(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Number(n) if n.is_f64() => "float".into(),
        serde_json::Value::Array(items) => items.into_iter().map(without_floats).collect(),
        serde_json::Value::Object(fields) => serde_json::Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key, without_floats(value)))
                .collect(),
        ),
        other => other,
    }
}
