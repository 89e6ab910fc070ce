//! Owned values, serde for what JSON has no word for, and the traits of `value-trait`.

use value_trait::base::{TypedValue, ValueAsArray, ValueAsObject, ValueAsScalar};
use value_trait::{ExtendedValueType, ValueType};

use crate::value::{Arena, OwnedValue, Value};

fn read(json: &str) -> OwnedValue {
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn numbers_are_read_in_their_one_form() {
    assert_eq!(read("5"), OwnedValue::I64(5));
    assert_eq!(read("-5"), OwnedValue::I64(-5));
    assert_eq!(read("9223372036854775807"), OwnedValue::I64(i64::MAX));
    assert_eq!(read("9223372036854775808"), OwnedValue::U64(1 << 63));
    assert_eq!(read("5.0"), OwnedValue::F64(5.0));
    assert_eq!(read("null"), OwnedValue::Null);
    assert_eq!(OwnedValue::from(5u64), OwnedValue::I64(5));
}

#[test]
fn a_number_that_is_not_in_its_one_form_is_put_into_it() {
    let arena = Arena::new();
    let value = arena.value(&OwnedValue::U64(5));
    assert_eq!(value.to_owned_value(), OwnedValue::I64(5));
}

#[test]
fn the_last_of_duplicate_keys_is_read() {
    let value = read(r#"{"a":1,"b":2,"a":3}"#);
    assert_eq!(value.get("a"), Some(&OwnedValue::I64(3)));
    assert_eq!(value.get("c"), None);
    assert_eq!(OwnedValue::Null.get("a"), None);
}

#[test]
fn what_json_cannot_say() {
    assert_eq!(Value::bytes(b"\x00\xff").to_json(), r#""AP8=""#);
    assert_eq!(Value::from(f64::INFINITY).to_json(), "null");
    assert_eq!(Value::from(f64::NAN).to_json(), "null");
    assert_eq!(Value::from(1e300).to_json(), "1e300");
    assert_eq!(Value::from(100.0).to_json(), "100.0");
    assert_eq!(
        Value::from("\u{1f}\u{7f}\"\\/\n").to_json(),
        "\"\\u001f\u{7f}\\\"\\\\/\\n\""
    );
}

#[test]
fn text_of_the_input_is_copied_only_where_it_is_asked_for() {
    let arena = Arena::new();
    let inner = arena.array_with_source(&[Value::from(1)], b"[ 1e0 ]");
    let outer = arena.array(&[inner, Value::NULL]);
    let (mut written, mut spliced) = (Vec::new(), Vec::new());
    outer.write_json(&mut written);
    outer.splice_json(&mut spliced);
    assert_eq!(written, b"[[1],null]");
    assert_eq!(spliced, b"[[ 1e0 ],null]");
}

#[test]
fn bytes_are_bytes_to_serde() {
    // JSON has no bytes, so serde_json writes numbers; formats that have them get them.
    let json = serde_json::to_string(&Value::bytes(b"\x01\x02")).expect("JSON");
    assert_eq!(json, "[1,2]");
    let owned = OwnedValue::Bytes(Box::new([1, 2]));
    assert_eq!(serde_json::to_string(&owned).expect("JSON"), "[1,2]");
}

fn all() -> Vec<(OwnedValue, ValueType)> {
    vec![
        (OwnedValue::Null, ValueType::Null),
        (OwnedValue::Bool(true), ValueType::Bool),
        (OwnedValue::I64(-1), ValueType::I64),
        (OwnedValue::U64(u64::MAX), ValueType::U64),
        (OwnedValue::F64(0.5), ValueType::F64),
        (OwnedValue::from("text"), ValueType::String),
        (
            OwnedValue::Bytes(Box::new([1])),
            ValueType::Extended(ExtendedValueType::None),
        ),
        (OwnedValue::Array(vec![OwnedValue::Null]), ValueType::Array),
        (read(r#"{"a":1}"#), ValueType::Object),
    ]
}

#[test]
fn both_kinds_say_the_same_of_themselves() {
    let arena = Arena::new();
    for (owned, kind) in all() {
        let value = arena.value(&owned);
        assert_eq!(value.value_type(), kind);
        assert_eq!(owned.value_type(), kind);
        let scalar = (
            owned.as_bool(),
            owned.as_i64(),
            owned.as_u64(),
            owned.as_f64(),
        );
        let same = (
            value.as_bool(),
            value.as_i64(),
            value.as_u64(),
            value.as_f64(),
        );
        assert_eq!(scalar, same);
        assert_eq!(owned.as_null(), ValueAsScalar::as_null(&value));
        assert_eq!(owned.as_str(), value.as_str());
        assert_eq!(
            owned.as_array().map(Vec::len),
            value.as_array().map(|a| a.len())
        );
        assert_eq!(
            owned.as_object().map(|m| m.len()),
            value.as_object().map(|o| o.len())
        );
    }
}

#[test]
fn assigning_makes_a_copy_whatever_was_there() {
    let values = [
        r#"null"#,
        r#"1"#,
        r#""a""#,
        r#""b""#,
        r#"[]"#,
        r#"[1,"a",{"x":1}]"#,
        r#"[1,"a",{"x":2,"y":[]},4,5]"#,
        r#"{}"#,
        r#"{"x":1,"y":{"z":[1]}}"#,
        r#"{"y":{"z":[1,2]},"w":null}"#,
        r#"{"y":3}"#,
    ];
    let arena = Arena::new();
    for from in values {
        for to in values {
            let mut value = read(from);
            value.assign(arena.value(&read(to)));
            assert_eq!(value, read(to), "{from} becomes {to}");
        }
    }
    let mut bytes = OwnedValue::Bytes([1, 2].into());
    bytes.assign(Value::bytes(&[3, 4]));
    assert_eq!(bytes, OwnedValue::Bytes([3, 4].into()));
    bytes.assign(Value::bytes(&[5]));
    assert_eq!(bytes, OwnedValue::Bytes([5].into()));
}
