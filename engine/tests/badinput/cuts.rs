//! Streams that are cut short or reset, at every byte.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use serde_json::json;

use crate::program::{lines, until};

const TEXT: &str = "{\"n\":1,\"s\":\"\u{e4}\"}\n{\"n\":2}\n{\"n\":3}";

#[test]
fn a_stream_can_end_at_every_byte() {
    let program = lines(1 << 20, r#"{"url": "127.0.0.1:0"}"#);
    let (mut events, mut failures) = (Vec::new(), Vec::new());
    for cut in 0..=TEXT.len() {
        let part = &TEXT.as_bytes()[..cut];
        let mut stream = program.connect();
        stream.write_all(part).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // The server closes when it has taken everything in.
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
        let mut begins = 0;
        for line in part.split(|byte| *byte == b'\n') {
            match serde_json::from_slice::<serde_json::Value>(line) {
                Ok(event) => events.push(event),
                Err(_) if !line.is_empty() => failures.push(json!(begins)),
                Err(_) => {}
            }
            begins += line.len() + 1;
        }
    }
    until("everything has come through", || {
        program.events().len() >= events.len()
    });
    until("all failures are told", || {
        program.failures().len() >= failures.len()
    });
    assert_eq!(program.events(), events);
    let told: Vec<_> = program
        .failures()
        .iter()
        .map(|f| f["offset"].clone())
        .collect();
    assert_eq!(told, failures);
    program.passes("after");
    program.ends();
}

#[test]
fn a_stream_can_be_reset_at_every_byte() {
    let program = lines(1 << 20, r#"{"url": "127.0.0.1:0"}"#);
    for cut in 0..=TEXT.len() {
        let mut stream = program.connect();
        stream.write_all(&TEXT.as_bytes()[..cut]).unwrap();
        // Sometimes before the server has read it, sometimes after.
        if cut % 2 == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
    program.passes("after");
    for event in program.events() {
        let known = [
            json!({"n": 1, "s": "\u{e4}"}),
            json!({"n": 2}),
            json!({"good": "after"}),
        ];
        assert!(known.contains(&event), "half a line is no event: {event}");
    }
    for failure in program.failures() {
        let error = failure["error"].as_str().unwrap();
        assert!(error.contains("broke off within a frame"), "{failure}");
    }
    program.ends();
}
