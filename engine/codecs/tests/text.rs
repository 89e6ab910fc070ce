//! Codecs `string` and `binary`, seen from outside.

mod properties;

use properties::codec;
use temblor_pdk::{Arena, Value};

#[test]
fn string_takes_any_text() {
    let mut codec = codec("string");
    for text in ["", "a", "äöü\r\n\0\"", "{\"a\":1}"] {
        let (arena, mut frame) = (Arena::new(), text.as_bytes().to_vec());
        let value = codec.decode(&mut frame, &arena).unwrap().unwrap();
        assert_eq!(value.as_str(), Some(text));
        let mut out = b"before".to_vec();
        codec.encode(value, &mut out).unwrap();
        assert_eq!(out, ["before", text].concat().as_bytes());
    }
}

#[test]
fn string_refuses_what_is_not_text() {
    let mut codec = codec("string");
    for bytes in [
        &b"ab\x80"[..],
        b"ab\xc0\xaf",
        b"ab\xed\xa0\x80",
        b"ab\xf0\x9f\x98",
    ] {
        let (arena, mut frame) = (Arena::new(), bytes.to_vec());
        let error = codec.decode(&mut frame, &arena).unwrap_err();
        assert!(
            error.message().starts_with("invalid UTF-8 at byte 2\n"),
            "{error}"
        );
        assert_eq!(frame, bytes);
    }
}

#[test]
fn string_writes_other_values_as_json() {
    let arena = Arena::new();
    let record = arena.object(&[temblor_pdk::Field::new("a", Value::from(1.0))]);
    let table = [
        (Value::NULL, "null"),
        (Value::from(7), "7"),
        (Value::bytes(b"\xff\x00"), "\"/wA=\""),
        (record, "{\"a\":1.0}"),
    ];
    for (value, expected) in table {
        let mut out = Vec::new();
        codec("string").encode(value, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn binary_takes_any_bytes() {
    let mut codec = codec("binary");
    for bytes in [&b""[..], b"\xff\x00\n", b"text"] {
        let (arena, mut frame) = (Arena::new(), bytes.to_vec());
        let value = codec.decode(&mut frame, &arena).unwrap().unwrap();
        assert_eq!(value.as_bytes(), Some(bytes));
        let mut out = b"before".to_vec();
        codec.encode(value, &mut out).unwrap();
        assert_eq!(out, [b"before", bytes].concat());
    }
    let mut out = Vec::new();
    codec.encode(Value::from("text"), &mut out).unwrap();
    assert_eq!(out, b"text");
}

#[test]
fn binary_writes_nothing_but_bytes_and_strings() {
    let arena = Arena::new();
    let table = [
        (Value::NULL, "null"),
        (Value::TRUE, "bool"),
        (Value::from(1), "integer"),
        (Value::from(1.5), "float"),
        (arena.array(&[]), "array"),
        (arena.object(&[]), "record"),
    ];
    for (value, name) in table {
        let error = codec("binary").encode(value, &mut Vec::new()).unwrap_err();
        let expected = format!("`binary` encodes bytes and strings, not a value of type {name}\n");
        assert!(error.message().starts_with(&expected), "{error}");
    }
}

#[test]
fn have_no_settings() {
    for name in ["string", "binary"] {
        let entry = properties::entry(temblor_pdk::Kind::Codec, name);
        let error = entry.make_codec(r#"{"a": 1}"#).err().unwrap();
        assert!(error.message().contains("unknown field `a`"), "{error}");
    }
}
