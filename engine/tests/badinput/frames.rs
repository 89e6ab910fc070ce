//! Frames that are too long, too deep or no frames at all.

use std::io::Write;

use serde_json::Value as Json;

use crate::program::{Program, lines, until};

const MAX: usize = 256 * 1024;

/// How much is sent without the end of a line.
fn mib() -> usize {
    let set = std::env::var("TEMBLOR_BADINPUT_MIB").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(32)
}

/// The failures, once there are so many; each names the connector and the stream.
fn failures(program: &Program, count: usize) -> Vec<Json> {
    until("it is told", || program.failures().len() >= count);
    let failures = program.failures();
    assert_eq!(failures.len(), count);
    for failure in &failures {
        assert_eq!(failure["connector"], "door");
        let stream = &failure["id"]["stream"];
        assert!(
            stream.as_u64().is_some_and(|stream| stream > 0),
            "{failure}"
        );
    }
    failures
}

#[test]
fn a_line_that_does_not_end_is_bounded_in_memory_and_told_when_it_does() {
    let program = lines(MAX, r#"{"url": "127.0.0.1:0"}"#);
    program.passes("before");
    let before = program.memory_mib();
    let mut stream = program.connect();
    let block = vec![b'x'; 1 << 20];
    let mut most = 0;
    for _ in 0..mib() {
        stream.write_all(&block).unwrap();
        most = most.max(program.memory_mib());
    }
    stream.write_all(b"\n{\"n\":1}\n").unwrap();
    program.has_event(&serde_json::json!({"n": 1}));
    assert!(
        most <= before + 64,
        "{before} MiB before, {most} MiB at most"
    );
    let failures = failures(&program, 1);
    let error = failures[0]["error"].as_str().unwrap();
    assert!(
        error.starts_with("preprocessor `separate`: frame of "),
        "{error}"
    );
    assert!(error.contains("`max_length`, which is 262144"), "{error}");
    assert_eq!(failures[0]["offset"], 0);
    program.passes("after");
    program.ends();
}

#[test]
fn the_same_byte_by_byte() {
    let program = lines(4096, r#"{"url": "127.0.0.1:0"}"#);
    let mut stream = program.connect();
    let count = mib() * 1024 * 8;
    for _ in 0..count {
        stream.write_all(b"x").unwrap();
    }
    stream.write_all(b"\n{\"n\":1}\n").unwrap();
    program.has_event(&serde_json::json!({"n": 1}));
    let error = failures(&program, 1)[0]["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        error.contains(&format!("frame of {count} bytes")),
        "{error}"
    );
    program.ends();
}

#[test]
fn json_that_is_too_deep_is_refused_with_its_place() {
    let program = lines(4 << 20, r#"{"url": "127.0.0.1:0"}"#);
    let mut stream = program.connect();
    let mut offsets = Vec::new();
    let mut sent = 0;
    for depth in [20_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let line = format!(
                "{}1{}\n",
                open.repeat(depth / open.len()),
                close.repeat(depth / open.len())
            );
            stream.write_all(line.as_bytes()).unwrap();
            offsets.push(sent);
            sent += line.len();
        }
        let line = "[".repeat(depth) + "\n";
        stream.write_all(line.as_bytes()).unwrap();
        offsets.push(sent);
        sent += line.len();
    }
    stream.write_all(b"{\"n\":1}\n").unwrap();
    program.has_event(&serde_json::json!({"n": 1}));
    for (failure, offset) in failures(&program, 6).iter().zip(offsets) {
        let error = failure["error"].as_str().unwrap();
        assert!(error.starts_with("codec `json`: "), "{error}");
        assert!(error.contains("1024") || error.contains("1,024"), "{error}");
        assert_eq!(failure["offset"], offset);
    }
    program.ends();
}

#[test]
fn bytes_that_are_no_text_are_kept_as_they_were() {
    let program = lines(MAX, r#"{"url": "127.0.0.1:0"}"#);
    let mut stream = program.connect();
    stream
        .write_all(b"\xff\xfe\x00\n\x00\x00\n{\"n\":1}\n")
        .unwrap();
    program.has_event(&serde_json::json!({"n": 1}));
    let failures = failures(&program, 2);
    assert_eq!(failures[0]["offset"], 0);
    assert_eq!(failures[1]["offset"], 4);
    program.ends();
}
