//! Limits of `http_server`: time, connections, room for bodies.

use std::time::Duration;

use serde_json::json;

use crate::peer::{ECHO, serve};
use crate::support::{ended, logged, until};

#[test]
fn slow_heads_and_bodies_are_cut_off_and_do_not_hold_others_up() {
    let served = serve(
        ECHO,
        json!({ "header_timeout_ms": 300, "body_timeout_ms": 300, "idle_timeout_ms": 300 }),
    );
    let mut head = served.connect();
    head.send("GET / HTTP/1.1\r\nhost: a\r\n");
    let mut body = served.connect();
    body.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n1");
    let mut idle = served.connect();
    assert_eq!(served.post("1").body, "1");
    let response = head.response().unwrap();
    assert_eq!(
        (response.status, response.body.contains("the head")),
        (408, true)
    );
    let response = body.response().unwrap();
    assert_eq!(
        (response.status, response.body.contains("the body")),
        (408, true)
    );
    assert!(head.is_ended() && body.is_ended() && idle.is_ended());
    served.flow.drain();
    assert_eq!(ended(&served.flow).counts.events_in, 1);
}

#[test]
fn a_byte_at_a_time_is_slow_too() {
    let served = serve(ECHO, json!({ "header_timeout_ms": 300 }));
    let mut client = served.connect();
    for byte in b"GET / HTTP/1.1\r\nx: "
        .iter()
        .chain(std::iter::repeat_n(&b'x', 10_000))
    {
        if client.try_send([*byte]).is_err() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
        if logged(&served.records, "http", "408") {
            break;
        }
    }
    assert_eq!(client.response().unwrap().status, 408);
}

#[test]
fn a_length_without_end_is_ended_by_time() {
    let served = serve(ECHO, json!({ "body_timeout_ms": 300 }));
    let mut client = served.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    // Zeros are a number that never gets too large; so many of them leave no moment in which nothing is there to read.
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..1000 {
        let said = logged(
            &served.records,
            "http",
            "the body did not come within 300 ms",
        );
        if said || client.try_send(&zeros).is_err() {
            break;
        }
    }
    assert_eq!(client.response().unwrap().status, 408);
    assert_eq!(served.post("1").body, "1");
}

#[test]
fn connections_beyond_the_limit_are_told_so() {
    let served = serve(ECHO, json!({ "max_connections": 2 }));
    let mut held: Vec<_> = (0..2).map(|_| served.connect()).collect();
    for client in &mut held {
        client.post("/", "1");
        assert_eq!(client.response().unwrap().status, 200);
    }
    let mut more = served.connect();
    let response = more.response().unwrap();
    assert_eq!(
        (response.status, response.header("connection")),
        (503, Some("close"))
    );
    assert!(more.is_ended());
    drop(held);
    until("there is room again", || served.post("2").status == 200);
}

#[test]
fn bodies_have_a_limit_of_their_own_and_one_together() {
    let served = serve(ECHO, json!({ "max_body": 10, "max_waiting": 15 }));
    let mut client = served.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 413);
    assert_eq!(served.post("1234567890").status, 200);
    // One that is being read leaves no room for another.
    let hold = || {
        let mut held = served.connect();
        held.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345678");
        std::thread::sleep(Duration::from_millis(20));
        held
    };
    let mut held = hold();
    until("there is no room", || {
        let is_full = served.post("1234567890").status == 503;
        if !is_full {
            // The one that is held came while another had the room, and was refused itself.
            held = hold();
        }
        is_full
    });
    held.send("90");
    assert_eq!(held.response().unwrap().status, 200);
    // What was given back is there again.
    for _ in 0..5 {
        assert_eq!(served.post("1234567890").status, 200);
    }
}
