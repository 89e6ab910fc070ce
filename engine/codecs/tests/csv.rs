//! Codec `csv`, seen from outside.

mod properties;

use properties::{codec, decoded, encoded, owned, refused};
use proptest::prelude::*;

#[test]
fn decodes_the_first_record() {
    let table = [
        ("a,b", r#"["a","b"]"#),
        (
            "\"some \"\" field\",1234567,other_text,\"2020-01-01 00:00:00\"\n",
            r#"["some \" field","1234567","other_text","2020-01-01 00:00:00"]"#,
        ),
        ("a,b\nc,d", r#"["a","b"]"#),
        ("a,b\r\nc", r#"["a","b"]"#),
        (",", r#"["",""]"#),
        ("\"\"", r#"[""]"#),
        ("\"a\nb\",\"c,d\"", r#"["a\nb","c,d"]"#),
        (" a , ä ", r#"[" a "," ä "]"#),
        ("\"open", r#"["open"]"#),
        ("a\"b", r#"["a\"b"]"#),
    ];
    for (line, expected) in table {
        assert_eq!(
            decoded("csv", line.as_bytes()).as_deref(),
            Some(expected),
            "{line:?}"
        );
    }
    for nothing in ["", "\n", "\r\n"] {
        assert_eq!(decoded("csv", nothing.as_bytes()), None, "{nothing:?}");
    }
    assert!(refused("csv", b"a,\xff").contains("invalid UTF-8 at byte 2"));
}

#[test]
fn long_records_fit() {
    let field = "x".repeat(5000);
    let line = vec![field.as_str(); 300].join(",");
    let found: Vec<String> =
        serde_json::from_str(&decoded("csv", line.as_bytes()).unwrap()).unwrap();
    assert_eq!(found, vec![field; 300]);
}

#[test]
fn encodes_arrays() {
    let table = [
        (r#"["a","b c"]"#, "a,b c"),
        (
            r#"["a\"b","c,d","e\nf","g\rh"]"#,
            "\"a\"\"b\",\"c,d\",\"e\nf\",\"g\rh\"",
        ),
        (
            r#"[1,2.5,true,null,"",[1,"x"],{"a":1}]"#,
            r#"1,2.5,true,,,"[1,""x""]","{""a"":1}""#,
        ),
        (r#"[""]"#, "\"\""),
        ("[]", ""),
    ];
    for (event, line) in table {
        assert_eq!(encoded("csv", event).unwrap(), line.as_bytes(), "{event}");
    }
    let message = encoded("csv", r#"{"a":1}"#).unwrap_err();
    assert!(
        message.contains("`csv` encodes arrays, not a value of type record"),
        "{message}"
    );
}

proptest! {
    /// What it writes, it reads; and nothing makes it panic.
    #[test]
    fn reads_what_it_writes(
        fields in prop::collection::vec("[a-b\", \\r\\n\u{e4}]{0,4}", 1..6),
        bytes in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let _ = owned(codec("csv").as_mut(), &bytes);
        let event = serde_json::to_string(&fields).unwrap();
        let written = encoded("csv", &event).unwrap();
        prop_assert_eq!(decoded("csv", &written), Some(event));
    }
}
