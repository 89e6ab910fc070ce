//! Arrows between crates: `engine → registry → pdk ← connectors`, `engine → lang → pdk`, `engine → codecs → pdk`,
//! and `engine → connectors` through optional features only.

use cargo_metadata::{Dependency, DependencyKind, Package};

use crate::workspace::{folder, members, none, read};

/// The workspace crates that a crate may name, `None` for any.
fn allowed(package: &str) -> Option<&'static [&'static str]> {
    match package {
        "temblor-root" => Some(&[]),
        "temblor-pdk" => Some(&["temblor-root"]),
        "temblor" => Some(&[
            "temblor-registry",
            "temblor-lang",
            "temblor-codecs",
            "temblor-pdk",
        ]),
        "temblor-benches" => None,
        // The registry, the language, the codecs, each connector and each fixture.
        _ => Some(&["temblor-pdk"]),
    }
}

#[test]
fn crates_depend_in_the_direction_of_the_design() {
    let members = members();
    let names: Vec<&str> = members.iter().map(|m| m.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &members {
        let inside = package.dependencies.iter();
        for dependency in inside.filter(|d| names.contains(&d.name.as_str())) {
            if !may_depend(package, dependency) {
                findings.push(format!("`{}` → `{}`", package.name, dependency.name));
            }
        }
    }
    none(&findings, "these arrows are not in ARCHITECTURE.md");
}

fn may_depend(package: &Package, dependency: &Dependency) -> bool {
    let Some(allowed) = allowed(&package.name) else {
        return true;
    };
    let connector = dependency.name.starts_with("temblor-connector-");
    let chosen = package.name.as_str() == "temblor" && connector && dependency.optional;
    // A crate may test itself with a feature of its own switched on.
    let itself =
        package.name.as_str() == dependency.name && dependency.kind == DependencyKind::Development;
    allowed.contains(&dependency.name.as_str()) || chosen || itself
}

#[test]
fn nothing_depends_on_the_benches() {
    let members = members();
    let users = members.iter().filter(|package| {
        let mut named = package.dependencies.iter();
        named.any(|d| d.name == "temblor-benches")
    });
    let findings: Vec<String> = users.map(|p| p.name.to_string()).collect();
    none(&findings, "nothing may depend on temblor-benches");
}

/// A crate that only some may name, and who.
const FENCED: [(&str, &[&str]); 3] = [
    (
        "abi_stable",
        &["temblor-root", "temblor-pdk", "temblor-registry"],
    ),
    ("linkme", &["temblor-pdk"]),
    ("inventory", &["temblor-pdk"]),
];

#[test]
fn collectors_and_abi_stable_are_named_by_their_owners_only() {
    let mut findings = Vec::new();
    for package in members() {
        for dependency in &package.dependencies {
            let fence = FENCED.iter().find(|(name, _)| *name == dependency.name);
            if fence.is_some_and(|(_, owners)| !owners.contains(&package.name.as_str())) {
                findings.push(format!("`{}` names `{}`", package.name, dependency.name));
            }
        }
    }
    none(
        &findings,
        "only pdk, and for loading the registry, may name these",
    );
}

/// Runtimes that a connector must not bring along: timers and I/O come from the host.
const RUNTIMES: [&str; 4] = ["async-io", "async-std", "smol", "tokio"];

#[test]
fn connectors_know_pdk_and_no_runtime() {
    let mut findings = Vec::new();
    for package in members() {
        if !folder(&package).starts_with("connectors/") {
            continue;
        }
        for dependency in &package.dependencies {
            if RUNTIMES.contains(&dependency.name.as_str()) {
                findings.push(format!("`{}` names `{}`", package.name, dependency.name));
            }
        }
        let mut normal = package.dependencies.iter();
        if !normal.any(|d| d.name == "temblor-pdk" && d.kind == DependencyKind::Normal) {
            findings.push(format!("`{}` does not use temblor-pdk", package.name));
        }
    }
    none(&findings, "a connector depends on pdk, and on no runtime");
}

#[test]
fn two_contracts_in_one_program_are_a_cargo_error() {
    let members = members();
    let pdk = members.iter().find(|m| m.name.as_str() == "temblor-pdk");
    let links = pdk.and_then(|pdk| pdk.links.as_deref());
    assert_eq!(links, Some("temblor-pdk"));
}

#[test]
fn every_crate_inherits_lints_and_package_keys() {
    let mut findings = Vec::new();
    for package in members() {
        let path = format!("{}/Cargo.toml", folder(&package));
        let manifest: toml::Table = read(&path).parse().expect("a manifest is TOML");
        if !inherits(&manifest, &["lints"]) {
            findings.push(format!("`{path}`: [lints] workspace = true"));
        }
        for key in ["version", "edition", "rust-version", "license"] {
            // Its version is that of the ABI, whatever versions the others have.
            if package.name.as_str() == "temblor-root" && key == "version" {
                assert_eq!(package.version.to_string(), "1.0.0", "epoch 1");
                continue;
            }
            if !inherits(&manifest, &["package", key]) {
                findings.push(format!("`{path}`: {key}.workspace = true"));
            }
        }
    }
    none(&findings, "these lines are missing");
}

/// Whether the key at the path is taken from the workspace.
fn inherits(manifest: &toml::Table, path: &[&str]) -> bool {
    let mut table = Some(manifest);
    for key in path {
        table = table.and_then(|t| t.get(*key)).and_then(|v| v.as_table());
    }
    let workspace = table.and_then(|t| t.get("workspace"));
    workspace.and_then(toml::Value::as_bool) == Some(true)
}
