//! Every example is a valid program, and the program knows what features.md lists.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use crate::connectors::{built_in_by_default, listed};
use crate::workspace::{files, none, root};

fn temblor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("temblor runs")
}

#[test]
fn every_example_passes_the_check() {
    let mut findings = Vec::new();
    for path in files() {
        if !path.starts_with("engine/examples/") || !path.ends_with(".troy") {
            continue;
        }
        let output = temblor(&["check", &path, "-I", "engine/examples/modules"]);
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            findings.push(format!("{path}: {}\n{error}", output.status));
        }
    }
    none(&findings, "these examples do not pass `temblor check`");
}

#[test]
fn a_flow_with_a_misspelt_key_does_not_pass_the_check() {
    let text = std::fs::read_to_string(root().join("engine/examples/quickstart.troy")).unwrap();
    let misspelt = text.replacen("codec", "codecc", 1);
    assert_ne!(text, misspelt, "the example names a codec");
    let file = tempfile::NamedTempFile::with_suffix(".troy").unwrap();
    std::fs::write(file.path(), misspelt).unwrap();
    let output = temblor(&["check", file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("codecc"), "{error}");
}

#[test]
fn the_program_lists_what_features_md_lists() {
    let output = temblor(&["connectors", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let list = list.as_array().expect("a list");
    let connectors = list.iter().filter(|entry| entry["kind"] == "connector");
    let names: BTreeSet<String> = connectors
        .filter_map(|entry| entry["name"].as_str())
        .map(str::to_owned)
        .collect();
    let default = built_in_by_default();
    // A build may choose other features; one with the default features has all of these.
    if cfg!(feature = "default") {
        let missing: Vec<String> = default.difference(&names).cloned().collect();
        none(
            &missing,
            "features.md lists these connectors, the program does not",
        );
    }
    let unknown: Vec<String> = names.difference(&listed()).cloned().collect();
    none(
        &unknown,
        "the program lists these connectors, features.md does not",
    );
}
