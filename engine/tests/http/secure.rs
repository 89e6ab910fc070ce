//! TLS of both sides: who is trusted gets through, and nobody falls back to plain text.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Sending;
use crate::peer::{Client, ECHO, Served, serve};
use crate::support::{counts, logged, until};

/// A certificate for `localhost` that rests on itself, and its key.
struct Certificate {
    folder: TempDir,
}

fn pem(label: &str, der: &[u8]) -> String {
    let content = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{content}\n-----END {label}-----\n")
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec![String::from("localhost")]).unwrap();
        std::fs::write(
            folder.path().join("cert.pem"),
            pem("CERTIFICATE", made.cert.der()),
        )
        .unwrap();
        let key = pem("PRIVATE KEY", &made.signing_key.serialize_der());
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        Certificate { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn serve(&self, mut config: Value) -> Served {
        config["tls"] = json!({ "cert": self.path(), "key": self.folder.path().join("key.pem") });
        serve(ECHO, config)
    }
}

/// Sends one event to `localhost` at the server's port.
fn send(served: &Served, scheme: &str, trusted: &Path, domain: Option<&str>) -> (u64, String) {
    let url = format!("{scheme}://localhost:{}/", served.address.port());
    let tls = json!({ "cafile": trusted, "domain": domain });
    let config = json!({ "url": url, "tls": tls, "max_retries": 0, "timeout_ms": 5000 });
    let sending = Sending::new("select event from in into out;", config);
    sending.send(json!(1));
    let (report, records) = sending.end();
    let [_, delivered, failed, ..] = counts(&report);
    assert_eq!(delivered + failed, 1);
    let records = records.lock().unwrap();
    let said = records.iter().map(|(_, _, message)| message.as_str());
    (delivered, said.collect::<Vec<_>>().join("\n"))
}

#[test]
fn who_is_trusted_gets_through_and_nobody_else() {
    let (own, other) = (Certificate::new(), Certificate::new());
    let served = own.serve(json!({}));
    let (delivered, _) = send(&served, "https", &own.path(), None);
    assert_eq!(delivered, 1);
    let (delivered, said) = send(&served, "https", &other.path(), None);
    assert_eq!(delivered, 0);
    assert!(said.contains("certificate"), "{said}");
    let (delivered, said) = send(&served, "https", &own.path(), Some("example.org"));
    assert_eq!(delivered, 0);
    assert!(said.contains("not valid for name"), "{said}");
    until("the server says so too", || {
        logged(&served.records, "http", "the TLS handshake with 127.0.0.1")
    });
}

#[test]
fn plain_text_and_tls_do_not_meet() {
    let own = Certificate::new();
    let secure = own.serve(json!({}));
    let (delivered, said) = send(&secure, "http", &own.path(), None);
    assert_eq!(delivered, 0, "{said}");
    let plain = serve(ECHO, json!({}));
    let (delivered, said) = send(&plain, "https", &own.path(), None);
    assert_eq!(delivered, 0);
    assert!(said.contains("TLS: "), "{said}");
}

#[test]
fn a_handshake_that_does_not_come_holds_nobody_up() {
    let own = Certificate::new();
    let served = own.serve(json!({ "handshake_timeout_ms": 300 }));
    let mut silent = Client::connect(served.address);
    let (delivered, _) = send(&served, "https", &own.path(), None);
    assert_eq!(delivered, 1);
    assert!(silent.is_ended());
    until("the server says why", || {
        logged(&served.records, "http", "was not done within 300 ms")
    });
}
