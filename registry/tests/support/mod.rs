//! Small shared libraries, built with the compiler that builds the tests.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

pub(crate) mod build;
pub(crate) mod host;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use temblor_registry::Contract;

/// A pdk record that suits [`contract`].
pub(crate) const PDK: &str = r#"{"record":"pdk","epoch":1,"pdk":"0.1.0","layout":"0123456789abcdef","target":"x86_64-unknown-linux-gnu","rustc":"rustc 1.95.0"}"#;

/// An entry record.
pub(crate) const ENTRY: &str = r#"{"record":"entry","kind":"connector","name":"blaster","version":"0.1.0","crate":"temblor-connector-blaster","panic":"unwind","capabilities":["source/1","bytes/1"]}"#;

/// The host that [`PDK`] was made for.
pub(crate) fn contract() -> Contract {
    Contract {
        epoch: 1,
        pdk: "0.1.0".to_owned(),
        layout: "0123456789abcdef".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
    }
}

/// Builds a library with these records in section `.temblor`.
pub(crate) fn library(dir: &Path, name: &str, records: &str) -> PathBuf {
    library_with(dir, name, &[(".temblor", records)], "")
}

/// Builds a library with these sections and this further code.
pub(crate) fn library_with(
    dir: &Path,
    name: &str,
    sections: &[(&str, &str)],
    code: &str,
) -> PathBuf {
    let mut source = code.to_owned();
    for (index, (section, text)) in sections.iter().enumerate() {
        source += &format!(
            "#[used] #[unsafe(link_section = {section:?})] static S{index}: [u8; {}] = *b{text:?};\n",
            text.len(),
        );
    }
    let file = dir.join(format!("{name}.rs"));
    fs::write(&file, source).unwrap();
    let library = dir.join(format!("lib{name}.so"));
    run(Command::new("rustc")
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "-Cstrip=symbols",
            "-Copt-level=1",
        ])
        .arg("-o")
        .arg(&library)
        .arg(&file));
    library
}

/// Builds a library from C.
pub(crate) fn c_library(dir: &Path, name: &str, code: &str, options: &[&str]) -> PathBuf {
    let file = dir.join(format!("{name}.c"));
    fs::write(&file, code).unwrap();
    let library = dir.join(format!("lib{name}.so"));
    run(Command::new("cc")
        .args(options)
        .arg("-o")
        .arg(&library)
        .arg(&file));
    library
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
