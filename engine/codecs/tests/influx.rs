//! Codec `influx`, seen from outside.

mod properties;

use properties::{codec, decoded, encoded, owned, refused};
use proptest::prelude::*;

#[test]
fn decodes_lines() {
    let table = [
        (
            "w t=82 5",
            r#"{"measurement":"w","tags":{},"fields":{"t":82.0},"timestamp":5}"#,
        ),
        (
            "weather,location=us-midwest,x=y temperature=82,wet=t 1465839830100400200\n",
            r#"{"measurement":"weather","tags":{"location":"us-midwest","x":"y"},"fields":{"temperature":82.0,"wet":true},"timestamp":1465839830100400200}"#,
        ),
        (
            r#"a\ b,c\,d=e\=f g\ h="i \"j\" \\ \k",l=-3i,m=F -7"#,
            r#"{"measurement":"a b","tags":{"c,d":"e=f"},"fields":{"g h":"i \"j\" \\ \\k","l":-3,"m":false},"timestamp":-7}"#,
        ),
    ];
    for (line, expected) in table {
        assert_eq!(
            decoded("influx", line.as_bytes()).as_deref(),
            Some(expected)
        );
    }
    for nothing in ["", " \r\n", "# w t=1"] {
        assert_eq!(decoded("influx", nothing.as_bytes()), None, "{nothing:?}");
    }
}

#[test]
fn a_line_without_a_time_gets_the_present_one() {
    let event = decoded("influx", b"w t=1").unwrap();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    assert!(event["timestamp"].as_u64().unwrap() > 1_700_000_000_000_000_000);
}

#[test]
fn says_where_a_line_is_wrong() {
    let table = [
        (
            ",a=b t=1",
            "invalid influx line at byte 0: the measurement is empty",
        ),
        ("w", "at byte 1: fields are expected"),
        ("w,=b t=1", "at byte 2: a tag has no name"),
        ("w,a t=1", "at byte 3: a tag needs `=`"),
        ("w,a= t=1", "at byte 4: a tag has no value"),
        ("w =1", "at byte 2: a field has no name"),
        ("w t", "at byte 3: a field needs `=`"),
        ("w t=", "at byte 4: a field has no value"),
        ("w t=inf", "at byte 4: the value is no number"),
        (
            "w t=99999999999999999999i",
            "at byte 4: the value is no number",
        ),
        ("w t=\"a", "at byte 5: the string has no end"),
        ("w t=\"a\"b", "at byte 7: a comma and a field"),
        ("w t=1 x", "at byte 6: the time is no integer"),
    ];
    for (line, expected) in table {
        let message = refused("influx", line.as_bytes());
        assert!(message.contains(expected), "{line}: {message}");
    }
    assert!(refused("influx", b"w \xff=1").contains("invalid UTF-8 at byte 2"));
}

#[test]
fn encodes_records() {
    let table = [
        (r#"{"measurement":"w","fields":{"t":1.0}}"#, "w t=1.0"),
        (
            r#"{"measurement":"w","tags":null,"fields":{"t":1},"timestamp":null}"#,
            "w t=1i",
        ),
        (
            r#"{"measurement":"a b","tags":{"c,d":"e=f"},"fields":{"g h":"i \"\\","l":-3,"m":false},"timestamp":-7}"#,
            r#"a\ b,c\,d=e\=f g\ h="i \"\\",l=-3i,m=false -7"#,
        ),
    ];
    for (event, line) in table {
        assert_eq!(encoded("influx", event).unwrap(), line.as_bytes());
    }
    let refused = [
        ("1", "it has no string `measurement`"),
        (r#"{"measurement":1}"#, "it has no string `measurement`"),
        (
            r##"{"measurement":"#","fields":{"a":1}}"##,
            "begins with `#`",
        ),
        (
            r#"{"measurement":"","fields":{"a":1}}"#,
            "a measurement is empty",
        ),
        (r#"{"measurement":"w"}"#, "it has no `fields`"),
        (r#"{"measurement":"w","fields":{}}"#, "it has no `fields`"),
        (
            r#"{"measurement":"w","fields":1}"#,
            "its `fields` are no record",
        ),
        (
            r#"{"measurement":"w","fields":{"a":null}}"#,
            "its field `a` is neither",
        ),
        (
            r#"{"measurement":"w","fields":{"a":18446744073709551615}}"#,
            "its field `a` is neither",
        ),
        (
            r#"{"measurement":"w","tags":{"a":1},"fields":{"a":1}}"#,
            "its tag `a` is no string",
        ),
        (
            r#"{"measurement":"w","tags":{"a":"x\\"},"fields":{"a":1}}"#,
            "has a backslash at its end",
        ),
        (
            r#"{"measurement":"a\\ b","fields":{"a":1}}"#,
            "has a backslash at its end or before",
        ),
        (
            r#"{"measurement":"a\nb","fields":{"a":1}}"#,
            "has a line break",
        ),
        (
            r#"{"measurement":"w","fields":{"a":1},"timestamp":1.5}"#,
            "its `timestamp` is no",
        ),
    ];
    for (event, expected) in refused {
        let message = encoded("influx", event).unwrap_err();
        assert!(message.contains(expected), "{event}: {message}");
    }
}

proptest! {
    /// No line makes it panic, and what it reads, it writes so that it reads the same.
    #[test]
    fn reads_what_it_writes(
        line in "[a-b#ä]{0,3}\\\\?[, ]{0,2}(,[a-b=\\\\ ]{1,4}=[a-b\\\\,]{1,3}){0,2} [a-b\\\\]{1,3}=(\"[a\\\\\"]{0,5}\"|[0-9.eti-]{0,5})( -?[0-9]{1,20})?",
        bytes in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let _ = owned(codec("influx").as_mut(), &bytes);
        if let Ok(Some(event)) = owned(codec("influx").as_mut(), line.as_bytes()) {
            let written = encoded("influx", &event.to_json());
            prop_assert!(written.is_ok(), "{:?}", written);
            let again = owned(codec("influx").as_mut(), &written.unwrap()).unwrap();
            prop_assert_eq!(again, Some(event));
        }
    }
}
