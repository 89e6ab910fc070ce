//! What users write into `connectors.toml`, and what they are told about mistakes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use minisign::KeyPair;
use temblor_registry::{Config, MapMode, Prefer, Verify};

const FILE: &str = "conf/connectors.toml";

fn read(text: &str) -> Config {
    Config::parse(text, Path::new(FILE)).unwrap()
}

/// The whole message of a mistake, with its help.
fn check(text: &str, expected: &str) {
    let error = Config::parse(text, Path::new(FILE)).unwrap_err();
    let help = error
        .help()
        .map(|help| format!("\nhelp: {help}"))
        .unwrap_or_default();
    assert_eq!(format!("{error}{help}"), expected);
}

fn key() -> String {
    KeyPair::generate_unencrypted_keypair()
        .unwrap()
        .pk
        .to_base64()
}

#[test]
fn an_empty_file_lists_nothing() {
    let config = read("");
    assert!(config.plugins.is_empty());
    assert_eq!(config.verify, Verify::None);
    assert_eq!(config.map, MapMode::Memfd);
}

#[test]
fn everything_is_read() {
    let sha256 = "ab".repeat(32);
    let config = read(&format!(
        "[defaults]\nverify = 'minisign'\nminisign_key = '{}'\nmap = 'path'\n\
         [[plugin]]\npath = 'plugins/libk.so'\nsha256 = '{sha256}'\nminisign = 'k.sig'\n\
         provides = ['kafka_consumer', 'kafka_producer']\nprefer = 'plugin'\n\
         [[plugin]]\npath = '/opt/libx.so'\n",
        key()
    ));
    assert_eq!(config.verify, Verify::Minisign);
    assert_eq!(config.map, MapMode::Path);
    let [kafka, other] = &config.plugins[..] else {
        panic!("{:?}", config.plugins)
    };
    assert_eq!(kafka.path, Path::new("conf/plugins/libk.so"));
    assert_eq!(kafka.minisign.as_deref(), Some(Path::new("conf/k.sig")));
    assert_eq!(kafka.sha256.unwrap().to_string(), sha256);
    assert_eq!(
        kafka.provides.as_ref().unwrap(),
        &["kafka_consumer", "kafka_producer"]
    );
    assert_eq!(kafka.prefer, Some(Prefer::Plugin));
    assert_eq!((kafka.place.line, kafka.place.column), (6, 8));
    assert_eq!(other.path, Path::new("/opt/libx.so"));
    assert_eq!(other.prefer, None);
}

#[test]
fn one_sha256_asks_for_all() {
    let text = format!("[[plugin]]\npath = 'a.so'\nsha256 = '{}'\n", "0".repeat(64));
    assert_eq!(read(&text).verify, Verify::Sha256);
    assert_eq!(read("[[plugin]]\npath = 'a.so'").verify, Verify::None);
    assert_eq!(
        read(&format!("[defaults]\nverify = 'none'\n{text}")).verify,
        Verify::None
    );
}

#[test]
fn directories_are_searched() {
    let dir = tempfile::tempdir().unwrap();
    let plugins = dir.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    for name in ["b.so", "a.so", "listed.so", ".hidden.so", "note.txt"] {
        fs::write(plugins.join(name), "").unwrap();
    }
    let text = "[defaults]\ndirectories = ['plugins']\n[[plugin]]\npath = './plugins/listed.so'\n";
    let config = Config::parse(text, &dir.path().join("connectors.toml")).unwrap();
    let names: Vec<_> = config
        .plugins
        .iter()
        .map(|plugin| {
            (
                plugin.path.file_name().unwrap().to_str().unwrap(),
                plugin.listed,
            )
        })
        .collect();
    assert_eq!(
        names,
        [("listed.so", true), ("a.so", false), ("b.so", false)]
    );
}

#[test]
fn mistakes_are_named_with_their_place() {
    check(
        "[[plugin]\n",
        "conf/connectors.toml:1:10: unclosed array table, expected `]`",
    );
    check(
        "[default]\n",
        "conf/connectors.toml:1:2: unknown key `default` in the file\n\
         help: did you mean `defaults`?",
    );
    check(
        "# ä\n[defaults]\n  verfy = 'none'\n",
        "conf/connectors.toml:3:3: unknown key `verfy` in `[defaults]`\n\
         help: did you mean `verify`?",
    );
    check(
        "[[plugin]]\npath = 'a.so'\nenabled = true\n",
        "conf/connectors.toml:3:1: unknown key `enabled` in `[[plugin]]`\n\
         help: the keys of `[[plugin]]` are `path`, `sha256`, `minisign`, `provides`, `prefer`",
    );
    check(
        "[defaults]\nverify = 'sha-256'\n",
        "conf/connectors.toml:2:10: `verify` is \"sha-256\"\nhelp: did you mean `sha256`?",
    );
    check(
        "[defaults]\nmap = 'mmap'\n",
        "conf/connectors.toml:2:7: `map` is \"mmap\"\nhelp: it can be `memfd`, `path`",
    );
    check(
        "[[plugin]]\npath = 1\n",
        "conf/connectors.toml:2:8: `path` in `[[plugin]]` takes a string, not a value of type integer",
    );
    check(
        "[[plugin]]\npath = 'a.so'\nprovides = 'x'\n",
        "conf/connectors.toml:3:12: `provides` in `[[plugin]]` takes a list of strings, \
         not a value of type string",
    );
}

#[test]
fn plugins_have_to_be_complete() {
    check(
        "[[plugin]]\nprefer = 'plugin'\n",
        "conf/connectors.toml:1:1: a plugin without `path`\nhelp: add `path = \"…/libNAME.so\"`",
    );
    check(
        "[plugin]\npath = 'a.so'\n",
        "conf/connectors.toml:1:1: `plugin` is a list of tables\n\
         help: write `[[plugin]]` with two brackets, once per plugin",
    );
    check(
        "[[plugin]]\npath = 'a.so'\nsha256 = 'abc'\n",
        "conf/connectors.toml:3:10: `sha256` is not 64 hexadecimal digits\n\
         help: run `temblor plugin lock`, which writes it",
    );
    check(
        "[[plugin]]\npath = 'a.so'\n[[plugin]]\npath = 'a.so'\n",
        "conf/connectors.toml:3:1: `conf/a.so` is listed twice\nhelp: remove it here or in line 2",
    );
}

#[test]
fn signatures_need_a_key() {
    check(
        "[defaults]\nverify = 'minisign'\n",
        "conf/connectors.toml:1:1: `verify = \"minisign\"` needs a key\n\
         help: set `minisign_key` in `[defaults]` to the second line of `minisign.pub`",
    );
    check(
        "[[plugin]]\npath = 'a.so'\nminisign = 'a.sig'\n",
        "conf/connectors.toml:3:12: a signature, and no key to check it with\n\
         help: set `minisign_key` in `[defaults]`",
    );
    check(
        "[defaults]\nminisign_key = 'secret'\n",
        "conf/connectors.toml:2:16: `minisign_key` is not a minisign public key\n\
         help: it is the second line of `minisign.pub`, 56 characters",
    );
}

#[test]
fn a_missing_directory_is_an_error() {
    check(
        "[defaults]\ndirectories = ['plugins']\n",
        "conf/connectors.toml:2:16: directory `conf/plugins` cannot be read: \
         No such file or directory (os error 2)",
    );
    let error = Config::read(Path::new("none/connectors.toml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "none/connectors.toml: cannot be read: No such file or directory (os error 2)"
    );
}
