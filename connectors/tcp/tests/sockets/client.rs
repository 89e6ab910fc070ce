//! A client that reads, writes and loses its connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use temblor_pdk::serde_json::{Value as Json, json};
use temblor_pdk::testing::{Running, Side, Subject, TestHost, batch_of_bytes};
use temblor_pdk::{Command, ErrorKind, StreamEnd};

use crate::support::{LONG, pull, reset, rest, until};

struct Client {
    connector: Running,
    source: Option<Running>,
    sink: Option<Running>,
    listener: TcpListener,
    server: TcpStream,
}

fn client(more: &Json, reads: bool, writes: bool) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = json!({"url": listener.local_addr().unwrap().to_string()});
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let subject = Subject::named("tcp_client");
    let mut connector = subject.makers()[0]
        .open(&config.to_string(), &TestHost::new())
        .unwrap();
    connector.tell(Command::Connect).unwrap();
    let sink = writes.then(|| connector.create(Side::Sink).unwrap());
    let source = reads.then(|| connector.create(Side::Source).unwrap());
    connector.tell(Command::Start).unwrap();
    let server = accept(&listener);
    Client {
        connector,
        source,
        sink,
        listener,
        server,
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

impl Client {
    fn write(&mut self, text: &str) -> temblor_pdk::Result<()> {
        let batch = batch_of_bytes(&[(text.as_bytes(), 0)]);
        self.sink.as_mut().unwrap().write(batch, &Arc::default())
    }
}

#[test]
fn both_sides_use_one_connection() {
    let mut client = client(&json!({}), true, true);
    client.write("hello").unwrap();
    let mut room = [0; 5];
    client.server.read_exact(&mut room).unwrap();
    assert_eq!(&room, b"hello");
    client.server.write_all(b"world").unwrap();
    let batch = pull(client.source.as_mut().unwrap()).unwrap();
    let event = &batch.events()[0];
    assert_eq!(event.data.as_bytes(), Some(&b"world"[..]));
    let port = client.listener.local_addr().unwrap().port();
    let expected =
        format!(r#"{{"tcp_client":{{"peer":{{"host":"127.0.0.1","port":{port}}},"tls":false}}}}"#);
    assert_eq!(event.meta.to_json(), expected);
    client.connector.tell(Command::Stop).unwrap();
    assert_eq!(rest(&mut client.server), "");
}

#[test]
fn a_lost_connection_ends_the_stream_and_is_told_to_both_sides_until_it_is_made_anew() {
    for is_reset in [false, true] {
        let mut client = client(&json!({}), true, true);
        client.server.write_all(b"half").unwrap();
        let source = client.source.as_mut().unwrap();
        assert_eq!(
            pull(source).unwrap().events()[0].data.as_bytes(),
            Some(&b"half"[..])
        );
        let server = client.server.try_clone().unwrap();
        drop(std::mem::replace(&mut client.server, server));
        let (gone, end) = match is_reset {
            true => (client.server.try_clone().unwrap(), StreamEnd::Failed),
            false => (client.server.try_clone().unwrap(), StreamEnd::Ended),
        };
        drop(std::mem::replace(
            &mut client.server,
            accept_nothing(&client.listener),
        ));
        match is_reset {
            true => reset(gone),
            false => drop(gone),
        }
        let source = client.source.as_mut().unwrap();
        assert_eq!(pull(source).unwrap().events()[0].stream_end(), Some(end));
        let error = pull(source).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        assert!(
            error
                .to_string()
                .contains(&client.listener.local_addr().unwrap().to_string())
        );
        until("the sink knows", || client.write("x").is_err());
        let error = client.write("x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");

        client.connector.tell(Command::Connect).unwrap();
        client.sink = Some(client.connector.create(Side::Sink).unwrap());
        client.source = Some(client.connector.create(Side::Source).unwrap());
        let mut server = accept(&client.listener);
        let source = client.source.as_mut().unwrap();
        server.write_all(b"new").unwrap();
        assert_eq!(
            pull(source).unwrap().events()[0].data.as_bytes(),
            Some(&b"new"[..])
        );
        client.write("again").unwrap();
        let mut room = [0; 5];
        server.read_exact(&mut room).unwrap();
        assert_eq!(&room, b"again");
    }
}

/// A connection that is nobody's, to put in the place of another one.
fn accept_nothing(listener: &TcpListener) -> TcpStream {
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _ = accept(listener);
    stream
}

#[test]
fn a_server_that_takes_nothing_is_given_up() {
    let mut client = client(&json!({"write_timeout_ms": 50}), false, true);
    let text = "x".repeat(1 << 20);
    let mut error = None;
    for _ in 0..1000 {
        if let Err(reason) = client.write(&text) {
            error = Some(reason);
            break;
        }
    }
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.to_string().contains("`write_timeout_ms`"), "{error}");
}

#[test]
fn what_nobody_reads_does_not_stop_the_sink() {
    let mut client = client(&json!({}), false, true);
    // More than all buffers hold.
    let mut server = client.server.try_clone().unwrap();
    let talker = std::thread::spawn(move || server.write_all(&vec![b'y'; 32 << 20]).is_ok());
    assert!(talker.join().unwrap());
    client.write("x").unwrap();
    client.server.read_exact(&mut [0]).unwrap();
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    // Addresses of documentation: nobody answers, or the system knows at once that nobody can.
    let config = json!({"url": "192.0.2.1:9", "connect_timeout_ms": 50}).to_string();
    let subject = Subject::named("tcp_client");
    let mut connector = subject.makers()[0].open(&config, &TestHost::new()).unwrap();
    let error = connector.tell(Command::Connect).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(
        error
            .to_string()
            .contains("cannot connect to `192.0.2.1:9`"),
        "{error}"
    );
}
