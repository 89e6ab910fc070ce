//! TLS: who speaks it to whom does not, and certificates that nobody trusts.
//!
//! Listeners are those of the program `openssl`. A build of the connector without TLS skips what needs it, and so does a
//! machine without the program, unless `TEMBLOR_KAFKA_TLS` says that both are there.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use temblor_pdk::serde_json::json;

use crate::contact::connect;
use crate::support::{PATIENCE, unique};

/// A TLS listener with a certificate that it has signed itself.
struct Listener {
    child: Child,
    address: String,
    certificate: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(self.certificate.parent().unwrap_or(Path::new("")));
    }
}

fn must() -> bool {
    std::env::var_os("TEMBLOR_KAFKA_TLS").is_some()
}

fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Listener {
    /// None where there is no program to listen with.
    fn start() -> Option<Listener> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique("tls"));
        std::fs::create_dir_all(&folder).unwrap();
        let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
        let (key, path) = (key.to_str().unwrap(), certificate.to_str().unwrap());
        let made = openssl(&[
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-keyout", key, "-out", path])
        .status();
        if !made.is_ok_and(|status| status.success()) {
            assert!(!must(), "`openssl` makes no certificate");
            eprintln!("skipped: there is no `openssl`");
            return None;
        }
        let address = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().to_string()
        };
        let child = openssl(&["s_server", "-accept", &address, "-key", key, "-cert", path])
            .args(["-quiet", "-www"])
            .spawn()
            .unwrap();
        let listener = Listener {
            child,
            address,
            certificate,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(&listener.address).is_err() {
            assert!(Instant::now() < end, "`openssl` does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(listener)
    }
}

/// What connecting comes to with these options, unless this build has no TLS.
fn secure(brokers: &str, options: &temblor_pdk::serde_json::Value) -> Vec<String> {
    let texts = connect(brokers, options)
        .into_iter()
        .map(|error| error.to_string());
    let (without, with): (Vec<_>, Vec<_>) = texts.partition(|text| text.contains("feature `tls`"));
    assert!(without.is_empty() || !must(), "{without:?}");
    if !without.is_empty() {
        eprintln!("skipped: this build of librdkafka has no TLS");
    }
    with
}

fn all_say(texts: Vec<String>, parts: &[&str]) {
    for text in texts {
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn plain_to_a_tls_listener_is_told() {
    let Some(listener) = Listener::start() else {
        return;
    };
    let errors = connect(&listener.address, &json!({})).into_iter();
    let texts = errors.map(|error| error.to_string());
    all_say(
        texts.collect(),
        &[
            &listener.address,
            "that `security.protocol` in `rdkafka_options` is what it speaks",
        ],
    );
}

#[test]
fn a_certificate_that_nobody_trusts_is_told() {
    let Some(listener) = Listener::start() else {
        return;
    };
    let texts = secure(&listener.address, &json!({"security.protocol": "ssl"}));
    all_say(
        texts,
        &[
            &listener.address,
            "certificate verify failed",
            "`ssl.ca.location`",
        ],
    );
}

#[test]
fn what_is_no_broker_behind_tls_is_told() {
    let Some(listener) = Listener::start() else {
        return;
    };
    let options = json!({
        "security.protocol": "ssl",
        "ssl.ca.location": listener.certificate.to_str().unwrap(),
    });
    let texts = secure(&listener.address, &options);
    all_say(
        texts,
        &[&listener.address, "that a Kafka broker listens there"],
    );
}

#[test]
fn a_file_that_there_is_not_is_named() {
    let options = json!({"security.protocol": "ssl", "ssl.ca.location": "/nowhere/ca.pem"});
    let texts = secure("127.0.0.1:1", &options);
    all_say(texts, &["/nowhere/ca.pem", "help: "]);
}

#[test]
fn a_key_whose_password_is_wrong_shows_no_password() {
    let Some(listener) = Listener::start() else {
        return;
    };
    let options = json!({
        "security.protocol": "ssl",
        "ssl.key.pem": "no key at all",
        "ssl.key.password": "hunter2",
        "ssl.ca.location": listener.certificate.to_str().unwrap(),
    });
    let texts = secure(&listener.address, &options);
    all_say(texts, &["ssl.key.pem", "help: "]);
}
