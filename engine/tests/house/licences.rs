//! The dependency tree against `deny.toml`: licences and sources. cargo-deny checks the same and doubled versions;
//! this needs nothing but cargo.

use std::collections::BTreeMap;

use crate::workspace::{graph, none, read, root};

/// What `deny.toml` allows.
struct Policy {
    licences: Vec<String>,
    exceptions: BTreeMap<String, Vec<String>>,
    registries: Vec<String>,
}

fn policy() -> Policy {
    let file: toml::Table = read("deny.toml").parse().expect("deny.toml is TOML");
    let exceptions = file["licenses"]["exceptions"].as_array().expect("a list");
    let exceptions = exceptions.iter().map(|exception| {
        let name = exception["crate"].as_str().expect("a crate's name");
        (name.to_owned(), strings(&exception["allow"]))
    });
    Policy {
        licences: strings(&file["licenses"]["allow"]),
        exceptions: exceptions.collect(),
        registries: strings(&file["sources"]["allow-registry"]),
    }
}

fn strings(list: &toml::Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|item| item.as_str().expect("a string").to_owned())
        .collect()
}

#[test]
fn every_crate_has_an_allowed_licence() {
    let policy = policy();
    let mut findings = Vec::new();
    for package in graph().packages {
        let mut allowed = policy.licences.clone();
        let exception = policy.exceptions.get(package.name.as_str());
        allowed.extend(exception.into_iter().flatten().cloned());
        let expression = package.license.clone().unwrap_or_default();
        if !permits(&expression, &allowed) {
            findings.push(format!("`{}`: `{expression}`", package.name));
        }
    }
    none(&findings, "deny.toml does not allow these licences");
}

#[test]
fn every_crate_comes_from_an_allowed_source() {
    let policy = policy();
    let mut findings = Vec::new();
    for package in graph().packages {
        let Some(source) = package.source.as_ref().map(|source| source.repr.clone()) else {
            continue;
        };
        let registry = source.strip_prefix("registry+").unwrap_or(&source);
        if !policy.registries.iter().any(|allowed| allowed == registry) {
            findings.push(format!("`{}` from `{source}`", package.name));
        }
    }
    none(&findings, "deny.toml does not allow these sources");
}

#[test]
fn both_licence_texts_are_here() {
    let apache = read("LICENSE-APACHE");
    assert!(apache.contains("Version 2.0, January 2004"));
    assert!(apache.contains("END OF TERMS AND CONDITIONS"));
    let mit = read("LICENSE-MIT");
    assert!(mit.starts_with("Copyright (c) 2026 The Temblor developers"));
    assert!(root().join("Cargo.lock").is_file());
}

/// Whether an SPDX expression can be met with the allowed licences: some alternative has all its parts allowed.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ");
    let spaced = spaced.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut result = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        result |= all(words, allowed);
    }
    result
}

fn all(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut result = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed);
    }
    result
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let result = any(words, allowed);
        return words.next() == Some(")") && result;
    }
    let mut name = words.next().unwrap_or_default().to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", words.next().unwrap_or_default());
    }
    allowed.contains(&name)
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "Unicode-3.0"].map(str::to_owned);
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "Apache-2.0/MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
    ] {
        assert!(permits(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT WITH Something",
        "MIT Apache-2.0",
    ] {
        assert!(!permits(bad, &allowed), "{bad}");
    }
}
