//! What each feature needs on the machine is what features.md says, and what nobody asked for is not compiled.

use std::collections::BTreeSet;
use std::process::Command;

use crate::connectors::{Row, folders, manifest, rows};
use crate::workspace::{graph_of_everything, none, root};

/// A crate whose build starts a program beyond Rust's and the C compiler, that program, and its package in Debian.
pub(crate) const TOOLS: [(&str, &str, &str); 4] = [
    // Bindings for C++ are compiled with it, and used by nobody.
    ("rdkafka-sys", "c++", "g++"),
    ("rdkafka-sys", "make", "make"),
    ("openssl-src", "make", "make"),
    ("openssl-src", "perl", "perl"),
];

/// Crates that bind to native code, and need nothing but a C compiler for it, or the tools above.
const NATIVE: [&str; 9] = [
    "liblzma-sys",
    "libmimalloc-sys",
    "libz-sys",
    "openssl-src",
    "openssl-sys",
    "rdkafka-sys",
    "ring",
    "temblor-pdk",
    "zstd-sys",
];

/// The crates that a command of cargo compiles for this platform, without tests.
fn compiled(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree {arguments:?}: {error}");
    let text = String::from_utf8(output.stdout).expect("cargo prints text");
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn librdkafka_is_compiled_only_for_who_asks() {
    let without: [&[&str]; 4] = [
        // The default members of the workspace, which is what `cargo build` builds.
        &[],
        &["--package", "temblor"],
        &["--package", "temblor", "--edges", "normal,build,dev"],
        &["--package", "temblor", "--no-default-features"],
    ];
    for arguments in without {
        let compiled = compiled(arguments);
        assert!(compiled.contains("temblor-pdk"), "{compiled:?}");
        for name in ["rdkafka-sys", "rdkafka", "temblor-connector-kafka"] {
            assert!(!compiled.contains(name), "{arguments:?} compiles `{name}`");
        }
    }
    let with: [&[&str]; 3] = [
        &["--features", "static-kafka"],
        &["--package", "temblor", "--features", "static-kafka"],
        &["--package", "temblor-connector-kafka"],
    ];
    for arguments in with {
        let compiled = compiled(arguments);
        assert!(compiled.contains("rdkafka-sys"), "{arguments:?}");
        assert!(!compiled.contains("openssl-sys"), "{arguments:?}");
    }
}

/// The features of the connectors' own crates, as they are switched on from the engine: `package/feature`.
fn of_connectors() -> BTreeSet<String> {
    let mut features = BTreeSet::new();
    for folder in folders() {
        let manifest = manifest(&format!("connectors/{folder}/Cargo.toml"));
        let Some(table) = manifest.get("features").and_then(|value| value.as_table()) else {
            continue;
        };
        let own = table.keys().filter(|key| *key != "default");
        features.extend(own.map(|key| format!("temblor-connector-{folder}/{key}")));
    }
    features
}

#[test]
fn features_md_lists_every_feature_of_a_connector() {
    let rows = rows("Features of connectors");
    let listed: BTreeSet<String> = rows.iter().map(|row| row.plain(0)).collect();
    assert_eq!(of_connectors(), listed, "features and features.md");
}

/// The tools that the build of a feature starts.
fn tools(feature: &str) -> BTreeSet<&'static str> {
    let mut list = feature.to_owned();
    if let Some((package, _)) = feature.split_once('/') {
        let built_in = package.replace("temblor-connector-", "static-");
        list = format!("{built_in},{feature}");
    }
    let compiled = compiled(&[
        "--package",
        "temblor",
        "--no-default-features",
        "--features",
        &list,
    ]);
    let needed = TOOLS.iter().filter(|(name, ..)| compiled.contains(*name));
    needed.map(|(_, tool, _)| *tool).collect()
}

/// The tools that a cell names, in backticks.
fn named(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The rows of all tables with features: the feature, and the cell that says what it needs.
fn needs() -> Vec<(String, String)> {
    let cell = |row: &Row, name, needs: usize| (row.plain(name), row.cells[needs].clone());
    let connectors = rows("Connectors");
    let own = rows("Features of connectors");
    let others = rows("Other features");
    let connectors = connectors.iter().map(|row| cell(row, 2, 4));
    let others = own.iter().chain(&others).map(|row| cell(row, 0, 2));
    connectors.chain(others).collect()
}

#[test]
fn features_md_names_the_tools_that_each_feature_needs() {
    let mut findings = Vec::new();
    for (feature, needs) in needs() {
        let (tools, named) = (tools(&feature), named(&needs));
        if needs.is_empty() {
            findings.push(format!("`{feature}`: nothing is said, not even `nothing`"));
        }
        if tools.iter().ne(named.iter()) {
            findings.push(format!("`{feature}` needs {tools:?}, not {named:?}"));
        }
        if needs == "nothing" && !tools.is_empty() {
            findings.push(format!("`{feature}` needs {tools:?}"));
        }
    }
    none(&findings, "the cells `needs` of features.md");
}

#[test]
fn features_md_says_what_building_takes_where_it_takes_more() {
    let rows = rows("What building takes");
    let mut findings = Vec::new();
    for (feature, _) in needs() {
        let tools = tools(&feature);
        let row = rows.iter().find(|row| row.plain(0) == feature);
        match row {
            None if tools.is_empty() => {}
            None => findings.push(format!("`{feature}` has no row")),
            Some(row) => {
                let packages = TOOLS.iter().filter(|(_, tool, _)| tools.contains(tool));
                let packages: BTreeSet<&str> = packages.map(|(.., package)| *package).collect();
                let named = named(&row.cells[1]);
                if packages.iter().ne(named.iter()) {
                    findings.push(format!("`{feature}`: packages {packages:?}, not {named:?}"));
                }
                let seconds = row.plain(2);
                if !seconds.chars().any(|c| c.is_ascii_digit()) {
                    findings.push(format!("`{feature}`: `{seconds}` is no time"));
                }
            }
        }
    }
    none(&findings, "the table `What building takes` of features.md");
}

#[test]
fn native_code_is_there_because_somebody_has_looked_at_it() {
    let graph = graph_of_everything();
    let native = graph.packages.iter().filter(|package| {
        let mut built_with = package.dependencies.iter();
        let compiles = built_with.any(|d| ["cc", "cmake", "bindgen"].contains(&d.name.as_str()));
        package.links.is_some() || compiles
    });
    let unknown = native.filter(|package| !NATIVE.contains(&package.name.as_str()));
    let unknown: Vec<String> = unknown.map(|package| package.name.to_string()).collect();
    none(
        &unknown,
        "these crates have native code: see what they need, write it into features.md, and add them here",
    );
}
