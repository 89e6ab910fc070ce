//! Codecs `yaml` and `msgpack`, seen from outside.

mod properties;

use properties::{codec, decoded, encoded, owned, refused};
use proptest::prelude::*;
use temblor_pdk::{Arena, OwnedValue, Value};

#[test]
fn yaml_decodes_documents() {
    let table = [
        (
            "a: 1\nb:\n- x\n- 2.5\n- null\n- true\n",
            r#"{"a":1,"b":["x",2.5,null,true]}"#,
        ),
        ("{a: [1, 'two']}", r#"{"a":[1,"two"]}"#),
        ("18446744073709551615", "18446744073709551615"),
        ("--- snot\n", "\"snot\""),
        ("a: &x [1]\nb: *x", r#"{"a":[1],"b":[1]}"#),
        ("\"1\": yes", r#"{"1":"yes"}"#),
        ("1: a", r#"{"1":"a"}"#),
        ("~", "null"),
    ];
    for (text, expected) in table {
        assert_eq!(
            decoded("yaml", text.as_bytes()).as_deref(),
            Some(expected),
            "{text:?}"
        );
    }
    assert_eq!(decoded("yaml", b" \n"), None);
    let table: [(&[u8], &str); 5] = [
        (b"a: [1", "invalid YAML: "),
        (b"a: 1\n b: 2", "at line 2 column"),
        (b"a: 1\n---\nb: 2", "more than one document"),
        (b"[1]: a", "invalid YAML: "),
        (b"a: \xff", "invalid UTF-8 at byte 3"),
    ];
    for (text, expected) in table {
        let message = refused("yaml", text);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn yaml_does_not_blow_up() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let last = n - 1;
        bomb.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            vec![format!("*a{last}"); 10].join(", ")
        ));
    }
    assert!(refused("yaml", bomb.as_bytes()).contains("repetition limit"));
    assert!(refused("yaml", "[".repeat(100_000).as_bytes()).contains("recursion limit"));
}

#[test]
fn yaml_encodes_documents() {
    let event = r#"{"a":1,"b":["x","1",null,true,2.5],"c":{}}"#;
    let text = String::from_utf8(encoded("yaml", event).unwrap()).unwrap();
    assert_eq!(text, "a: 1\nb:\n- x\n- '1'\n- null\n- true\n- 2.5\nc: {}\n");
    let arena = Arena::new();
    let mut out = Vec::new();
    let value = arena.array(&[Value::bytes(b"\xff\x00")]);
    codec("yaml").encode(value, &mut out).unwrap();
    assert_eq!(out, b"- /wA=\n");
}

#[test]
fn msgpack_decodes_every_form() {
    let table: [(&[u8], &str); 24] = [
        (b"\xc0", "null"),
        (b"\xc2", "false"),
        (b"\xc3", "true"),
        (b"\x7f", "127"),
        (b"\xff", "-1"),
        (b"\xcc\xff", "255"),
        (b"\xcd\x01\x02", "258"),
        (b"\xce\x01\x00\x00\x00", "16777216"),
        (
            b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            "18446744073709551615",
        ),
        (b"\xd0\x80", "-128"),
        (b"\xd1\x80\x00", "-32768"),
        (b"\xd2\x80\x00\x00\x00", "-2147483648"),
        (
            b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
            "-9223372036854775808",
        ),
        (b"\xca\x3f\xc0\x00\x00", "1.5"),
        (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"),
        (b"\xa2\xc3\xa4", "\"\u{e4}\""),
        (b"\xd9\x01a", "\"a\""),
        (b"\xda\x00\x01a", "\"a\""),
        (b"\xdb\x00\x00\x00\x01a", "\"a\""),
        (b"\xc4\x02\xff\x00", "\"/wA=\""),
        (b"\xc5\x00\x01\xff", "\"/w==\""),
        (b"\x92\x01\x90", "[1,[]]"),
        (b"\xdc\x00\x01\x01", "[1]"),
        (
            b"\x82\xa1a\x01\xa1b\xdf\x00\x00\x00\x00",
            "{\"a\":1,\"b\":{}}",
        ),
    ];
    for (frame, expected) in table {
        assert_eq!(
            decoded("msgpack", frame).as_deref(),
            Some(expected),
            "{frame:x?}"
        );
    }
    assert_eq!(decoded("msgpack", b""), None);
}

#[test]
fn msgpack_says_where_a_frame_is_wrong() {
    let deep = [vec![0x91; 2000], vec![0x01]].concat();
    let table: [(&[u8], &str); 10] = [
        (b"\xcd\x01", "at byte 1: the frame ends"),
        (b"\xa5abc", "at byte 1: the frame ends"),
        (b"\xdd\xff\xff\xff\xff\x01", "at byte 6: the frame ends"),
        (b"\xdf\xff\xff\xff\xff", "at byte 5: the frame ends"),
        (b"\xc6\xff\xff\xff\xff", "at byte 5: the frame ends"),
        (b"\xa2a\xff", "at byte 2: the string is no UTF-8"),
        (b"\x81\x01\x02", "at byte 1: the key is no string"),
        (b"\x01\x02", "at byte 1: the value has ended"),
        (b"\x92\x01\xd4\x01\x02", "at byte 2: extension types"),
        (&deep, "nested more than 1024 deep"),
    ];
    for (frame, expected) in table {
        let message = refused("msgpack", frame);
        assert!(message.contains(expected), "{frame:x?}: {message}");
    }
}

#[test]
fn msgpack_nests_as_deep_as_json() {
    let frame = [vec![0x91; 1024], vec![0x01]].concat();
    let value = owned(codec("msgpack").as_mut(), &frame).unwrap().unwrap();
    let (arena, mut written) = (Arena::new(), Vec::new());
    codec("msgpack")
        .encode(arena.value(&value), &mut written)
        .unwrap();
    assert_eq!(written, frame);
}

/// Any value that both formats can say.
fn value() -> impl Strategy<Value = OwnedValue> {
    let leaf = prop_oneof![
        Just(OwnedValue::Null),
        any::<bool>().prop_map(OwnedValue::from),
        any::<i64>().prop_map(OwnedValue::from),
        any::<u64>().prop_map(OwnedValue::from),
        (-1e300..1e300).prop_map(OwnedValue::from),
        "[a-z0-9:\\- \\n\"'#~\u{e4}]{0,8}".prop_map(OwnedValue::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let record = prop::collection::vec(("[a-z1~]{0,4}", inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(OwnedValue::Array),
            record.prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.into(), value));
                OwnedValue::Object(Box::new(fields.collect()))
            }),
        ]
    })
}

proptest! {
    /// What they write, they read; and nothing makes them panic.
    #[test]
    fn both_read_what_they_write(
        value in value(),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        for name in ["yaml", "msgpack"] {
            let mut codec = codec(name);
            let _ = owned(codec.as_mut(), &bytes);
            let (arena, mut written) = (Arena::new(), Vec::new());
            codec.encode(arena.value(&value), &mut written).unwrap();
            let again = owned(codec.as_mut(), &written).unwrap();
            prop_assert_eq!(again.as_ref(), Some(&value), "{}: {:?}", name, String::from_utf8_lossy(&written));
        }
    }

    /// Frames of a few marks and lengths, which come deeper than any bytes.
    #[test]
    fn msgpack_takes_any_frame(
        frame in prop::collection::vec(prop::sample::select(b"\x01\x81\x82\x91\x92\xa0\xa1\xc4\xd9\xdc\xdd\xde\xdf\xc0\xcb\x00a".to_vec()), 0..60),
    ) {
        let _ = owned(codec("msgpack").as_mut(), &frame);
    }
}
