//! Codec `json`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::{codec, json_agrees_with_reference};
use proptest::prelude::*;
use temblor_pdk::{Arena, DynCodec, Field, Value};

/// Decodes a text and shows the value; an error is shown with its message.
fn show(codec: &mut dyn DynCodec, text: &[u8]) -> String {
    let arena = Arena::new();
    let mut frame = text.to_vec();
    let shown = match codec.decode(&mut frame, &arena) {
        Ok(Some(value)) => value.to_json(),
        Ok(None) => "nothing".into(),
        Err(error) => error.message().into(),
    };
    assert_eq!(frame, text);
    shown
}

fn encoded(codec: &mut dyn DynCodec, value: Value<'_>) -> String {
    let mut out = Vec::new();
    codec.encode(value, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn values() {
    let table: &[(&str, &str)] = &[
        ("null", "null"),
        (" \t\r\n[ true ,false ] \n", "[true,false]"),
        ("{}", "{}"),
        ("[[],{},[{}]]", "[[],{},[{}]]"),
        (r#""a\u00e4\ud83d\ude00\n\/""#, "\"aä😀\\n/\""),
        (r#"{"\u0000":"\u0000"}"#, r#"{"\u0000":"\u0000"}"#),
        (r#"{"":1}"#, r#"{"":1}"#),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"\u0061":1,"a":2}"#, r#"{"a":2}"#),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("1e3", "1000.0"),
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("1e-400", "0.0"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e308"),
        ("", "nothing"),
        (" \r\n\t", "nothing"),
    ];
    let mut codec = codec("json");
    for (text, expected) in table {
        assert_eq!(show(codec.as_mut(), text.as_bytes()), *expected, "{text}");
    }
}

#[test]
fn errors_say_what_and_where() {
    let table: &[(&[u8], &str)] = &[
        (b"{\"a\":1,\"b\":2  \"c\":3}", "14: expected `,` or `}`"),
        (b"[1 2]", "3: expected `,` or `]`"),
        (b"[1,]", "3: expected a value"),
        (b"{\"a\" 1}", "5: expected `:`"),
        (b"{\"a\":}", "5: expected a value"),
        (b"{a:1}", "1: expected a key in quotes or `}`"),
        (b"{\"a\":1,}", "7: expected a key in quotes"),
        (b"[1}", "2: expected `,` or `]`"),
        (b"{\"a\":1", "6: the text ends, expected `,` or `}`"),
        (b"[", "1: the text ends, expected a value or `]`"),
        (b"[1] x", "4: expected nothing more behind the value"),
        (b"1 2", "2: expected nothing more behind the value"),
        (
            b"  nul",
            "2: expected a value; words are `true`, `false` and `null`",
        ),
        (
            b"NaN",
            "0: expected a value; words are `true`, `false` and `null`",
        ),
        (
            b"[01]",
            "2: a number does not begin with 0 and another digit",
        ),
        (b"[1.]", "3: expected a digit"),
        (b"[-]", "2: expected a digit"),
        (
            b"[1e400]",
            "1: the number is beyond the range of a 64-bit float",
        ),
        (
            b"[18446744073709551616]",
            "1: the integer does not fit 64 bits",
        ),
        (
            b"[-9223372036854775809]",
            "1: the integer does not fit 64 bits",
        ),
        (
            b"\"a",
            "2: the text ends in the string that begins at byte 0",
        ),
        (b"[\"a\nb\"]", "3: byte 0x0a must be escaped in a string"),
        (b"[\"\\x\"]", "2: there is no such escape sequence"),
        (b"[\"\\u12g4\"]", "2: `\\u` takes four hexadecimal digits"),
        (b"[\"\\ud800\"]", "2: half of a surrogate pair"),
        (b"[\"\\udc00\"]", "2: half of a surrogate pair"),
        (b"[\"\\ud800\\u0041\"]", "2: half of a surrogate pair"),
        (b"\0\0\0", "0: expected a value"),
        (
            b"\xef\xbb\xbf{}",
            "0: a byte order mark, which JSON does not have",
        ),
        (b"[\"\x80\"]", "2: the text is not UTF-8"),
        (b"[\"\xc0\xaf\"]", "2: the text is not UTF-8"),
        (b"[\"\xed\xa0\x80\"]", "2: the text is not UTF-8"),
        (b"[\"a\xf0\x9f\x98\"]", "3: the text is not UTF-8"),
        (b"[\"a\xf0\x9f\x98", "3: the text is not UTF-8"),
        (b"[1,,\"\xff\"]", "3: expected a value"),
    ];
    let mut codec = codec("json");
    for (text, expected) in table {
        let shown = show(codec.as_mut(), text);
        let text = String::from_utf8_lossy(text);
        assert_eq!(shown, format!("invalid JSON at byte {expected}"), "{text}");
    }
}

#[test]
fn nests_1024_deep_and_no_deeper() {
    let mut codec = codec("json");
    let kinds = [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")];
    for (open, close) in kinds {
        let levels = if open.len() > 5 { 2 } else { 1 };
        for depth in [128, 1024, 1025, 1026, 20_000, 1_000_000] {
            let count = depth / levels;
            let text = open.repeat(count) + "1" + &close.repeat(count);
            let shown = show(codec.as_mut(), text.as_bytes());
            if count * levels <= 1024 {
                assert_eq!(shown, text);
            } else {
                assert!(shown.contains(": nested more than 1024 deep"), "{shown}");
            }
            let unclosed = show(codec.as_mut(), open.repeat(count).as_bytes());
            assert!(unclosed.starts_with("invalid JSON at byte "), "{unclosed}");
        }
    }
    assert_eq!(show(codec.as_mut(), b"[1]"), "[1]");
}

#[test]
fn every_prefix_fails_cleanly() {
    let text = r#"{"k\u00e9y": ["a\n\"ä😀\"", -1.5e3, {"x": null, "y": [true, false, {}]}], "z": 18446744073709551615}"#;
    let mut codec = codec("json");
    for end in 0..text.len() {
        json_agrees_with_reference(codec.as_mut(), &text.as_bytes()[..end]);
        let shown = show(codec.as_mut(), &text.as_bytes()[..end]);
        assert_eq!(shown == "nothing", end == 0, "{shown}");
        assert!(
            end == 0 || shown.starts_with("invalid JSON at byte "),
            "{shown}"
        );
    }
}

#[test]
fn large_values() {
    let mut codec = codec("json");
    let mut long = String::from("\"");
    long.push_str(&"é\\n".repeat(4 * 1024 * 1024));
    long.push('"');
    assert_eq!(show(codec.as_mut(), long.as_bytes()), long);
    let keys: Vec<_> = (0..200_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let wide = format!("{{{}}}", keys.join(","));
    let (arena, mut frame) = (Arena::new(), wide.clone().into_bytes());
    let value = codec.decode(&mut frame, &arena).unwrap().unwrap();
    assert_eq!(value.get("k199999"), Some(Value::from(199_999)));
    assert_eq!(value.get("k200000"), None);
    assert_eq!(value.to_json(), wide);
    let digits = format!("0.1{}", "0".repeat(10_000));
    assert_eq!(show(codec.as_mut(), digits.as_bytes()), "0.1");
}

#[test]
fn equal_keys_in_a_large_record() {
    let mut codec = codec("json");
    let keys: Vec<_> = (0..100).map(|n| format!("\"k{}\":{n}", n % 50)).collect();
    let arena = Arena::new();
    let mut frame = format!("[{{{}}}]", keys.join(",")).into_bytes();
    let value = codec.decode(&mut frame, &arena).unwrap().unwrap();
    let record = value
        .as_array()
        .unwrap()
        .get(0)
        .unwrap()
        .as_object()
        .unwrap();
    assert_eq!(record.len(), 50);
    assert_eq!(record.get("k7"), Some(Value::from(57)));
    assert_eq!(record.fields()[7].key(), "k7");
}

#[test]
fn what_nobody_touched_is_copied() {
    let table: &[(&str, &str)] = &[
        (
            "  { \"a\" : 1.0e1, \"b\":\"\\u0041\" } \r",
            "{ \"a\" : 1.0e1, \"b\":\"\\u0041\" }",
        ),
        ("[ -0 ]", "[ -0 ]"),
        ("[ 1,\n2 ]", "[1,2]"),
        ("[ 1,\r2 ]", "[1,2]"),
        ("[[ 1 ], {\"a\":1,\"a\":2}]", "[[ 1 ],{\"a\":2}]"),
        (" 1.50 ", "1.5"),
    ];
    let mut codec = codec("json");
    for (text, expected) in table {
        let (arena, mut frame) = (Arena::new(), text.as_bytes().to_vec());
        let value = codec.decode(&mut frame, &arena).unwrap().unwrap();
        assert_eq!(encoded(codec.as_mut(), value), *expected, "{text}");
    }
}

#[test]
fn an_edited_record_keeps_the_text_of_what_is_in_it() {
    let mut codec = codec("json");
    let (arena, mut frame) = (
        Arena::new(),
        br#"{"a":{ "n" : [ ] },"b":[ 1, "]" ],"c":1.0}"#.to_vec(),
    );
    let value = codec.decode(&mut frame, &arena).unwrap().unwrap();
    let mut fields: Vec<Field<'_>> = value.as_object().unwrap().fields().to_vec();
    fields.push(Field::new("d", Value::TRUE));
    let edited = arena.object(&fields);
    let expected = r#"{"a":{ "n" : [ ] },"b":[ 1, "]" ],"c":1.0,"d":true}"#;
    assert_eq!(encoded(codec.as_mut(), edited), expected);
}

#[test]
fn what_json_cannot_say() {
    let mut codec = codec("json");
    let arena = Arena::new();
    let items = [
        Value::from(f64::NAN),
        Value::from(f64::INFINITY),
        Value::bytes(b"\xff\x00"),
    ];
    assert_eq!(
        encoded(codec.as_mut(), arena.array(&items)),
        r#"[null,null,"/wA="]"#
    );
}

/// Strings are written in blocks; an escape must be seen at every place of every length.
#[test]
fn escapes_at_every_place() {
    let arena = Arena::new();
    for len in 1..70 {
        for at in 0..len {
            for escaped in ['\0', '\u{1f}', '"', '\\', ' ', '!', '#', '[', ']', '\u{7f}'] {
                let text = format!("{}{escaped}{}", "a".repeat(at), "ä".repeat(len - at - 1));
                let value = arena.object(&[Field::new(&text, Value::from(text.as_str()))]);
                let expected = serde_json::to_string(&serde_json::json!({ &text: text })).unwrap();
                assert_eq!(value.to_json(), expected);
            }
        }
    }
}

#[test]
fn has_no_settings() {
    let entry = properties::entry(temblor_pdk::Kind::Codec, "json");
    let error = entry.make_codec(r#"{"mode": 1}"#).err().unwrap();
    assert!(error.message().contains("unknown field `mode`"), "{error}");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        (-9i64..9).prop_map(serde_json::Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(serde_json::Value::from),
    ];
    let text = prop_oneof![any::<String>(), "[\\x00-\\x7f]{0,70}", "[a-c]{0,2}"];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        number,
        text.clone().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 80, 12, move |inner| {
        let items = prop::collection::vec(inner.clone(), 0..12);
        let fields = prop::collection::vec((text.clone(), inner), 0..45);
        prop_oneof![
            items.prop_map(serde_json::Value::from),
            fields.prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_value(value in any_json(), pretty: bool) {
        let text = match pretty {
            true => serde_json::to_vec_pretty(&value).unwrap(),
            false => serde_json::to_vec(&value).unwrap(),
        };
        json_agrees_with_reference(codec("json").as_mut(), &text);
    }

    #[test]
    fn any_damage(value in any_json(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        if cut {
            text.truncate(at + 1);
        }
        json_agrees_with_reference(codec("json").as_mut(), &text);
    }

    #[test]
    fn any_tokens(text in r#"([\[\]{},: \t\n\r"-]|"a"|"b"|\\|\\u00e4|1|-|0|[.]|e|E|[+]|true|null|\x0c|\x1a|é){0,30}"#) {
        json_agrees_with_reference(codec("json").as_mut(), text.as_bytes());
    }

    #[test]
    fn any_number(text in "-?(0|[1-9][0-9]{0,25})([.][0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
        json_agrees_with_reference(codec("json").as_mut(), text.as_bytes());
    }

    #[test]
    fn any_string(text in r#""([a-zäé😀"]|\\[\\"/bfnrtuxU]|\\u[0-9a-fA-F]{4}|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}){0,40}""#) {
        json_agrees_with_reference(codec("json").as_mut(), text.as_bytes());
    }

    #[test]
    fn any_bytes(text: Vec<u8>) {
        json_agrees_with_reference(codec("json").as_mut(), &text);
    }
}
