//! Adding a connector is a folder and one line in each of a few lists; these lists agree.

use std::collections::BTreeSet;

use crate::workspace::{none, read, root};

/// The names of the folders under `connectors/`.
pub(crate) fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("connectors")).expect("connectors/ is there");
    let entries = entries.map(|entry| entry.expect("a folder's entry").path());
    let folders = entries.filter(|path| path.join("Cargo.toml").is_file());
    let names = folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    names.collect()
}

pub(crate) fn manifest(path: &str) -> toml::Table {
    read(path).parse().expect("a manifest is TOML")
}

/// The keys of a table that start with a prefix, without it.
fn keys(table: &toml::Value, prefix: &str) -> BTreeSet<String> {
    let table = table.as_table().expect("a table");
    let keys = table.keys().filter_map(|key| key.strip_prefix(prefix));
    keys.map(str::to_owned).collect()
}

#[test]
fn connectors_are_members_of_the_workspace() {
    let workspace = &manifest("Cargo.toml")["workspace"];
    let members = workspace["members"].as_array().expect("a list");
    let members = members.iter().filter_map(|member| member.as_str());
    let members: BTreeSet<String> = members
        .filter_map(|member| member.strip_prefix("connectors/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(folders(), members, "folders and `members` of Cargo.toml");
}

#[test]
fn each_connector_has_a_feature_of_the_engine() {
    let engine = manifest("engine/Cargo.toml");
    let features = keys(&engine["features"], "static-");
    assert_eq!(folders(), features, "folders and features of the engine");
    let mut findings = Vec::new();
    for name in folders() {
        let expected = toml::Value::from(vec![format!("dep:temblor-connector-{name}")]);
        let feature = &engine["features"][&format!("static-{name}")];
        if *feature != expected {
            findings.push(format!("static-{name} = {expected}, not {feature}"));
        }
    }
    none(
        &findings,
        "a connector's feature does nothing but build it in",
    );
}

#[test]
fn each_connector_is_in_the_built_in_list_once() {
    let text = read("engine/src/builtin.rs");
    let mut listed = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, _)) = line
            .strip_prefix("\"static-")
            .and_then(|l| l.split_once('"'))
        {
            let path = name.replace('-', "_");
            let starts = format!(
                "\"static-{name}\", \"temblor-connector-{name}\", temblor_connector_{path}: \""
            );
            assert!(
                line.starts_with(&starts),
                "`{line}` does not start with `{starts}`"
            );
            listed.push(name.to_owned());
        }
    }
    listed.sort();
    let folders: Vec<String> = folders().into_iter().collect();
    assert_eq!(folders, listed, "folders and engine/src/builtin.rs");
}

/// A row of a table in features.md.
pub(crate) struct Row {
    pub(crate) cells: Vec<String>,
}

impl Row {
    /// The text of a cell without its backticks.
    pub(crate) fn plain(&self, cell: usize) -> String {
        self.cells[cell].replace('`', "")
    }
}

/// The rows of the table below a heading of features.md.
pub(crate) fn rows(heading: &str) -> Vec<Row> {
    let text = read("features.md");
    let mut sections = text.split("\n## ");
    let section = sections.find(|section| section.lines().next() == Some(heading));
    let section = section.unwrap_or_else(|| panic!("features.md has no section `{heading}`"));
    let table = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows = table.map(|line| Row {
        cells: line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect(),
    });
    rows.collect()
}

#[test]
fn features_md_lists_every_connector_as_the_code_has_it() {
    let engine = manifest("engine/Cargo.toml");
    let default = &engine["features"]["default"];
    let default: Vec<&str> = default
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|feature| feature.as_str())
        .collect();
    let mut listed = BTreeSet::new();
    for row in rows("Connectors") {
        let package = row.plain(1);
        let name = package
            .strip_prefix("temblor-connector-")
            .unwrap_or_default();
        let feature = format!("static-{name}");
        let built_in = default.contains(&feature.as_str());
        assert_eq!(row.plain(2), feature, "the feature of `{package}`");
        let expected = if built_in { "yes" } else { "no" };
        assert_eq!(row.plain(3), expected, "`{package}` built in by default");
        assert!(!row.plain(4).is_empty(), "what `{package}` needs");
        let file = format!("lib{}.so", package.replace('-', "_"));
        assert_eq!(row.plain(5), file, "the plugin file of `{package}`");
        listed.insert(name.to_owned());
    }
    assert_eq!(folders(), listed, "folders and features.md");
}

#[test]
fn features_md_lists_every_other_feature_of_the_engine() {
    let engine = manifest("engine/Cargo.toml");
    let features = engine["features"].as_table().expect("a table");
    let others = features
        .keys()
        .filter(|key| !key.starts_with("static-") && *key != "default");
    let others: BTreeSet<String> = others.cloned().collect();
    let listed: BTreeSet<String> = rows("Other features").iter().map(|r| r.plain(0)).collect();
    assert_eq!(others, listed, "features of the engine and features.md");
}

/// The names of all connectors in features.md.
pub(crate) fn listed() -> BTreeSet<String> {
    rows("Connectors").iter().map(|row| row.plain(0)).collect()
}

/// The names of those that are built in by default.
pub(crate) fn built_in_by_default() -> BTreeSet<String> {
    let rows = rows("Connectors");
    let rows = rows.iter().filter(|row| row.plain(3) == "yes");
    rows.map(|row| row.plain(0)).collect()
}
