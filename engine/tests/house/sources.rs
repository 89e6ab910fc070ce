//! What a source file may hold, and how long it may be.

use crate::rust::{conditions, tokens, words};
use crate::workspace::{none, read, rust_files};

/// Where hand-written `unsafe` may stand.
const UNSAFE: [&str; 3] = ["pdk/src/abi/", "pdk/src/value/", "registry/src/loader"];

/// Files that hold `unsafe` although they lie elsewhere, each with the reason.
const UNSAFE_ELSEWHERE: [(&str, &str); 0] = [];

/// Where `#[unsafe(link_section = ".temblor")]` may stand: what writes records, and plugins made for tests.
const SECTIONS: [&str; 4] = [
    "pdk/src/register.rs",
    "pdk/src/manifest.rs",
    "registry/tests/plugins/",
    "engine/tests/fixtures/",
];

#[test]
fn unsafe_stands_in_the_abi_the_values_and_the_loader() {
    let mut findings = Vec::new();
    for path in rust_files() {
        let excepted = UNSAFE_ELSEWHERE.iter().any(|(file, _)| *file == path);
        if excepted || UNSAFE.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        let sections = SECTIONS.iter().any(|place| path.starts_with(place));
        for word in words(tokens(&path)) {
            if word.text == "unsafe" && !(sections && word.attribute) {
                findings.push(format!("{path}:{}", word.line));
            }
        }
    }
    none(
        &findings,
        "`unsafe` stands outside the abi, the values and the loader",
    );
}

/// A crate, and where its name may appear.
const NAMED: [(&str, &[&str]); 3] = [
    (
        "abi_stable",
        &["pdk/src/abi/", "pdk/root/", "registry/src/loader"],
    ),
    ("inventory", &["pdk/src/"]),
    ("linkme", &["pdk/src/"]),
];

#[test]
fn abi_stable_and_the_collectors_appear_where_they_belong() {
    let mut findings = Vec::new();
    for path in rust_files() {
        for word in words(tokens(&path)) {
            let fence = NAMED.iter().find(|(name, _)| *name == word.text);
            let outside =
                fence.is_some_and(|(_, places)| !places.iter().any(|p| path.starts_with(p)));
            if outside {
                findings.push(format!("{path}:{}: `{}`", word.line, word.text));
            }
        }
    }
    none(&findings, "these names stand outside their fence");
}

#[test]
fn connectors_do_not_ask_how_they_are_linked() {
    let mut findings = Vec::new();
    let connectors = rust_files().into_iter();
    for path in connectors.filter(|path| path.starts_with("connectors/")) {
        for (line, condition) in conditions(tokens(&path)) {
            let condition = condition.to_string();
            if condition != "test" {
                findings.push(format!("{path}:{line}: `cfg({condition})`"));
            }
        }
        for word in words(tokens(&path)) {
            if ["smol", "async_io", "async_std", "tokio"].contains(&word.text.as_str()) {
                findings.push(format!("{path}:{}: `{}`", word.line, word.text));
            }
        }
    }
    none(
        &findings,
        "a connector has no `cfg` and names no runtime, since it is linked both ways",
    );
}

#[test]
fn every_file_says_what_it_holds() {
    let mut findings = Vec::new();
    for path in rust_files() {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        if first
            .strip_prefix("//! ")
            .is_none_or(|rest| rest.trim().is_empty())
        {
            findings.push(path);
        }
    }
    none(&findings, "these files do not open with a `//!` line");
}

const LINES_MAX: usize = 450;

/// Files that may be longer, each with the reason.
const LONG: [(&str, &str); 0] = [];

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for path in rust_files() {
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        let lines = read(&path).lines().count();
        if !is_test && lines > LINES_MAX && !LONG.iter().any(|(file, _)| *file == path) {
            findings.push(format!("{path}: {lines} lines"));
        }
    }
    none(&findings, "these files hold more than one idea");
}
