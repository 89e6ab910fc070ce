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

#[test]
fn lengths_that_cannot_be_are_refused_at_once_and_take_no_memory() {
    let config = r#"{"url": "127.0.0.1:0"}"#;
    let program = Program::start("json", r#"["length-prefixed"]"#, config, "");
    let framed = |text: &str| [&(text.len() as u64).to_be_bytes()[..], text.as_bytes()].concat();
    let before = program.memory_mib();
    let lengths = [1u64 << 31, 1 << 63, u64::MAX];
    for (round, length) in lengths.into_iter().enumerate() {
        let mut stream = program.connect();
        // An empty frame is no event.
        stream.write_all(&framed("")).unwrap();
        stream.write_all(&length.to_be_bytes()).unwrap();
        stream.write_all(b"abc").unwrap();
        let failure = failures(&program, round + 1).pop().unwrap();
        let error = failure["error"].as_str().unwrap();
        let expected = format!(
            "preprocessor `length-prefixed`: a frame of {length} bytes is longer than `max_length`"
        );
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(failure["offset"], 8);
        let mut good = program.connect();
        good.write_all(&framed(&format!("{{\"good\":{round}}}")))
            .unwrap();
        program.has_event(&serde_json::json!({ "good": round }));
    }
    let after = program.memory_mib();
    assert!(
        after <= before + 64,
        "{before} MiB before, {after} MiB after"
    );
    program.ends();
}

#[test]
fn a_bomb_is_stopped_before_it_takes_memory() {
    let shell =
        "head -c 1073741824 /dev/zero | gzip -1 > bomb.gz && gzip -9 -c bomb.gz > bomb.gz.gz";
    // Each frame is a message of its own, whatever came before.
    let decompress = r#"{"name": "decompress", "config": {"buffered": false}}"#;
    let steps = format!(r#"["length-prefixed", {decompress}, {decompress}]"#);
    let program = Program::start("json", &steps, r#"{"url": "127.0.0.1:0"}"#, shell);
    let framed = |bytes: &[u8]| [&(bytes.len() as u64).to_be_bytes()[..], bytes].concat();
    let before = program.memory_mib();
    let mut stream = program.connect();
    for (round, bomb) in ["bomb.gz", "bomb.gz.gz"].into_iter().enumerate() {
        stream.write_all(&framed(&program.file(bomb))).unwrap();
        let failure = failures(&program, round + 1).pop().unwrap();
        let error = failure["error"].as_str().unwrap();
        assert!(
            error.starts_with(
                "preprocessor `decompress`: a message of gzip becomes larger than `max_bytes`"
            ),
            "{error}"
        );
        stream
            .write_all(&framed(format!("{{\"good\":{round}}}").as_bytes()))
            .unwrap();
        program.has_event(&serde_json::json!({ "good": round }));
    }
    let after = program.memory_mib();
    assert!(
        after <= before + 128,
        "{before} MiB before, {after} MiB after"
    );
    program.ends();
}
