//! Real plugins, built by cargo.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The directory `target/debug` (or `release`) that the tests run from.
fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.ancestors().nth(2).unwrap().to_owned()
}

fn cargo(arguments: &[&str]) {
    // Cargo waits for itself, and says so on the terminal.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = profile_dir();
    let mut command = Command::new(env!("CARGO"));
    command
        .arg(arguments[0])
        .arg("--offline")
        .args(&arguments[1..]);
    if dir.ends_with("release") {
        command.arg("--release");
    }
    // The folder of a triple, where one was asked for, is made by cargo again.
    let target = dir.parent().unwrap();
    let triple = std::env::var("CARGO_BUILD_TARGET").unwrap_or_default();
    let target = match !triple.is_empty() && target.ends_with(&triple) {
        true => target.parent().unwrap(),
        false => target,
    };
    command.env("CARGO_TARGET_DIR", target);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    super::run(&mut command);
}

/// Builds one of the plugins in `tests/plugins`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let example = format!("plugin_{name}");
    cargo(&[
        "build",
        "--package",
        "temblor-registry",
        "--example",
        &example,
    ]);
    profile_dir().join(format!("examples/lib{example}.so"))
}

/// Copies a plugin without its debug information, as packagers do; it is a tenth of the size.
pub(crate) fn strip(from: &Path, to: &Path) {
    super::run(
        Command::new("strip")
            .args(["--strip-debug", "-o"])
            .args([to, from]),
    );
}

/// Builds a connector crate as a plugin, as users do.
pub(crate) fn connector(name: &str) -> PathBuf {
    let package = format!("temblor-connector-{name}");
    cargo(&[
        "rustc",
        "--package",
        &package,
        "--lib",
        "--crate-type",
        "cdylib",
    ]);
    profile_dir().join(format!("lib{}.so", package.replace('-', "_")))
}
