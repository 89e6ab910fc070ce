//! What is refused before any code of a plugin can run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{ENTRY, PDK, c_library, contract, library, library_with};
use temblor_registry::{Contract, PluginFile, Refusal};

fn refusal(path: &Path) -> Refusal {
    match PluginFile::read(path) {
        Ok(_) => panic!("{} is taken", path.display()),
        Err(refused) => {
            assert_eq!(refused.path, path);
            assert!(!refused.help().is_empty());
            refused.why
        }
    }
}

fn check_refused(content: &[u8], expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.so");
    fs::write(&path, content).unwrap();
    assert_eq!(refusal(&path).to_string(), expected);
}

/// The refusal of a plugin whose records are these.
fn check_records(records: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        refusal(&library(dir.path(), "p", records)).to_string(),
        expected
    );
}

/// Reads a plugin that is right but for what `change` does to it.
fn check_patched(change: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path(), "p", &format!("{PDK}\n{ENTRY}\n"));
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    assert_eq!(refusal(&path).to_string(), expected);
}

/// A plugin whose records are right, read and compared with `host`.
fn check_host(records: &str, host: &Contract, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = PluginFile::read(&library(dir.path(), "p", records)).unwrap();
    let refused = file.check_contract(host).unwrap_err();
    assert_eq!(refused.why.to_string(), expected);
}

#[test]
fn reads_the_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let sections = [
        (
            ".temblor",
            format!("{PDK}\n\0\0\n{{\"record\":\"later\",\"x\":1}}\n\0{ENTRY}\n\0\0\0"),
        ),
        (
            ".temblor.schema",
            r#"{"blaster":{"schema":{"type":"object"},"summary":"s"}}"#.to_owned(),
        ),
    ];
    let sections = sections
        .each_ref()
        .map(|(name, text)| (*name, text.as_str()));
    let path = library_with(dir.path(), "p", &sections, "");
    let file = PluginFile::read(&path).unwrap();
    let manifest = file.manifest();
    assert_eq!(manifest.pdk.target, "x86_64-unknown-linux-gnu");
    assert_eq!(manifest.entries.len(), 1);
    assert_eq!(manifest.entries[0].name, "blaster");
    assert_eq!(manifest.entries[0].crate_name, "temblor-connector-blaster");
    assert_eq!(manifest.entries[0].capabilities, ["source/1", "bytes/1"]);
    assert_eq!(manifest.schemas.as_ref().unwrap()["blaster"].summary, "s");
    assert!(
        manifest
            .needed
            .iter()
            .any(|name| name.starts_with("libc.so"))
    );
    assert_eq!(file.bytes(), fs::read(&path).unwrap());
    file.check_contract(&contract()).unwrap();
}

#[test]
fn schemas_can_come_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path(), "p", &format!("{PDK}\n{ENTRY}"));
    assert_eq!(PluginFile::read(&path).unwrap().manifest().schemas, None);
}

#[test]
fn whatever_is_not_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none.so");
    assert!(matches!(refusal(&missing), Refusal::NotFound));
    assert_eq!(
        refusal(dir.path()).to_string(),
        "it is a directory, not a file"
    );
    let fifo = dir.path().join("fifo.so");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(refusal(&fifo).to_string(), "it is a FIFO, not a file");
    assert_eq!(
        refusal(Path::new("/dev/zero")).to_string(),
        "it is a device, not a file"
    );
    let huge = dir.path().join("huge.so");
    fs::File::create(&huge).unwrap().set_len(2 << 30).unwrap();
    assert!(matches!(refusal(&huge), Refusal::TooLarge { .. }));
}

#[test]
fn whatever_is_not_a_library_is_refused() {
    check_refused(b"", "it is an empty file, not a shared library");
    check_refused(b"hello\n", "it is a text, not a shared library");
    check_refused(b"#!/bin/sh\n", "it is a script, not a shared library");
    check_refused(
        b"!<arch>\nabc",
        "it is an archive (`.a` or `.rlib`), not a shared library",
    );
    check_refused(
        b"\0\x01\x02",
        "it is a file of unknown type, not a shared library",
    );
    check_refused(
        b"MZ\x90\0",
        "it is a Windows library, this host is x86_64 linux",
    );
    check_refused(
        b"\xcf\xfa\xed\xfe",
        "it is a macOS library, this host is x86_64 linux",
    );
    check_refused(
        b"\x7fELF\x02\x01\x01",
        "the file is cut short: the file header ends at byte 64, the file has 7",
    );
}

#[test]
fn programs_and_object_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let code = "int main(void) { return 0; }";
    let build =
        |name, options: &[&str]| refusal(&c_library(dir.path(), name, code, options)).to_string();
    assert_eq!(
        build("pie", &["-pie", "-fPIE"]),
        "it is a program, not a shared library"
    );
    assert_eq!(
        build("fixed", &["-no-pie"]),
        "it is a program, not a shared library"
    );
    assert_eq!(
        build("object", &["-c"]),
        "it is an object file, not a shared library"
    );
}

#[test]
fn other_platforms_are_refused() {
    let host = "this host is x86_64 linux";
    check_patched(|elf| elf[18] = 183, &format!("it is for aarch64, {host}"));
    check_patched(
        |elf| elf[18] = 99,
        &format!("it is for machine number 99, {host}"),
    );
    check_patched(|elf| elf[4] = 1, &format!("it is a 32-bit library, {host}"));
    check_patched(
        |elf| elf[5] = 2,
        &format!("it is a library of the other byte order, {host}"),
    );
    check_patched(
        |elf| elf[7] = 9,
        &format!("it is for operating system number 9, {host}"),
    );
}

#[test]
fn a_real_library_that_is_no_plugin_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = c_library(dir.path(), "plain", "int x;", &["-shared", "-fPIC"]);
    assert!(matches!(refusal(&path), Refusal::NoRecord));
}

#[test]
fn static_thread_local_storage_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let code = "static __thread int x; int *f(void) { return &x; }";
    let options = ["-shared", "-fPIC", "-ftls-model=initial-exec"];
    let path = c_library(dir.path(), "tls", code, &options);
    assert!(matches!(refusal(&path), Refusal::StaticTls));
}

#[test]
fn libraries_from_the_current_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name, option: &str, expected: Option<&str>| {
        let options = ["-shared", "-fPIC", option];
        let why = refusal(&c_library(dir.path(), name, "int x;", &options));
        match (why, expected) {
            (Refusal::SearchPath { path }, Some(expected)) => assert_eq!(path, expected),
            (why, expected) => assert!(expected.is_none(), "{why}"),
        }
    };
    check("relative", "-Wl,-rpath,/opt/lib:lib", Some("lib"));
    check("current", "-Wl,-rpath,.,--disable-new-dtags", Some("."));
    check("beside", "-Wl,-rpath,$ORIGIN/lib:/opt/lib", None);
    let other = c_library(dir.path(), "other", "int y;", &["-shared", "-fPIC"]);
    check("absolute", other.to_str().unwrap(), None);
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path(), "whole", &format!("{PDK}\n{ENTRY}\n"));
    let bytes = fs::read(&path).unwrap();
    let cut = dir.path().join("cut.so");
    for length in (64..bytes.len()).step_by(200).chain([bytes.len() - 1]) {
        fs::write(&cut, &bytes[..length]).unwrap();
        let why = refusal(&cut);
        assert!(matches!(why, Refusal::Truncated { .. }), "{length}: {why}");
    }
    fs::write(&cut, &bytes).unwrap();
    PluginFile::read(&cut).unwrap();
}

/// Whatever the headers say, reading them ends with an answer.
#[test]
fn a_changed_header_is_never_trusted_blindly() {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path(), "whole", &format!("{PDK}\n{ENTRY}\n"));
    let bytes = fs::read(&path).unwrap();
    let count = usize::from(bytes[56]);
    let changed = dir.path().join("changed.so");
    let mut refused = 0;
    for offset in 0..64 + 56 * count {
        let mut copy = bytes.clone();
        copy[offset] ^= 0xff;
        fs::write(&changed, &copy).unwrap();
        refused += usize::from(PluginFile::read(&changed).is_err());
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn bad_records_are_refused() {
    check_records(
        "{\"record\":",
        "section `.temblor`, record 1: EOF while parsing a value at line 1 column 10",
    );
    check_records(
        &format!("{PDK}\n{{\"record\":\"entry\"}}"),
        "section `.temblor`, record 2: missing field `kind` at line 1 column 18",
    );
    check_records(ENTRY, "section `.temblor` has no record of temblor-pdk");
    check_records(PDK, "section `.temblor` registers nothing");
    check_records(
        &format!("{PDK}\n{ENTRY}\n{ENTRY}"),
        "section `.temblor` registers connector `blaster` twice",
    );
    let other = PDK.replace("0.1.0", "0.2.0");
    check_records(
        &format!("{PDK}\n{other}\n{ENTRY}"),
        "section `.temblor` holds the records of two different pdk crates",
    );
    for (name, shown) in [
        ("", r#""""#),
        ("a@b", r#""a@b""#),
        (r"\u001b[2J", r#""\u{1b}[2J""#),
    ] {
        let named = ENTRY.replace("\"blaster\"", &format!("\"{name}\""));
        let expected = format!("section `.temblor` has an entry with the name {shown}");
        check_records(&format!("{PDK}\n{named}"), &expected);
    }
    // Operators are called `module::kind`, and nothing else is.
    for (kind, name) in [
        ("connector", "a::b"),
        ("operator", "a::b::c"),
        ("operator", "::b"),
        ("operator", "a::"),
    ] {
        let named = ENTRY
            .replace("\"blaster\"", &format!("\"{name}\""))
            .replace("\"connector\"", &format!("\"{kind}\""));
        let expected = format!("section `.temblor` has an entry with the name {name:?}");
        check_records(&format!("{PDK}\n{named}"), &expected);
    }
}

#[test]
fn a_bad_schema_section_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let records = format!("{PDK}\n{ENTRY}");
    let sections = [
        (".temblor", records.as_str()),
        (".temblor.schema", "[]\0\n"),
    ];
    let why = refusal(&library_with(dir.path(), "p", &sections, ""));
    assert!(
        why.to_string()
            .starts_with("section `.temblor.schema`, record 1: invalid type"),
        "{why}"
    );
}

#[test]
fn plugins_of_other_hosts_are_refused() {
    let records = format!("{PDK}\n{ENTRY}");
    for epoch in ["0", "2"] {
        check_host(
            &records.replace("\"epoch\":1", &format!("\"epoch\":{epoch}")),
            &contract(),
            &format!(
                "it was built with temblor-pdk 0.1.0 for plugin contract epoch {epoch}, this host has epoch 1"
            ),
        );
    }
    check_host(
        &records,
        &Contract {
            target: "x86_64-unknown-linux-musl".to_owned(),
            ..contract()
        },
        "it was built for x86_64-unknown-linux-gnu, this host for x86_64-unknown-linux-musl",
    );
    check_host(
        &records,
        &Contract {
            layout: "f".repeat(16),
            ..contract()
        },
        "its layout fingerprint is 0123456789abcdef, epoch 1 has ffffffffffffffff: its temblor-pdk 0.1.0 is no \
         released one",
    );
    check_host(
        &records.replace("unwind", "abort"),
        &contract(),
        "crate `temblor-connector-blaster` was built with panic = \"abort\"",
    );
}

#[test]
fn versions_of_pdk_and_compiler_are_not_compared() {
    let dir = tempfile::tempdir().unwrap();
    let pdk = PDK
        .replace("\"pdk\":\"0.1.0\"", "\"pdk\":\"7.3.1\"")
        .replace("rustc 1.95.0", "rustc 9.9.9");
    let path = library(dir.path(), "p", &format!("{pdk}\n{ENTRY}\n"));
    let file = PluginFile::read(&path).unwrap();
    assert_eq!(file.manifest().pdk.pdk, "7.3.1");
    file.check_contract(&contract()).unwrap();
}

#[test]
fn what_is_newer_than_this_program_is_told_from_what_it_can_do_without() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |kind: &str, name: &str, capabilities: &str| {
        ENTRY
            .replace("\"connector\"", &format!("\"{kind}\""))
            .replace("\"blaster\"", &format!("\"{name}\""))
            .replace("\"source/1\",\"bytes/1\"", capabilities)
    };
    let records = [
        entry("connector", "a", "\"source.bytes/1\",\"source.dreams/4\""),
        entry("connector", "b", "\"source.bytes/2\""),
        entry("telepath", "c::d", ""),
    ];
    let text = format!("{PDK}\n{}\n", records.join("\n"));
    let file = PluginFile::read(&library(dir.path(), "p", &text)).unwrap();
    file.check_contract(&contract()).unwrap();
    let [a, b, c] = &file.manifest().entries[..] else {
        panic!("{:?}", file.manifest().entries)
    };
    assert_eq!(a.left_out(), None);
    assert_eq!(a.passed_over().collect::<Vec<_>>(), ["source.dreams/4"]);
    assert_eq!(
        b.left_out().as_deref(),
        Some("it has `source.bytes/2`, this program knows `source.bytes/1`: use a newer temblor")
    );
    assert_eq!(
        c.left_out().as_deref(),
        Some("this program knows no telepath: use a newer temblor")
    );
}
