//! Codecs `statsd`, `dogstatsd` and `binflux`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::{codec, decoded, encoded, owned, refused};
use proptest::prelude::*;

/// Lines that are decoded to these events, and written again as they were.
fn both_ways(name: &str, table: &[(&str, &str)]) {
    for (line, event) in table {
        assert_eq!(
            decoded(name, line.as_bytes()).as_deref(),
            Some(*event),
            "{line}"
        );
        assert_eq!(
            String::from_utf8(encoded(name, event).unwrap()).unwrap(),
            *line
        );
    }
}

fn all_refused(name: &str, lines: &[(&str, &str)], events: &[(&str, &str)]) {
    for (line, expected) in lines {
        let message = refused(name, line.as_bytes());
        assert!(message.contains(expected), "{line}: {message}");
    }
    for (event, expected) in events {
        let message = encoded(name, event).unwrap_err();
        assert!(message.contains(expected), "{event}: {message}");
    }
}

#[test]
fn statsd_reads_and_writes_lines() {
    both_ways(
        "statsd",
        &[
            ("sam:7|c", r#"{"type":"c","metric":"sam","value":7}"#),
            (
                "sam:7|c|@0.1",
                r#"{"type":"c","metric":"sam","value":7,"sample_rate":0.1}"#,
            ),
            ("t:320.5|ms", r#"{"type":"ms","metric":"t","value":320.5}"#),
            ("g:333|g", r#"{"type":"g","metric":"g","value":333}"#),
            (
                "g:+4|g",
                r#"{"type":"g","metric":"g","value":4,"action":"add"}"#,
            ),
            (
                "g:-10|g",
                r#"{"type":"g","metric":"g","value":10,"action":"sub"}"#,
            ),
            ("h:-1|h", r#"{"type":"h","metric":"h","value":-1}"#),
            ("u:765|s", r#"{"type":"s","metric":"u","value":765}"#),
            ("u:ab:c|s", r#"{"type":"s","metric":"u","value":"ab:c"}"#),
        ],
    );
    assert_eq!(
        decoded("statsd", b"a:+1|c\n").as_deref(),
        Some(r#"{"type":"c","metric":"a","value":1}"#)
    );
    assert_eq!(decoded("statsd", b"\n"), None);
    all_refused(
        "statsd",
        &[
            (
                "sam",
                "invalid StatsD line: `metric:value|type` is expected",
            ),
            ("sam:7", "is expected"),
            (":7|c", "the metric has no name"),
            ("sam:x|c", "the value `x` is no number"),
            ("sam:inf|c", "is no number"),
            ("sam:7|x", "`x` is no type"),
            ("sam:7|c|0.1", "`0.1` is no rate"),
            ("sam:7|c|@x", "`@x` is no rate"),
            ("sam:7|c|@0.1|x", "`@0.1|x` is no rate"),
        ],
        &[
            (
                "1",
                "`statsd` cannot encode this event: it has no string `metric`",
            ),
            (r#"{"metric":"a"}"#, "it has no string `type`"),
            (r#"{"metric":"a:b","type":"c","value":1}"#, "has a colon"),
            (r#"{"metric":"a","type":"x","value":1}"#, "`x` is no type"),
            (
                r#"{"metric":"a","type":"c"}"#,
                "its `value` is no finite number",
            ),
            (
                r#"{"metric":"a","type":"s","value":"a|b"}"#,
                "its `value` is no finite number",
            ),
            (
                r#"{"metric":"a","type":"c","value":1,"action":"add"}"#,
                "its `action`",
            ),
            (
                r#"{"metric":"a","type":"g","value":1,"action":"mul"}"#,
                "its `action`",
            ),
            (
                r#"{"metric":"a","type":"g","value":1,"sample_rate":"x"}"#,
                "its `sample_rate`",
            ),
        ],
    );
}

#[test]
fn dogstatsd_reads_and_writes_datagrams() {
    both_ways(
        "dogstatsd",
        &[
            (
                "datadog.metric:7|c|@0.1|#example_tag:example_value",
                r#"{"metric":{"type":"c","metric":"datadog.metric","value":7,"sample_rate":0.1,"tags":["example_tag:example_value"]}}"#,
            ),
            (
                "d:-1.5|d",
                r#"{"metric":{"type":"d","metric":"d","value":-1.5}}"#,
            ),
            (
                "m:1:2:3.5|h|#a,b",
                r#"{"metric":{"type":"h","metric":"m","values":[1,2,3.5],"tags":["a","b"]}}"#,
            ),
            (
                "u:x:y|s",
                r#"{"metric":{"type":"s","metric":"u","value":"x:y"}}"#,
            ),
            (
                "m:1|g|#a|c:ci-83c0|T1656581400",
                r#"{"metric":{"type":"g","metric":"m","value":1,"tags":["a"],"container_id":"ci-83c0","timestamp":1656581400}}"#,
            ),
            (
                "_e{21,36}:An exception occurred|Cannot parse CSV file from 10.0.0.17",
                r#"{"event":{"title":"An exception occurred","text":"Cannot parse CSV file from 10.0.0.17"}}"#,
            ),
            (
                "_e{3,3}:a|b|c\\n|d:1|h:host|k:key|p:low|s:src|t:error|#x,y:z|c:ci",
                r#"{"event":{"title":"a|b","text":"c\\n","timestamp":1,"hostname":"host","aggregation_key":"key","priority":"low","source":"src","type":"error","tags":["x","y:z"],"container_id":"ci"}}"#,
            ),
            (
                "_e{2,0}:\u{e4}|",
                "{\"event\":{\"title\":\"\u{e4}\",\"text\":\"\"}}",
            ),
            (
                "_sc|Redis connection|2|#env:dev|m:Redis|timed out",
                r#"{"service_check":{"name":"Redis connection","status":2,"tags":["env:dev"],"message":"Redis|timed out"}}"#,
            ),
            (
                "_sc|a|0|d:5|h:host|c:ci",
                r#"{"service_check":{"name":"a","status":0,"timestamp":5,"hostname":"host","container_id":"ci"}}"#,
            ),
        ],
    );
    assert_eq!(decoded("dogstatsd", b""), None);
    all_refused(
        "dogstatsd",
        &[
            ("snot", "invalid DogStatsD line: `metric:value|type`"),
            (":1|c", "the metric has no name"),
            ("a:1|x", "`x` is no type"),
            ("a:1:|c", "the value `` is no number"),
            ("a:1|c|x", "the section `x` begins with none of `@`"),
            ("a:1|c|@x", "`@x` has no number"),
            ("_e{1,1}:ab|c", "`_e{5,4}:title|text` is expected"),
            ("_e{1,1}:a|bc", "is expected"),
            ("_e{1,9}:a|b", "is expected"),
            ("_e{1,1:a|b", "is expected"),
            ("_e{1,1}:\u{e4}|b", "is expected"),
            ("_sc|a", "`_sc|name|status` is expected"),
            ("_sc|a|4", "`4` is no status"),
            ("_sc|a|1|x:1", "begins with none of"),
        ],
        &[
            ("1", "it has no record `metric`, `event` or `service_check`"),
            (r#"{"metric":{"metric":"a"}}"#, "it has no string `type`"),
            (
                r#"{"metric":{"metric":"a|b","type":"c","value":1}}"#,
                "has a colon, a pipe",
            ),
            (r#"{"metric":{"metric":"a","type":"c"}}"#, "its `value`"),
            (
                r#"{"metric":{"metric":"a","type":"c","values":[1]}}"#,
                "its `values`",
            ),
            (
                r#"{"metric":{"metric":"a","type":"c","value":1,"tags":[]}}"#,
                "its `tags`",
            ),
            (
                r#"{"metric":{"metric":"a","type":"c","value":1,"tags":["a,b"]}}"#,
                "one of its `tags`",
            ),
            (
                r#"{"event":{"title":"a\nb","text":""}}"#,
                "has a line break",
            ),
            (
                r#"{"event":{"title":"a","text":"","hostname":"a|b"}}"#,
                "its `hostname` has a pipe",
            ),
            (
                r#"{"service_check":{"name":"a","status":7}}"#,
                "its `status`",
            ),
            (
                r#"{"service_check":{"name":"a","status":1,"message":"\n"}}"#,
                "its `message`",
            ),
        ],
    );
}

#[test]
fn binflux_reads_and_writes_measurements() {
    let event = r#"{"measurement":"w","tags":{"a":"b"},"fields":{"i":-2,"f":1.5,"t":true,"u":false,"s":"x"},"timestamp":258}"#;
    let frame = [
        &b"\0\x01w\0\0\0\0\0\0\x01\x02\0\x01\0\x01a\0\x01b\0\x05"[..],
        b"\0\x01i\0\xff\xff\xff\xff\xff\xff\xff\xfe",
        b"\0\x01f\x01\x3f\xf8\0\0\0\0\0\0",
        b"\0\x01t\x02\0\x01u\x03\0\x01s\x04\0\x01x",
    ]
    .concat();
    assert_eq!(encoded("binflux", event).unwrap(), frame);
    assert_eq!(decoded("binflux", &frame).as_deref(), Some(event));
    assert_eq!(decoded("binflux", b""), None);
    for end in 1..frame.len() {
        let message = refused("binflux", &frame[..end]);
        assert!(
            message.contains("the frame ends within the measurement"),
            "{message}"
        );
    }
    let table: [(&[u8], &str); 3] = [
        (
            b"\0\x01w\0\0\0\0\0\0\0\0\0\0\0\0x",
            "at byte 15: the measurement has ended",
        ),
        (b"\0\x01\xff", "at byte 2: a string is no UTF-8"),
        (
            b"\0\x01w\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01a\x05",
            "the type of a field is none of 0 to 4",
        ),
    ];
    for (frame, expected) in table {
        let message = refused("binflux", frame);
        assert!(message.contains(expected), "{message}");
    }
    let long = format!(
        r#"{{"measurement":"{}","timestamp":1,"fields":{{}}}}"#,
        "x".repeat(70_000)
    );
    all_refused(
        "binflux",
        &[],
        &[
            ("1", "it has no string `measurement`"),
            (r#"{"measurement":"w","fields":{}}"#, "its `timestamp`"),
            (
                r#"{"measurement":"w","timestamp":-1,"fields":{}}"#,
                "its `timestamp`",
            ),
            (
                r#"{"measurement":"w","timestamp":1}"#,
                "it has no record `fields`",
            ),
            (
                r#"{"measurement":"w","timestamp":1,"fields":{"a":null}}"#,
                "its field `a`",
            ),
            (
                r#"{"measurement":"w","timestamp":1,"tags":1,"fields":{}}"#,
                "its `tags` are no record",
            ),
            (
                r#"{"measurement":"w","timestamp":1,"tags":{"a":1},"fields":{}}"#,
                "its tag `a`",
            ),
            (&long, "70000 bytes, tags or fields are more than 65535"),
        ],
    );
}

proptest! {
    /// Whatever a codec reads, it writes so that it reads the same; and nothing makes it panic.
    #[test]
    fn all_read_what_they_write(
        line in prop_oneof![
            "[a-c]{0,2}:[+-]?[0-9.e]{0,4}(:[0-9]{1,2}){0,2}\\|(c|ms|g|h|s|d)(\\|[@#T][0-9a,:]{0,4}){0,2}",
            "_e\\{[0-3],[0-3]\\}:[a|\\\\]{1,4}\\|[a|]{0,4}(\\|[dhkpst#c]:?[a0-2,]{0,3}){0,3}",
            "_sc\\|[a-c]{0,2}\\|[0-4](\\|(d:|h:|#|m:|c:)[a0-2,|]{0,3}){0,3}",
        ],
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..40),
    ) {
        for (name, frame) in [("statsd", line.as_bytes()), ("dogstatsd", line.as_bytes()), ("binflux", &bytes)] {
            let _ = owned(codec(name).as_mut(), &bytes);
            let Ok(Some(event)) = owned(codec(name).as_mut(), frame) else { continue };
            let written = encoded(name, &event.to_json());
            prop_assert!(written.is_ok(), "{}: {:?} of {}", name, written, event.to_json());
            let again = owned(codec(name).as_mut(), &written.unwrap()).unwrap();
            prop_assert_eq!(again, Some(event));
        }
    }
}
