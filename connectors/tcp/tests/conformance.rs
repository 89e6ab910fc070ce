//! `tcp_server` and `tcp_client` keep to the contract, whatever their link mode.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::TcpListener;

use temblor_connector_tcp as _;
use temblor_pdk::serde_json::json;
use temblor_pdk::testing::{Side, Subject, TestHost, check};
use temblor_pdk::{Command, ErrorKind};

#[test]
fn conforms() {
    check("temblor-connector-tcp");
    let config = r#"{"url": "127.0.0.1:0"}"#;
    Subject::named("tcp_server").check_life(config, Side::Source);
    Subject::named("tcp_server").check_life(config, Side::Sink);
}

#[test]
fn the_client_conforms() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Takes what comes and keeps it open.
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    let config = json!({ "url": format!("127.0.0.1:{port}") }).to_string();
    Subject::named("tcp_client").check_life(&config, Side::Source);
    Subject::named("tcp_client").check_life(&config, Side::Sink);
}

#[test]
fn what_cannot_work_is_said_before_anything_runs() {
    let cases = [
        ("tcp_server", json!({"url": "localhost"}), "has no port"),
        ("tcp_server", json!({"url": "udp://a:1"}), "another kind"),
        ("tcp_client", json!({"url": "a:99999"}), "65535"),
        (
            "tcp_server",
            json!({"url": "a:1", "buf_size": 0}),
            "`buf_size` is 0",
        ),
        (
            "tcp_server",
            json!({"url": "a:1", "max_connections": 0}),
            "`max_connections` is 0",
        ),
        (
            "tcp_client",
            json!({"url": "a:1", "tls": "yes"}),
            "`tls` is true, false, or a record",
        ),
        (
            "tcp_server",
            json!({"url": "a:1", "tls": {"cert": "x"}}),
            "missing field `key`",
        ),
    ];
    for (name, config, reason) in cases {
        for maker in Subject::named(name).makers() {
            let made = maker.open(&config.to_string(), &TestHost::new());
            let error = made.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}

#[test]
fn an_address_that_is_taken_or_where_nobody_listens_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = listener.local_addr().unwrap().to_string();
    let config = json!({ "url": url }).to_string();
    let fails = |name: &str, expected: &str| {
        for maker in Subject::named(name).makers() {
            let mut connector = maker.open(&config, &TestHost::new()).unwrap();
            let error = connector.tell(Command::Connect).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Disconnected);
            let message = error.to_string();
            assert!(
                message.contains(expected) && message.contains(&url),
                "{message}"
            );
        }
    };
    fails("tcp_server", "cannot listen at");
    drop(listener);
    fails("tcp_client", "cannot connect to");
}
