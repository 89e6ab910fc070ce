//! What `packaging` ships fits the program: units of systemd, and the Dockerfile.

use std::process::Command;

use crate::connectors::manifest;
use crate::features::TOOLS;
use crate::workspace::read;

const ONE: &str = "packaging/temblor.service";
const SEVERAL: &str = "packaging/temblor@.service";
/// How long the connector that takes longest may take to leave after a drain: `kafka_consumer`.
const FAREWELL: u64 = 10;

/// The value of a key of a unit.
#[track_caller]
fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    let lines = unit.lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.next().unwrap_or_else(|| panic!("no `{key}=`"))
}

/// The option behind a name on the command line.
#[track_caller]
fn option<'a>(unit: &'a str, name: &str) -> &'a str {
    let (_, rest) = unit.split_once(name).expect("the option is given");
    rest.split_whitespace().next().expect("it has a value")
}

#[test]
fn a_stop_leaves_time_to_drain_and_to_leave() {
    for path in [ONE, SEVERAL] {
        let unit = read(path);
        let drain: u64 = option(&unit, "--drain-timeout").parse().expect("seconds");
        let stop: u64 = value(&unit, "TimeoutStopSec").parse().expect("seconds");
        assert!(stop > drain + FAREWELL, "{path}: {drain}, {stop}");
    }
}

#[test]
fn the_units_differ_in_what_each_process_has_for_itself() {
    let settings = |path: &str| -> Vec<String> {
        let unit = read(path);
        let settings = unit.lines().filter(|line| !line.starts_with('#'));
        settings.map(str::to_owned).collect()
    };
    let (one, several) = (settings(ONE), settings(SEVERAL));
    assert_eq!(one.len(), several.len(), "lines");
    for (one, several) in one.iter().zip(&several) {
        assert!(one == several || several.contains("%i"), "{one}: {several}");
    }
    for key in ["StateDirectory", "WorkingDirectory", "Description"] {
        assert!(value(&read(SEVERAL), key).contains("%i"), "{key}");
    }
    assert!(option(&read(SEVERAL), "--metrics").contains("%i"));
}

#[test]
fn a_wrong_flow_is_not_started_again_and_everything_else_is() {
    let wrong = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(["run", "/nowhere/flow.troy"])
        .output()
        .expect("temblor runs");
    let code = wrong.status.code().expect("a code").to_string();
    for path in [ONE, SEVERAL] {
        let unit = read(path);
        assert_eq!(value(&unit, "Restart"), "on-failure");
        assert_eq!(value(&unit, "RestartPreventExitStatus"), code);
    }
}

#[test]
fn systemd_takes_the_units() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut files = Vec::new();
    for (path, name) in [(ONE, "temblor.service"), (SEVERAL, "temblor@1.service")] {
        // The program need not be where the units look for it.
        let unit = read(path).replace("/usr/local/bin/temblor", env!("CARGO_BIN_EXE_temblor"));
        let file = folder.path().join(name);
        std::fs::write(&file, unit).expect("a file is written");
        files.push(file);
    }
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .args(files)
        .output();
    let Ok(output) = verified else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    // Other units of the machine may be wrong: what is said of ours counts.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("temblor"))
        .collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn the_image_is_built_with_what_its_features_need() {
    let text = read("packaging/Dockerfile");
    let (build, run) = text.split_once("\nFROM debian:").expect("two stages");
    let (_, build) = build
        .split_once("\nFROM rust:")
        .expect("a stage that builds");
    let version = &manifest("Cargo.toml")["workspace"]["package"]["rust-version"];
    let version = version.as_str().expect("a version");
    assert!(
        build.starts_with(&format!("{version}-slim-bookworm ")),
        "{build}"
    );
    assert!(run.starts_with("bookworm-slim\n"), "one Debian: {run}");
    assert!(
        build.contains("static-kafka,temblor-connector-kafka/tls"),
        "{build}"
    );
    let install = build.lines().find(|line| line.contains("apt-get install"));
    let installed: Vec<&str> = install.expect("packages").split(' ').collect();
    for (_, tool, package) in TOOLS {
        assert!(installed.contains(&package), "`{package}`, for `{tool}`");
    }
}
