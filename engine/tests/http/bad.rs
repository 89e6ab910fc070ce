//! Requests that no client should send: each has an answer that says why, the next is served, and nothing of it
//! becomes an event.

use serde_json::json;

use crate::peer::{Client, ECHO, serve};
use crate::support::{ended, logged};

/// What is sent, and the status that it is answered with.
const BAD: [(&str, u16); 22] = [
    ("hello\r\n\r\n", 400),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}", 400),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("GET / HTTP/3.0\r\nhost: a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n", 400),
    ("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    ("CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 501),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\n1",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n1",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: the worst\r\ncontent-length: 1\r\n\r\n1",
        417,
    ),
    (
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8388609\r\n\r\n",
        413,
    ),
];

/// Bodies in chunks that are none, and the status.
const BAD_CHUNKS: [(&str, u16); 8] = [
    ("\r\n", 400),
    ("x\r\n", 400),
    ("-1\r\n", 400),
    ("+1\r\n1\r\n0\r\n\r\n", 400),
    ("0x1\r\n1\r\n0\r\n\r\n", 400),
    ("10000000000000000\r\n", 400),
    ("1\r\n12\r\n0\r\n\r\n", 400),
    ("1\n1\r\n0\r\n\r\n", 400),
];

fn refused(mut client: Client, what: &str, status: u16) {
    let response = client.response();
    let response = response.unwrap_or_else(|| panic!("no answer to {what:?}"));
    assert_eq!(response.status, status, "{what:?}: {response:?}");
    assert_eq!(response.header("connection"), Some("close"), "{what:?}");
    assert!(!response.body.trim().is_empty(), "{what:?}");
    assert!(client.is_ended(), "{what:?}");
}

#[test]
fn bad_requests_have_an_answer_and_end_the_connection() {
    let served = serve(ECHO, json!({}));
    for (what, status) in BAD {
        let mut client = served.connect();
        client.send(what);
        refused(client, what, status);
        assert_eq!(served.post("1").body, "1", "after {what:?}");
    }
    for (chunks, status) in BAD_CHUNKS {
        let mut client = served.connect();
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send(chunks);
        refused(client, chunks, status);
    }
    assert_eq!(served.post("2").body, "2");
    assert!(logged(&served.records, "http", "was refused with 400"));
    served.flow.drain();
    let report = ended(&served.flow);
    let good = BAD.len() as u64 + 1;
    assert_eq!(
        (report.counts.events_in, report.counts.delivered),
        (good, good)
    );
}

#[test]
fn two_lengths_are_one_request_and_end_the_connection() {
    let served = serve(ECHO, json!({}));
    // Whoever believes `content-length` sees a second request, which is to be seen by nobody here.
    let (chunked, length) = ("transfer-encoding: chunked\r\n", "content-length: 4\r\n");
    for headers in [[chunked, length], [length, chunked]] {
        let mut client = served.connect();
        let headers = headers.concat();
        client.send(format!(
            "POST / HTTP/1.1\r\nhost: a\r\n{headers}\r\n1\r\n7\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"
        ));
        let response = client.response().unwrap();
        assert_eq!((response.status, response.body.as_str()), (200, "7"));
        assert_eq!(response.header("connection"), Some("close"));
        assert!(client.is_ended());
    }
    served.flow.drain();
    assert_eq!(ended(&served.flow).counts.events_in, 2);
}

/// Sends until the server does not take any more, or all is sent.
fn flood(client: &mut Client, piece: &[u8], times: usize) {
    for _ in 0..times {
        if client.try_send(piece).is_err() {
            return;
        }
    }
}

#[test]
fn heads_and_bodies_without_end_are_cut_off() {
    let served = serve(ECHO, json!({}));
    let mut client = served.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\nx: ");
    flood(&mut client, &[b'x'; 16384], 64);
    refused(client, "a header of 1 MiB", 431);
    let mut client = served.connect();
    client.send("GET /");
    flood(&mut client, &[b'x'; 16384], 64);
    refused(client, "a path of 1 MiB", 431);
    let mut client = served.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n");
    client.send("x: y\r\n".repeat(100) + "\r\n");
    refused(client, "101 headers", 431);
    let mut client = served.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    flood(&mut client, chunk.as_bytes(), 200);
    refused(client, "12 MiB in chunks", 413);
    let mut client = served.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    flood(&mut client, &[b'1'; 16384], 64);
    refused(client, "a length of a chunk of 1 MiB", 400);
    for length in ["7fffffffffffffff", "8000000000000000", "ffffffffffffffff"] {
        let mut client = served.connect();
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send(format!("{length}\r\n"));
        flood(&mut client, &[b'x'; 65536], 200);
        refused(client, length, 413);
    }
    let mut client = served.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n");
    flood(&mut client, &b"x: y\r\n".repeat(2048), 64);
    refused(client, "trailers without end", 400);
    assert_eq!(served.post("1").body, "1");
    served.flow.drain();
    assert_eq!(ended(&served.flow).counts.events_in, 1);
}

#[test]
fn a_request_that_breaks_off_anywhere_is_no_event() {
    let served = serve(ECHO, json!({}));
    let requests = [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n12345",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
    ];
    for request in requests {
        for end in 0..request.len() {
            let mut client = served.connect();
            client.send(&request[..end]);
            // Half of them end, half of them are reset with something unread.
            if end % 2 == 0 {
                client.finish();
                assert!(client.is_ended(), "{end} of {request:?}");
            }
        }
    }
    assert_eq!(served.post("1").body, "1");
    served.flow.drain();
    let report = ended(&served.flow);
    assert_eq!((report.counts.events_in, report.counts.failed), (1, 0));
}
