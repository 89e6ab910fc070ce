//! TLS between the two connectors, and with what is wrong on either side.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use temblor_pdk::serde_json::{Value as Json, json};
use temblor_pdk::testing::{Running, Side, Subject, TestHost, batch_of_bytes};
use temblor_pdk::{Command, ErrorKind, Result};

use crate::support::{Server, pull, rest, server, until};

/// Certificates in a folder of their own: those of an authority, of another one, and of a server.
struct Certificates {
    folder: tempfile::TempDir,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn certificate(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

impl Certificates {
    fn new() -> Self {
        let certificates = Certificates {
            folder: tempfile::tempdir().unwrap(),
        };
        let (right, wrong) = (authority("right"), authority("wrong"));
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let cert = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &right)
            .unwrap();
        let (right, wrong) = (certificate(right.der()), certificate(wrong.der()));
        let other = KeyPair::generate().unwrap();
        certificates.put("cert.pem", &certificate(cert.der()));
        certificates.put("key.pem", &pem("PRIVATE KEY", &key.serialize_der()));
        let other = pem("PRIVATE KEY", &other.serialize_der());
        certificates.put("other-key.pem", &other);
        certificates.put("right.pem", &right);
        certificates.put("wrong.pem", &wrong);
        certificates.put("both.pem", &format!("{wrong}{right}"));
        certificates.put("empty.pem", "no certificate\n");
        certificates.put("broken.pem", &right.replace("-----END", "----END"));
        certificates
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self) -> Json {
        json!({"tls": {"cert": self.path("cert.pem"), "key": self.path("key.pem")}})
    }
}

/// A client that is connected, or why it is not.
fn client(url: &str, tls: &Json) -> Result<(Running, Running, Running)> {
    let config = json!({"url": url, "tls": tls, "handshake_timeout_ms": 2_000}).to_string();
    let subject = Subject::named("tcp_client");
    let mut connector = subject.makers()[0].open(&config, &TestHost::new())?;
    connector.tell(Command::Connect)?;
    let sink = connector.create(Side::Sink)?;
    let source = connector.create(Side::Source)?;
    connector.tell(Command::Start)?;
    Ok((connector, source, sink))
}

fn refused(url: &str, tls: &Json) -> String {
    let error = client(url, tls).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
    error.to_string()
}

/// Sends both ways.
fn talk(server: &mut Server, url: &str, tls: &Json) {
    let (mut connector, mut source, mut sink) = client(url, tls).unwrap();
    sink.write(batch_of_bytes(&[(b"ping", 0)]), &Arc::default())
        .unwrap();
    let ping = server.pull();
    let event = &ping.events()[0];
    assert_eq!(event.data.as_bytes(), Some(&b"ping"[..]));
    let about = event.meta.get("tcp_server").unwrap();
    assert_eq!(about.get("tls").unwrap().to_json(), "true");
    assert_eq!(server.write(ping.clone()), []);
    let pong = pull(&mut source).unwrap();
    assert_eq!(pong.events()[0].data.as_bytes(), Some(&b"ping"[..]));
    connector.tell(Command::Stop).unwrap();
    // A farewell, not a broken connection.
    assert_eq!(server.until_ended(1)[0].2, temblor_pdk::StreamEnd::Ended);
}

#[test]
fn both_sides_speak_tls_and_every_certificate_of_the_file_counts() {
    let certificates = Certificates::new();
    let mut server = server(&certificates.server(), true);
    let url = server.address.to_string();
    for file in ["right.pem", "both.pem"] {
        talk(
            &mut server,
            &url,
            &json!({"cafile": certificates.path(file)}),
        );
    }
    let named = json!({"cafile": certificates.path("right.pem"), "domain": "localhost"});
    talk(&mut server, &url, &named);
}

#[test]
fn a_large_exchange_in_both_directions_at_once_comes_through() {
    let certificates = Certificates::new();
    let mut server = server(&certificates.server(), true);
    let tls = json!({"cafile": certificates.path("right.pem")});
    let (_connector, mut source, mut sink) = client(&server.address.to_string(), &tls).unwrap();
    let block = vec![b'z'; 100_000];
    let writer = std::thread::spawn(move || {
        for _ in 0..100 {
            sink.write(batch_of_bytes(&[(&block, 0)]), &Arc::default())
                .unwrap();
        }
        sink
    });
    let reader = std::thread::spawn(move || {
        let mut got = 0;
        while got < 10_000_000 {
            let batch = pull(&mut source).unwrap();
            got += batch
                .events()
                .iter()
                .map(|e| e.data.as_bytes().unwrap().len())
                .sum::<usize>();
        }
        got
    });
    let mut echoed = 0;
    while echoed < 10_000_000 {
        let batch = server.pull();
        echoed += batch
            .events()
            .iter()
            .map(|e| e.data.as_bytes().unwrap().len())
            .sum::<usize>();
        assert_eq!(server.write(batch), []);
    }
    assert_eq!(reader.join().unwrap(), 10_000_000);
    writer.join().unwrap();
}

#[test]
fn a_server_that_is_not_trusted_or_not_meant_is_refused() {
    let certificates = Certificates::new();
    let server = server(&certificates.server(), true);
    let url = server.address.to_string();
    let reason = refused(&url, &json!({"cafile": certificates.path("wrong.pem")}));
    assert!(reason.contains("UnknownIssuer"), "{reason}");
    let domain = json!({"cafile": certificates.path("right.pem"), "domain": "example.org"});
    let reason = refused(&url, &domain);
    assert!(reason.contains("example.org"), "{reason}");
    // The authorities that the system trusts know nothing of ours. Where it has none, that is said.
    let reason = client(&url, &json!(true)).err().unwrap().to_string();
    assert!(
        reason.contains("UnknownIssuer") || reason.contains("tls.cafile"),
        "{reason}"
    );
    until("the server tells", || {
        server.logged("the TLS handshake with 127.0.0.1").is_some()
    });
}

#[test]
fn plain_text_to_tls_and_tls_to_plain_text_fail_and_hurt_nobody_else() {
    let certificates = Certificates::new();
    let mut secure = server(&certificates.server(), true);
    let mut plain = secure.connect();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = plain.read_to_end(&mut Vec::new());
    until("it is told", || {
        secure.logged("the TLS handshake with").is_some()
    });
    let tls = json!({"cafile": certificates.path("right.pem")});
    let url = secure.address.to_string();
    talk(&mut secure, &url, &tls);

    // Whoever answers a greeting of TLS with plain text.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mail.example.org ready\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let reason = refused(&url, &tls);
    assert!(reason.contains("the TLS handshake failed"), "{reason}");
}

#[test]
fn a_handshake_that_is_not_made_ends_in_time_and_keeps_nobody_waiting() {
    let certificates = Certificates::new();
    let mut config = certificates.server();
    config["handshake_timeout_ms"] = json!(300);
    let mut server = server(&config, true);
    let started = Instant::now();
    let mut silent: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    let tls = json!({"cafile": certificates.path("right.pem")});
    let url = server.address.to_string();
    talk(&mut server, &url, &tls);
    for stream in &mut silent {
        assert_eq!(rest(stream), "");
    }
    assert!(started.elapsed() >= Duration::from_millis(300));
    until("it is told", || {
        server.logged("`handshake_timeout_ms`").is_some()
    });
}

#[test]
fn a_server_that_never_shakes_hands_is_given_up() {
    let certificates = Certificates::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = json!({
        "url": listener.local_addr().unwrap().to_string(),
        "tls": {"cafile": certificates.path("right.pem")},
        "handshake_timeout_ms": 50,
    });
    let subject = Subject::named("tcp_client");
    let mut connector = subject.makers()[0]
        .open(&config.to_string(), &TestHost::new())
        .unwrap();
    let error = connector.tell(Command::Connect).unwrap_err();
    assert!(
        error.to_string().contains("`handshake_timeout_ms`"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_plain_text() {
    let certificates = Certificates::new();
    let file = |name: &str| certificates.path(name);
    let server = |cert: &Path, key: &Path| ("tcp_server", json!({"cert": cert, "key": key}));
    let cases = [
        (server(&file("none.pem"), &file("key.pem")), "none.pem"),
        (
            server(&file("empty.pem"), &file("key.pem")),
            "there is no certificate in it",
        ),
        (
            server(&file("cert.pem"), &file("cert.pem")),
            "there is no private key in it",
        ),
        (
            server(&file("cert.pem"), &file("other-key.pem")),
            "cannot be used together",
        ),
        (server(&file("broken.pem"), &file("key.pem")), "broken.pem"),
        (
            ("tcp_client", json!({"cafile": file("none.pem")})),
            "none.pem",
        ),
        (
            ("tcp_client", json!({"cafile": file("empty.pem")})),
            "there is no certificate in it",
        ),
        (
            ("tcp_client", json!({"cafile": file("broken.pem")})),
            "broken.pem",
        ),
        (
            (
                "tcp_client",
                json!({"cafile": file("right.pem"), "cert": file("cert.pem")}),
            ),
            "set both, or none",
        ),
        (
            (
                "tcp_client",
                json!({"cafile": file("right.pem"), "domain": "not a name"}),
            ),
            "`tls.domain`",
        ),
    ];
    for ((name, tls), expected) in cases {
        let config = json!({"url": "127.0.0.1:0", "tls": tls}).to_string();
        for maker in Subject::named(name).makers() {
            let mut connector = maker.open(&config, &TestHost::new()).unwrap();
            let error = connector.tell(Command::Connect).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
