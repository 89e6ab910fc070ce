//! What connections send, where replies go, and how connections end.

use std::io::{Read, Write};
use std::net::Shutdown;

use temblor_pdk::serde_json::json;
use temblor_pdk::{Command, StreamEnd, Value};

use crate::support::{end_of, event, reset, rest, server, until};

#[test]
fn each_connection_is_a_stream_that_says_who_sends() {
    let mut server = server(&json!({}), false);
    let (mut one, mut two) = (server.connect(), server.connect());
    one.write_all(b"first").unwrap();
    let batch = server.pull();
    let event = &batch.events()[0];
    assert_eq!(event.data.as_bytes(), Some(&b"first"[..]));
    let about = event.meta.get("tcp_server").unwrap();
    let port = one.local_addr().unwrap().port();
    let expected = format!(
        r#"{{"peer":{{"host":"127.0.0.1","port":{port}}},"tls":false,"stream":{}}}"#,
        event.id.stream
    );
    assert_eq!(about.to_json(), expected);
    assert_ne!(event.id.stream, 0);
    two.write_all(b"second").unwrap();
    let second = server.pull();
    assert_ne!(second.events()[0].id.stream, event.id.stream);
    one.write_all(b" and more").unwrap();
    assert_eq!(server.pull().events()[0].id.stream, event.id.stream);
}

#[test]
fn a_connection_that_is_closed_ends_its_stream_and_one_that_is_reset_breaks_it_off() {
    let mut server = server(&json!({}), false);
    for round in 0..20 {
        let (mut closed, mut cut) = (server.connect(), server.connect());
        closed.write_all(b"whole").unwrap();
        drop(closed);
        let ended = server.until_ended(1);
        assert_eq!(
            (&ended[0].1[..], ended[0].2),
            (&b"whole"[..], StreamEnd::Ended),
            "{round}"
        );
        cut.write_all(b"half").unwrap();
        assert_eq!(
            server.pull().events()[0].data.as_bytes(),
            Some(&b"half"[..])
        );
        reset(cut);
        assert_eq!(server.until_ended(1)[0].2, StreamEnd::Failed);
    }
}

#[test]
fn without_a_sink_the_server_closes_what_its_peer_has_closed() {
    let server = server(&json!({}), false);
    let mut stream = server.connect();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), "");
}

#[test]
fn replies_go_to_the_connection_of_their_event_also_when_its_peer_sends_no_more() {
    let mut server = server(&json!({}), true);
    let (mut one, mut two) = (server.connect(), server.connect());
    two.write_all(b"two").unwrap();
    let of_two = server.pull();
    one.write_all(b"one").unwrap();
    let of_one = server.pull();
    one.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.until_ended(1)[0].2, StreamEnd::Ended);
    let stream = of_one.events()[0].id.stream;
    assert_eq!(server.write(of_two.clone()), []);
    assert_eq!(server.write(of_one.clone()), []);
    assert_eq!(server.write(of_one.clone()), []);
    let mut room = [0; 3];
    two.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"two");
    // The engine says when there is nothing more to come; then, and not before, the connection is closed.
    assert_eq!(server.write(end_of(stream)), []);
    assert_eq!(rest(&mut one), "oneone");
    until("the connection is forgotten", || {
        !server.write(of_one.clone()).is_empty()
    });
    let refused = server.write(of_one);
    let address = one.local_addr().unwrap().to_string();
    assert!(
        refused[0].1.contains(&address) && refused[0].1.contains("is closed"),
        "{refused:?}"
    );
    assert_eq!(server.write(of_two), []);
}

#[test]
fn an_event_can_name_its_peer() {
    let mut server = server(&json!({}), true);
    let mut stream = server.connect();
    stream.write_all(b"x").unwrap();
    let from_it = server.pull();
    let port = stream.local_addr().unwrap().port();
    let to = |host: &str, port: u64| json!({"tcp_server": {"peer": {"host": host, "port": port}}});
    assert_eq!(
        server.write(event("to you", &to("127.0.0.1", port.into()))),
        []
    );
    let mut room = [0; 6];
    stream.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"to you");
    for (meta, expected) in [
        (
            to("127.0.0.1", 1),
            "the connection of 127.0.0.1:1 is closed",
        ),
        (to("nowhere", 1), "`$tcp_server.peer` is no record"),
        (to("127.0.0.1", 70_000), "`$tcp_server.peer` is no record"),
        (json!(null), "help: set `$tcp_server.peer`"),
        (json!({"tcp_server": 1}), "help: set `$tcp_server.peer`"),
    ] {
        let refused = server.write(event("lost", &meta));
        assert!(refused[0].1.contains(expected), "{refused:?}");
    }
    // What is refused takes nothing from the rest of its batch.
    let mut builder = temblor_pdk::BatchBuilder::new();
    builder.push_batch(&from_it);
    builder.push_batch(&event("lost", &json!(null)));
    builder.push_batch(&from_it);
    let refused = server.write(builder.seal());
    assert_eq!(refused.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1]);
    let mut room = [0; 2];
    stream.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"xx");
}

#[test]
fn text_is_sent_as_it_is_and_other_values_are_nothing() {
    let mut server = server(&json!({}), true);
    let mut stream = server.connect();
    stream.write_all(b"x").unwrap();
    let id = server.pull().events()[0].id;
    let mut builder = temblor_pdk::BatchBuilder::new();
    for value in [Value::from("text"), Value::from(1u64), Value::from("!")] {
        builder.push(|_| {
            let mut event = temblor_pdk::Event::new(value);
            event.id = id;
            event
        });
    }
    assert_eq!(server.write(builder.seal()), []);
    let mut room = [0; 5];
    stream.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"text!");
}

#[test]
fn draining_ends_reading_and_still_sends_what_waits() {
    let mut server = server(&json!({}), true);
    let mut stream = server.connect();
    stream.write_all(b"x").unwrap();
    let batch = server.pull();
    server.connector.tell(Command::Drain).unwrap();
    until("nobody listens any more", || {
        std::net::TcpStream::connect(server.address).is_err()
    });
    assert_eq!(server.write(batch), []);
    server.sink.as_mut().unwrap().tell(Command::Flush).unwrap();
    assert_eq!(rest(&mut stream), "x");
    server.connector.tell(Command::Stop).unwrap();
}

#[test]
fn what_was_not_taken_in_any_more_is_told() {
    let mut server = server(&json!({}), false);
    let mut stream = server.connect();
    stream.write_all(b"x").unwrap();
    drop(server.pull());
    stream.write_all(b"four").unwrap();
    drop(stream);
    // The piece waits in the connector: the next connection's comes behind it.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let host = server.host.clone();
    drop(server);
    let told = || {
        host.logs()
            .iter()
            .any(|(_, m)| m.contains("4 bytes that had come were not taken in"))
    };
    assert!(told());
}
