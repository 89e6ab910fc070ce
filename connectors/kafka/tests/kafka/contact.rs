//! The first contact: who does not answer as a Kafka broker is told with its address, what it did and what may help.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use temblor_pdk::serde_json::{Value, json};
use temblor_pdk::{Error, ErrorKind};

use crate::support::{Cluster, Member, Producing};

/// What connecting comes to, for both connectors.
pub(crate) fn connect(brokers: &str, options: &Value) -> Vec<Error> {
    let mut config = json!({"brokers": [brokers], "topic": "t", "connect_timeout_ms": 1_500, "rdkafka_options": options});
    let produced = Producing::open(&config).err();
    config["group_id"] = json!("g");
    config["topics"] = json!(["t"]);
    config.as_object_mut().unwrap().remove("topic");
    let consumed = Member::open(&config).err();
    [produced, consumed]
        .map(|error| error.expect("it connected"))
        .into()
}

/// A name, what it does with each connection, and what is said of it.
type Peer = (&'static str, fn(TcpStream), &'static str);

/// A listener, and what it does with each connection.
fn listen(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || serve(connection));
        }
    });
    address
}

/// Reads one request of Kafka's protocol: what is asked, which version of it, and the number of the question.
fn question(connection: &mut TcpStream) -> Option<(i16, i16, [u8; 4])> {
    let mut size = [0; 4];
    connection.read_exact(&mut size).ok()?;
    let mut request = vec![0; u32::from_be_bytes(size) as usize];
    connection.read_exact(&mut request).ok()?;
    let short = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
    Some((short(0), short(2), request[4..8].try_into().unwrap()))
}

/// A broker that wants credentials, and takes none.
fn refuse(mut connection: TcpStream) {
    while let Some((api, version, number)) = question(&mut connection) {
        let answer: Vec<u8> = match (api, version) {
            // ApiVersions: a client that asks in a later version is to ask again in the first.
            (18, 1..) => [&[0, 35][..], &[0, 0, 0, 1], &[0, 18, 0, 0, 0, 0]].concat(),
            (18, _) => {
                let apis = [
                    [0, 3, 0, 0, 0, 1],
                    [0, 17, 0, 0, 0, 1],
                    [0, 18, 0, 0, 0, 0],
                    [0, 36, 0, 0, 0, 0],
                ];
                [&[0, 0][..], &[0, 0, 0, 4], &apis.concat()].concat()
            }
            // SaslHandshake
            (17, _) => [&[0, 0][..], &[0, 0, 0, 1], &[0, 5], b"PLAIN"].concat(),
            // SaslAuthenticate
            (36, _) => [&[0, 58][..], &[0, 9], b"not today", &[0, 0, 0, 0]].concat(),
            _ => return,
        };
        let size = (answer.len() + 4) as u32;
        let _ = connection.write_all(&[&size.to_be_bytes()[..], &number, &answer].concat());
    }
}

#[test]
fn where_nobody_listens_the_broker_is_named() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let brokers = format!("127.0.0.1:{port}");
    for error in connect(&brokers, &json!({})) {
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        let text = error.to_string();
        for part in [&brokers, "Connection refused", "help: check `brokers`"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn a_host_that_there_is_not_is_named() {
    for error in connect("nowhere.invalid:9092", &json!({})) {
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{text}");
        for part in [
            "nowhere.invalid:9092",
            "Failed to resolve",
            "help: check `brokers`",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn what_is_no_broker_is_named_with_what_it_does() {
    let http = |mut connection: TcpStream| {
        let _ = connection.read(&mut [0; 1024]);
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    };
    let garbage = |mut connection: TcpStream| {
        let _ = connection.write_all(&[0xA5; 4096]);
        std::thread::sleep(Duration::from_secs(5));
    };
    let plausible = |mut connection: TcpStream| {
        // A size that fits, and nothing that makes sense in it.
        let _ = connection.write_all(&[&[0, 0, 0, 64][..], &[0xFF; 64]].concat());
        std::thread::sleep(Duration::from_secs(5));
    };
    let silent = |connection: TcpStream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(connection);
    };
    let closing = |connection: TcpStream| drop(connection);
    let tls = |mut connection: TcpStream| {
        // An alert, which is what a TLS listener says to a client that greets in another protocol.
        let _ = connection.read(&mut [0; 1024]);
        let _ = connection.write_all(&[0x15, 3, 3, 0, 2, 2, 70]);
    };
    let cases: [Peer; 6] = [
        ("tls", tls, "Disconnected"),
        ("http", http, "that is an answer in HTTP"),
        ("garbage", garbage, "that is no answer in Kafka's protocol"),
        ("plausible", plausible, "nothing comes that is an answer"),
        ("silent", silent, "nothing comes that is an answer"),
        ("closing", closing, "Disconnected"),
    ];
    std::thread::scope(|scope| {
        for (name, serve, says) in cases {
            scope.spawn(move || {
                let brokers = listen(serve);
                for error in connect(&brokers, &json!({})) {
                    let text = error.to_string();
                    assert_eq!(error.kind(), ErrorKind::Disconnected, "{name}: {text}");
                    let help = ["that a Kafka broker listens there", "`security.protocol`"];
                    for part in help.into_iter().chain([&*brokers, says]) {
                        assert!(text.contains(part), "{name}: {part} in {text}");
                    }
                }
            });
        }
    });
}

#[test]
fn wrong_credentials_are_told_with_the_broker_s_reason_and_without_the_password() {
    let brokers = listen(refuse);
    let options = json!({
        "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "me",
        "sasl.password": "hunter2",
    });
    for error in connect(&brokers, &options) {
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Failed, "{text}");
        for part in [&brokers, "not today", "`sasl.password`"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_broker_that_wants_credentials_is_told_from_one_that_is_none() {
    let brokers = listen(refuse);
    for error in connect(&brokers, &json!({})) {
        let text = error.to_string();
        eprintln!("{text}");
        assert!(
            text.contains(&brokers) && text.contains("`security.protocol`"),
            "{text}"
        );
    }
}

#[test]
fn tls_to_a_plain_listener_and_credentials_that_nobody_wants_are_told() {
    let cluster = Cluster::mock(1);
    let brokers = cluster.bootstrap();
    let plain = json!({
        "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "me",
        "sasl.password": "hunter2",
    });
    for options in [json!({"security.protocol": "ssl"}), plain] {
        for error in connect(&brokers, &options) {
            let text = error.to_string();
            if text.contains("feature `tls`") {
                eprintln!("skipped: this build of librdkafka has no TLS");
                continue;
            }
            assert!(text.contains(&brokers) && text.contains("help: "), "{text}");
            assert!(
                text.contains("`security.protocol`") || text.contains("`sasl."),
                "{text}"
            );
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
