//! Codec `syslog`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::{codec, decoded, encoded, owned, refused};
use proptest::prelude::*;
use serde_json::{Value as Reference, json};

fn event(frame: &str) -> Reference {
    serde_json::from_str(&decoded("syslog", frame.as_bytes()).unwrap()).unwrap()
}

#[test]
fn decodes_messages_of_rfc_5424() {
    let frame = r#"<165>1 2021-03-18T20:30:00.123Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Appli\"cation"][x] An event"#;
    let expected = json!({
        "severity": "notice",
        "facility": "local4",
        "hostname": "mymachine.example.com",
        "appname": "evntslog",
        "procid": null,
        "msgid": "ID47",
        "protocol": "RFC5424",
        "protocol_version": 1,
        "structured_data": {
            "exampleSDID@32473": [{"iut": "3"}, {"eventSource": "Appli\"cation"}],
            "x": [],
        },
        "timestamp": 1_616_099_400_123_000_000_u64,
        "msg": "An event",
    });
    assert_eq!(event(frame), expected);
}

#[test]
fn decodes_messages_of_rfc_3164() {
    let found = event("<13>Jan  5 15:33:03 74794bfb6795 root[8539]: i am foobar\n");
    let expected = [
        ("severity", json!("notice")),
        ("facility", json!("user")),
        ("hostname", json!("74794bfb6795")),
        ("appname", json!("root")),
        ("procid", json!(8539)),
        ("msgid", json!(null)),
        ("protocol", json!("RFC3164")),
        ("protocol_version", json!(null)),
        ("structured_data", json!(null)),
        ("msg", json!("i am foobar")),
    ];
    for (key, value) in expected {
        assert_eq!(found[key], value, "{key}");
    }
    // The year is not said; the rest of the time is.
    let seconds = found["timestamp"].as_i64().unwrap() / 1_000_000_000;
    assert_eq!(seconds % 86_400, 15 * 3600 + 33 * 60 + 3);
}

#[test]
fn takes_anything_else_as_a_message() {
    let found = event("snot badger");
    assert_eq!(found["msg"], "snot badger");
    assert_eq!(found["protocol"], "RFC3164");
    assert_eq!(found["severity"], json!(null));
    assert_eq!(decoded("syslog", b""), None);
    assert!(refused("syslog", b"a\xff").contains("invalid UTF-8 at byte 1"));
}

#[test]
fn encodes_records() {
    let table = [
        (json!({"msg": "hi"}), "<13>1 - - - - - - hi"),
        (json!({}), "<13>1 - - - - - -"),
        (
            json!({
                "severity": "err", "facility": "local7", "timestamp": 1_616_099_400_123_000_000_u64,
                "hostname": "h", "appname": "a", "procid": 7, "msgid": "m", "protocol_version": 1,
                "structured_data": {"x@1": [{"k": "a\"]\\"}, {"l": ""}], "y": []}, "msg": "hi there",
            }),
            r#"<187>1 2021-03-18T20:30:00.123000Z h a 7 m [x@1 k="a\"\]\\" l=""][y] hi there"#,
        ),
        (
            json!({
                "protocol": "RFC3164", "timestamp": 1_609_860_783_000_000_000_u64, "hostname": "h", "appname": "root",
                "procid": 8539, "msg": "hi",
            }),
            "<13>Jan  5 15:33:03 h root[8539]: hi",
        ),
        (
            json!({"protocol": "RFC3164", "timestamp": 1_609_860_783_000_000_000_u64, "msg": "hi"}),
            "<13>Jan  5 15:33:03 - hi",
        ),
    ];
    for (event, expected) in table {
        let written = encoded("syslog", &event.to_string()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
    let table = [
        (json!(1), "a record is expected"),
        (
            json!({"severity": "loud"}),
            "its `severity` is none of `emerg`",
        ),
        (json!({"facility": 1}), "its `facility` is none of `kern`"),
        (json!({"timestamp": "now"}), "its `timestamp` is no integer"),
        (json!({"protocol": "x"}), "its `protocol` is `x`"),
        (json!({"protocol_version": 0}), "its `protocol_version`"),
        (
            json!({"hostname": "a b"}),
            "its `hostname` is no text of visible",
        ),
        (json!({"appname": ""}), "its `appname` is no text"),
        (
            json!({"structured_data": 1}),
            "its `structured_data` is not like",
        ),
        (
            json!({"structured_data": {"a": [1]}}),
            "its `structured_data` is not like",
        ),
        (json!({"structured_data": {"a b": []}}), "cannot be a name"),
        (
            json!({"structured_data": {"a": [{"b=": ""}]}}),
            "cannot be a name",
        ),
        (json!({"msg": 1}), "its `msg` is no string"),
    ];
    for (event, expected) in table {
        let message = encoded("syslog", &event.to_string()).unwrap_err();
        assert!(message.contains(expected), "{event}: {message}");
    }
}

proptest! {
    /// What it writes, it reads; and nothing makes it panic.
    #[test]
    fn reads_what_it_writes(
        severity in prop::sample::select(vec!["emerg", "debug"]),
        facility in prop::sample::select(vec!["kern", "local7"]),
        microseconds in 0..4_000_000_000_000_000_i64,
        word in "[a-z0-9.]{1,8}",
        value in "[a-z\"\\\\\\]\u{e4} ]{0,6}",
        msg in "([a-z\u{e4}]([a-z\u{e4} ]{0,10}[a-z])?)?",
        text in "(<[0-9]{0,4}>)?[0-9a-zA-Z: \\[\\]=\"\\\\-]{0,60}",
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = owned(codec("syslog").as_mut(), &bytes);
        let _ = owned(codec("syslog").as_mut(), text.as_bytes());
        let event = json!({
            "severity": severity, "facility": facility, "hostname": word, "appname": "app", "procid": "p", "msgid": "m",
            "protocol": "RFC5424", "protocol_version": 1, "structured_data": {"id@1": [{"k": value}]},
            "timestamp": microseconds * 1000, "msg": msg,
        });
        let written = encoded("syslog", &event.to_string()).unwrap();
        let again: Reference = serde_json::from_str(&decoded("syslog", &written).unwrap()).unwrap();
        prop_assert_eq!(again, event, "{}", String::from_utf8_lossy(&written));
    }
}
