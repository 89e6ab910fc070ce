//! Locking, digests and signatures of plugin files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use minisign::KeyPair;
use support::{ENTRY, PDK, library};
use temblor_registry::{Config, PluginFile, lock};

/// Reads and verifies the first plugin of a configuration; the message of the refusal, or `ok`.
fn outcome(toml: &Path) -> String {
    let config = Config::read(toml).unwrap();
    let plugin = &config.plugins[0];
    let file = PluginFile::read(&plugin.path).unwrap();
    match config.verify(plugin, &file) {
        Ok(()) => "ok".to_owned(),
        Err(refused) => format!("{}; {}", refused.why, refused.help()),
    }
}

fn plugin(dir: &Path) {
    library(dir, "p", &format!("{PDK}\n{ENTRY}\n"));
}

/// Changes the plugin, which stays a valid one.
fn change(dir: &Path) {
    library(dir, "p", &format!("{PDK}\n{ENTRY}\n\n"));
}

#[test]
fn lock_writes_digests_and_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    plugin(dir.path());
    let toml = dir.path().join("connectors.toml");
    let text = "# ours\n[defaults]\nverify = \"sha256\" # strict\ndirectories = [\".\"]\n\n\
                # the plugin\n[[plugin]]\npath = \"libp.so\" # here\n# the end\n";
    fs::write(&toml, text).unwrap();
    fs::copy(dir.path().join("libp.so"), dir.path().join("other.so")).unwrap();
    assert_eq!(
        outcome(&toml),
        "no sha256 is configured for it, and `verify = \"sha256\"` demands one; \
         run `temblor plugin lock`"
    );

    let report = lock(&toml).unwrap();
    let digest = report.locked[0].sha256;
    assert_eq!(report.locked[0].before, None);
    assert_eq!(report.unlisted, [dir.path().join("./other.so")]);
    let line = format!("path = \"libp.so\" # here\nsha256 = \"{digest}\"\n");
    let expected = text.replace("path = \"libp.so\" # here\n", &line);
    assert_eq!(fs::read_to_string(&toml).unwrap(), expected);
    assert_eq!(outcome(&toml), "ok");

    let report = lock(&toml).unwrap();
    assert_eq!(report.locked[0].before, Some(digest));
    assert_eq!(fs::read_to_string(&toml).unwrap(), expected);
}

#[test]
fn a_changed_plugin_is_refused_until_it_is_locked_again() {
    let dir = tempfile::tempdir().unwrap();
    plugin(dir.path());
    let toml = dir.path().join("connectors.toml");
    fs::write(&toml, "plugin = [\n  { path = \"libp.so\" }, # one\n]\n").unwrap();
    lock(&toml).unwrap();
    assert_eq!(outcome(&toml), "ok");
    change(dir.path());
    assert!(
        outcome(&toml).starts_with("its sha256 is "),
        "{}",
        outcome(&toml)
    );
    lock(&toml).unwrap();
    assert_eq!(outcome(&toml), "ok");
    assert!(
        fs::read_to_string(&toml)
            .unwrap()
            .ends_with(" }, # one\n]\n")
    );
}

#[test]
fn nothing_is_locked_if_a_plugin_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    plugin(dir.path());
    fs::write(dir.path().join("bad.so"), "text").unwrap();
    let toml = dir.path().join("connectors.toml");
    let text = "[[plugin]]\npath = 'libp.so'\n[[plugin]]\npath = 'bad.so'\n";
    fs::write(&toml, text).unwrap();
    let error = lock(&toml).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("bad.so` is refused: it is a text, not a shared library")
    );
    assert_eq!(fs::read_to_string(&toml).unwrap(), text);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn plugins_in_directories_have_to_be_listed_to_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    plugin(dir.path());
    let toml = dir.path().join("connectors.toml");
    fs::write(
        &toml,
        "[defaults]\nverify = 'sha256'\ndirectories = ['.']\n",
    )
    .unwrap();
    assert!(
        outcome(&toml)
            .ends_with("list it as `[[plugin]]` in connectors.toml and run `temblor plugin lock`")
    );
}

#[test]
fn signatures_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    plugin(dir.path());
    let library = dir.path().join("libp.so");
    let toml = dir.path().join("connectors.toml");
    let signature = dir.path().join("libp.so.minisig");
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    let config = format!(
        "[defaults]\nverify = 'minisign'\nminisign_key = '{}'\n[[plugin]]\npath = 'libp.so'\n",
        pair.pk.to_base64()
    );
    fs::write(&toml, config).unwrap();
    let sign = |pair: &KeyPair| {
        let bytes = Cursor::new(fs::read(&library).unwrap());
        let signed = minisign::sign(Some(&pair.pk), &pair.sk, bytes, None, None).unwrap();
        fs::write(&signature, signed.into_string()).unwrap();
    };

    assert!(
        outcome(&toml).contains("cannot be read: No such file"),
        "{}",
        outcome(&toml)
    );
    sign(&pair);
    assert_eq!(outcome(&toml), "ok");
    change(dir.path());
    assert!(
        outcome(&toml).contains("it was made for other bytes"),
        "{}",
        outcome(&toml)
    );
    sign(&KeyPair::generate_unencrypted_keypair().unwrap());
    assert!(
        outcome(&toml).contains("it was made with another key"),
        "{}",
        outcome(&toml)
    );
    fs::write(&signature, "nonsense").unwrap();
    assert!(
        outcome(&toml).contains("it is not a minisign signature"),
        "{}",
        outcome(&toml)
    );
}
