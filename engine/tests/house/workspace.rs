//! What the rules are checked against: the workspace as cargo sees it and the files as git tracks them.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    engine
        .parent()
        .expect("the engine lies in the workspace")
        .to_path_buf()
}

/// The text of a file of the repository.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
}

/// The members of the workspace, without what they depend on outside.
pub(crate) fn members() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    metadata.packages
}

/// The whole graph for this platform and the default features, which is what a build has downloaded.
pub(crate) fn graph() -> Metadata {
    graph_with(&[])
}

/// The whole graph for this platform and all features.
pub(crate) fn graph_of_everything() -> Metadata {
    graph_with(&["--all-features"])
}

fn graph_with(options: &[&str]) -> Metadata {
    let triple = host_triple();
    let platform = ["--filter-platform", &triple];
    let options = platform.iter().chain(options).map(|o| o.to_string());
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(options.collect::<Vec<_>>())
        .exec()
        .expect("cargo describes the graph")
}

fn host_triple() -> String {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("rustc prints text");
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.expect("rustc names its host").to_owned()
}

/// The files that git tracks, or would after `git add`, relative to the root.
pub(crate) fn files() -> Vec<String> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .expect("git runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git lists no files: {error}");
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let mut files: Vec<String> = text
        .split_terminator('\0')
        .filter(|path| root().join(path).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files
}

/// The Rust files among them.
pub(crate) fn rust_files() -> Vec<String> {
    let mut files = files();
    files.retain(|path| path.ends_with(".rs"));
    files
}

/// The folder of a crate, relative to the root.
pub(crate) fn folder(package: &Package) -> String {
    let manifest = package.manifest_path.as_std_path();
    let folder = manifest.parent().expect("a manifest lies in a folder");
    let folder = folder.strip_prefix(root()).expect("members lie below root");
    folder.to_string_lossy().into_owned()
}

/// Fails with all findings, one a line.
#[track_caller]
pub(crate) fn none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
