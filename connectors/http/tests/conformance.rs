//! `http_server` and `http_client` keep to the contract, whatever their link mode, and refuse what cannot work. What
//! they do with requests is tested where there is an engine: in its tests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use temblor_connector_http as _;
use temblor_pdk::serde_json;
use temblor_pdk::testing::{Side, Subject, TestHost, check};
use temblor_pdk::{Command, Error, ErrorKind};

#[test]
fn conforms() {
    check("temblor-connector-http");
    let server = json!({ "url": "127.0.0.1:0" }).to_string();
    Subject::named("http_server").check_life(&server, Side::Source);
    Subject::named("http_server").check_life(&server, Side::Sink);
    let client = json!({ "url": "http://127.0.0.1:1/", "timeout_ms": 50, "max_retries": 0 });
    Subject::named("http_client").check_life(&client.to_string(), Side::Source);
    Subject::named("http_client").check_life(&client.to_string(), Side::Sink);
}

/// What a configuration leads to: an error when the connector is made, or when it connects.
fn refusal(name: &str, config: &Value) -> Error {
    let subject = Subject::named(name);
    let host = TestHost::new();
    match subject.makers()[0].open(&config.to_string(), &host) {
        Err(error) => error,
        Ok(mut connector) => connector.tell(Command::Connect).unwrap_err(),
    }
}

#[test]
fn what_cannot_work_says_what_would() {
    let server = "http_server";
    let client = "http_client";
    let tls = json!({ "cert": "/nowhere/cert.pem", "key": "/nowhere/key.pem" });
    for (name, config, why) in [
        (server, json!({ "url": "127.0.0.1" }), "no port"),
        (server, json!({ "url": "ftp://127.0.0.1:1" }), "host:port"),
        (server, json!({ "url": "https://127.0.0.1:0" }), "set `tls`"),
        (
            server,
            json!({ "url": "127.0.0.1:0", "tls": tls }),
            "/nowhere/cert.pem",
        ),
        (
            server,
            json!({ "url": "127.0.0.1:0", "status_acked": 99 }),
            "200 to 599",
        ),
        (
            server,
            json!({ "url": "127.0.0.1:0", "headers": { "a b": "" } }),
            "no name",
        ),
        (
            server,
            json!({ "url": "127.0.0.1:0", "max_head": 0 }),
            "`max_head`",
        ),
        (client, json!({ "url": "127.0.0.1:1" }), "http://"),
        (client, json!({ "url": "http://u:p@a/" }), "`auth`"),
        (
            client,
            json!({ "url": "http://a/", "concurrency": 0 }),
            "`concurrency`",
        ),
        (
            client,
            json!({ "url": "http://a/", "method": "A B" }),
            "no method",
        ),
        (
            client,
            json!({ "url": "http://a/", "headers": { "a": "b\r\nc: d" } }),
            "control",
        ),
        (
            client,
            json!({ "url": "http://a/", "auth": { "basic": { "username": "a:b", "password": "" } } }),
            "`:`",
        ),
        (
            client,
            json!({ "url": "https://a/", "tls": { "cafile": "/nowhere/ca.pem" } }),
            "/nowhere/ca.pem",
        ),
    ] {
        let error = refusal(name, &config);
        assert_eq!(error.kind(), ErrorKind::Config, "{config}: {error}");
        assert!(error.message().contains(why), "{config}: {error}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = refusal("http_server", &json!({ "url": address }));
    // Whoever has it may give it up.
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.message().contains(&address), "{error}");
}
