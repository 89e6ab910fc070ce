//! Peers that are slow, silent or many hurt nobody but themselves.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use temblor_pdk::StreamEnd;
use temblor_pdk::serde_json::json;

use crate::support::{rest, server, until};

/// Writes as much as the other side takes; returns how much that was.
fn fill(stream: &mut TcpStream, most: usize) -> usize {
    stream.set_nonblocking(true).unwrap();
    let block = vec![b'x'; 64 * 1024];
    let (mut written, mut quiet) = (0, Instant::now());
    while written < most && quiet.elapsed() < Duration::from_millis(300) {
        match stream.write(&block) {
            Ok(count) => {
                written += count;
                quiet = Instant::now();
            }
            Err(reason) if reason.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(reason) => panic!("{reason}"),
        }
    }
    stream.set_nonblocking(false).unwrap();
    written
}

#[test]
fn who_is_not_pulled_is_not_read() {
    let mut server = server(&json!({}), false);
    let mut stream = server.connect();
    let written = fill(&mut stream, 256 * 1024 * 1024);
    // The system's buffers, and a bounded number of pieces.
    assert!(written < 64 * 1024 * 1024, "{written} bytes were taken");
    drop(stream);
    let ended = server.until_ended(1);
    assert_eq!((ended[0].1.len(), ended[0].2), (written, StreamEnd::Ended));
}

#[test]
fn who_does_not_read_its_replies_keeps_nobody_waiting_and_is_not_read() {
    let mut server = server(&json!({"max_pending_bytes": 4_000_000}), true);
    let (mut slow, mut quick) = (server.connect(), server.connect());
    slow.write_all(&[b's'; 1000]).unwrap();
    let of_slow = server.pull();
    quick.write_all(b"q").unwrap();
    let of_quick = server.pull();
    let mut refused = Vec::new();
    let mut sent = 0;
    while refused.is_empty() {
        refused = server.write(of_slow.clone());
        sent += 1;
        assert!(sent < 100_000, "nothing bounds what waits");
        if sent % 1000 == 0 {
            assert_eq!(server.write(of_quick.clone()), []);
            quick.read_exact(&mut [0]).unwrap();
        }
    }
    assert!(refused[0].1.contains("does not read") && refused[0].1.contains("`max_pending_bytes`"));
    // Its own bytes are not taken any more.
    let written = fill(&mut slow, 256 * 1024 * 1024);
    assert!(written < 64 * 1024 * 1024, "{written} bytes were taken");
    // Once it reads, all of what was taken for it is there.
    let mut got = vec![0; (sent - 1) * 1000];
    slow.read_exact(&mut got).unwrap();
    assert!(got.iter().all(|byte| *byte == b's'));
}

#[test]
fn who_takes_nothing_for_long_is_closed() {
    let config = json!({"write_timeout_ms": 50, "max_pending_bytes": 64_000_000});
    let mut server = server(&config, true);
    let mut stream = server.connect();
    stream.write_all(&vec![b's'; 60_000]).unwrap();
    let batch = server.pull();
    until("the connection is closed", || {
        server
            .write(batch.clone())
            .iter()
            .any(|(_, reason)| reason.contains("is closed"))
    });
    until("it is told", || {
        server.logged("that were to be sent to").is_some()
    });
    assert!(server.logged("`write_timeout_ms`").is_some());
    assert_eq!(server.until_ended(1)[0].2, StreamEnd::Failed);
}

#[test]
fn who_is_silent_for_long_is_closed() {
    let mut server = server(&json!({"idle_timeout_ms": 60}), true);
    let mut stream = server.connect();
    let started = Instant::now();
    stream.write_all(b"x").unwrap();
    let _ = server.pull();
    assert_eq!(rest(&mut stream), "");
    assert!(started.elapsed() >= Duration::from_millis(60));
    assert_eq!(server.until_ended(1)[0].2, StreamEnd::Failed);
}

#[test]
fn who_waits_for_the_engine_is_not_silent() {
    let mut server = server(&json!({"idle_timeout_ms": 60, "buf_size": 1}), false);
    let mut stream = server.connect();
    stream.write_all(&[b'x'; 1000]).unwrap();
    std::thread::sleep(Duration::from_millis(400));
    drop(stream);
    let ended = server.until_ended(1);
    assert_eq!((ended[0].1.len(), ended[0].2), (1000, StreamEnd::Ended));
}

#[test]
fn more_connections_than_may_be_are_closed_and_told() {
    let mut server = server(&json!({"max_connections": 2}), true);
    let (mut one, two) = (server.connect(), server.connect());
    let mut three = server.connect();
    assert_eq!(rest(&mut three), "");
    until("it is told", || {
        server.logged("`max_connections`").is_some()
    });
    one.write_all(b"still here").unwrap();
    let _ = server.pull();
    drop(two);
    let stream = server.until_ended(1)[0].0;
    // The place of one that has ended is free, as soon as its last reply was sent.
    assert_eq!(server.write(crate::support::end_of(stream)), []);
    let mut again = None;
    until("there is room", || {
        let mut stream = server.connect();
        stream.set_nonblocking(true).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let open =
            matches!(stream.read(&mut [0]), Err(reason) if reason.kind() == ErrorKind::WouldBlock);
        again = open.then_some(stream);
        open
    });
}
