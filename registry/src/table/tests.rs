//! Looking up, duplicates and the list, without any real plugin.

use std::path::PathBuf;

use super::*;
use crate::refusal::Refusal;

fn built_in(table: &mut Table<&'static str>, name: &str, entry: &'static str) {
    let provider = Provider::Builtin {
        crate_name: format!("temblor-connector-{name}"),
        feature: None,
        collector: "linkme".to_owned(),
    };
    add(table, name, provider, None, entry);
}

fn plugin(
    table: &mut Table<&'static str>,
    name: &str,
    path: &str,
    prefer: Option<Prefer>,
    entry: &'static str,
) {
    add(table, name, plugin_at(path), prefer, entry);
}

fn plugin_at(path: &str) -> Provider {
    Provider::Plugin {
        path: PathBuf::from(path),
        sha256: None,
        pdk: None,
        version: None,
    }
}

fn add(
    table: &mut Table<&'static str>,
    name: &str,
    provider: Provider,
    prefer: Option<Prefer>,
    entry: &'static str,
) {
    let (name, version) = (name.to_owned(), "0.1.0".to_owned());
    table.add(Row {
        kind: Kind::Connector,
        name,
        version,
        provider,
        prefer,
        entry,
    });
}

fn find(table: &Table<&'static str>, selector: &str) -> (&'static str, LinkMode) {
    let (row, mode) = table.find(Kind::Connector, selector).unwrap();
    (row.entry, mode)
}

fn check_error(error: RegistryError, expected: &str) {
    assert_eq!(format!("{error}\nhelp: {}", error.help()), expected);
}

fn check_missing(table: &Table<&'static str>, selector: &str, expected: &str) {
    check_error(table.find(Kind::Connector, selector).unwrap_err(), expected);
}

/// Name, status and reason of every row.
fn statuses(table: &Table<&'static str>) -> Vec<(String, Status, String)> {
    let row = |row: Listing| {
        (
            row.name.unwrap_or_default(),
            row.status,
            row.reason.unwrap_or_default(),
        )
    };
    table.listing().into_iter().map(row).collect()
}

#[test]
fn names_are_found_on_either_side() {
    let mut table = Table::new();
    built_in(&mut table, "file", "built in");
    plugin(&mut table, "kafka", "k.so", None, "loaded");
    assert_eq!(find(&table, "file"), ("built in", LinkMode::Native));
    assert_eq!(find(&table, "file@builtin"), ("built in", LinkMode::Native));
    assert_eq!(find(&table, "kafka"), ("loaded", LinkMode::Dylib));
    table.link("file", LinkMode::Abi);
    assert_eq!(find(&table, "file"), ("built in", LinkMode::Abi));
    table.check(&[]).unwrap();
}

#[test]
fn unknown_names_come_with_help() {
    let mut table = Table::new();
    check_missing(
        &table,
        "file",
        "there is no connector `file`\n\
         help: this program has no connector at all; build it with one, or list a plugin in \
         connectors.toml",
    );
    built_in(&mut table, "file", "");
    built_in(&mut table, "metronome", "");
    let unknown = "there is no connector `fiel`\nhelp: did you mean `file`?";
    check_missing(&table, "fiel", unknown);
    check_missing(&table, "fiel@plugin", unknown);
    check_missing(
        &table,
        "kafka",
        "there is no connector `kafka`\nhelp: there are `file`, `metronome`",
    );
    check_missing(
        &table,
        "file@native",
        "`native` in `file@native` is neither `plugin` nor `builtin`\n\
         help: write `file@plugin` or `file@builtin`",
    );
    check_missing(
        &table,
        "file@plugin",
        "connector `file` is not available as plugin\n\
         help: list a plugin that has it in connectors.toml",
    );
}

#[test]
fn kinds_do_not_get_in_each_others_way() {
    let mut table = Table::new();
    built_in(&mut table, "json", "");
    assert!(table.find(Kind::Codec, "json").is_err());
}

#[test]
fn duplicates_name_both_and_can_be_settled() {
    let mut table = Table::new();
    built_in(&mut table, "file", "built in");
    plugin(&mut table, "file", "f.so", None, "loaded");
    let duplicate = "connector `file` comes from built-in crate `temblor-connector-file` and from \
                     plugin `f.so`\n\
                     help: set `prefer = \"plugin\"` or `\"builtin\"` in connectors.toml, or write \
                     `file@plugin` or `file@builtin`";
    check_missing(&table, "file", duplicate);
    check_error(table.check(&["other"]).unwrap_err(), duplicate);
    assert_eq!(statuses(&table)[0].1, Status::Duplicate);
    assert_eq!(statuses(&table)[0].2, "also from plugin `f.so`");

    table.check(&["file@plugin"]).unwrap();
    assert_eq!(find(&table, "file@plugin"), ("loaded", LinkMode::Dylib));
    assert_eq!(find(&table, "file@builtin"), ("built in", LinkMode::Native));

    table.link("file", LinkMode::Dylib);
    table.check(&[]).unwrap();
    assert_eq!(find(&table, "file"), ("loaded", LinkMode::Dylib));
    assert_eq!(find(&table, "file@builtin"), ("built in", LinkMode::Native));
}

#[test]
fn a_preference_shadows_the_other() {
    let mut table = Table::new();
    built_in(&mut table, "file", "built in");
    plugin(&mut table, "file", "f.so", Some(Prefer::Plugin), "loaded");
    assert_eq!(find(&table, "file"), ("loaded", LinkMode::Dylib));
    assert_eq!(find(&table, "file@builtin"), ("built in", LinkMode::Native));
    let shadowed = (
        "file".to_owned(),
        Status::Shadowed,
        "by plugin `f.so`".to_owned(),
    );
    assert_eq!(
        statuses(&table),
        [shadowed, ("file".to_owned(), Status::Ok, String::new())]
    );
}

#[test]
fn two_plugins_of_one_name_are_a_duplicate() {
    let mut table = Table::new();
    plugin(&mut table, "file", "a.so", None, "a");
    plugin(&mut table, "file", "b.so", None, "b");
    check_missing(
        &table,
        "file@plugin",
        "connector `file` comes from plugin `a.so` and from plugin `b.so`\n\
         help: remove one of them; two plugins are settled by `prefer = \"plugin\"` at one \
         `[[plugin]]`",
    );
}

#[test]
fn link_modes_that_cannot_be_had_are_errors() {
    let mut table = Table::new();
    built_in(&mut table, "file", "");
    table.link("file", LinkMode::Dylib);
    check_error(
        table.check(&[]).unwrap_err(),
        "connector `file` is not available as plugin\n\
         help: list a plugin that has it in connectors.toml",
    );
    assert_eq!(statuses(&table)[0].1, Status::Ok);
    let mut table = Table::new();
    plugin(&mut table, "file", "f.so", None, "");
    table.link("flie", LinkMode::Dylib);
    check_error(
        table.check(&[]).unwrap_err(),
        "a link mode is set for `flie`, and there is no such entry\nhelp: did you mean `file`?",
    );
}

#[test]
fn refused_plugins_stay_visible() {
    let mut table: Table<&'static str> = Table::new();
    let refused = Refused {
        path: PathBuf::from("k.so"),
        why: Refusal::StaticTls,
    };
    let record =
        r#"{"kind":"connector","name":"kafka","version":"2.0.0","crate":"c","panic":"unwind"}"#;
    let pdk = r#"{"epoch":1,"pdk":"0.1.0","layout":"","target":""}"#;
    let manifest = Manifest {
        pdk: serde_json::from_str(pdk).unwrap(),
        entries: vec![serde_json::from_str(record).unwrap()],
        schemas: None,
        needed: Vec::new(),
    };
    table.add_refused(RefusedPlugin {
        refused,
        provider: plugin_at("k.so"),
        manifest: Some(manifest),
    });
    check_missing(
        &table,
        "kafka",
        "there is no connector `kafka`\n\
         help: plugin `k.so` is refused: it needs static thread-local storage (DF_STATIC_TLS)",
    );
    let listing = table.listing();
    assert_eq!(
        serde_json::to_value(&listing[0]).unwrap(),
        serde_json::json!({
            "name": "kafka", "kind": "connector", "version": "2.0.0",
            "provider": {
                "type": "plugin", "path": "k.so", "sha256": null, "pdk": null, "version": null
            },
            "status": "refused",
            "reason": "it needs static thread-local storage (DF_STATIC_TLS)",
            "path": "k.so",
        })
    );
}
