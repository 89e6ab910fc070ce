//! `temblor connectors`: what there is, and what is refused.

use serde_json::Value;

use crate::Place;

fn entry<'l>(list: &'l Value, kind: &str, name: &str) -> &'l Value {
    let list = list.as_array().expect("a list");
    let found = list
        .iter()
        .find(|entry| entry["kind"] == kind && entry["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} in {list:#?}"))
}

#[test]
fn what_is_built_in_is_listed() {
    let place = Place::new();
    let ran = place.run(&["connectors"]);
    let text = ran.exits(0);
    let head = text.lines().next().unwrap_or_default();
    let columns: Vec<&str> = head.split_whitespace().collect();
    let expected = [
        "NAME", "KIND", "VERSION", "STATUS", "PROVIDER", "PDK", "SOURCE", "FEATURE", "REASON",
    ];
    assert_eq!(columns, expected);
    let file = text
        .lines()
        .find(|line| line.starts_with("file "))
        .expect("the file connector");
    for part in [
        "connector",
        "ok",
        "builtin",
        "temblor-connector-file",
        "static-file",
    ] {
        assert!(file.contains(part), "{part} in {file}");
    }
}

#[test]
fn the_list_can_be_json() {
    let list = Place::new().run(&["connectors", "--json"]).json(0);
    let file = entry(&list, "connector", "file");
    assert_eq!(file["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(file["status"], "ok");
    assert_eq!(file["reason"], Value::Null);
    assert_eq!(file["path"], Value::Null);
    assert_eq!(file["provider"]["type"], "builtin");
    assert_eq!(file["provider"]["crate"], "temblor-connector-file");
    assert_eq!(
        entry(&list, "codec", "json")["provider"]["crate"],
        "temblor-codecs"
    );
}

#[test]
fn one_of_them_can_be_shown() {
    let place = Place::new();
    let ran = place.run(&["connectors", "show", "file"]);
    for part in [
        "connector `file`",
        "built-in crate `temblor-connector-file`",
        "hands over bytes",
        "takes bytes",
        "KEY ",
        "path",
        "required",
        "\"truncate\"",
        "define connector my_file from file",
        "codec = ",
    ] {
        assert!(ran.exits(0).contains(part), "{part} in {}", ran.out);
    }
    let json = place.run(&["connectors", "show", "file", "--json"]).json(0);
    assert_eq!(json["name"], "file");
    assert_eq!(json["source"]["payload"], "bytes");
    assert_eq!(json["schema"]["type"], "object");
    assert_eq!(json["example"]["mode"], "read");
    let keys = json["keys"].as_array().expect("a list");
    assert!(
        keys.iter()
            .any(|key| key["key"] == "path" && key["required"] == true)
    );
    let codec = place.run(&["connectors", "show", "json", "--json"]).json(0);
    assert_eq!(codec["kind"], "codec");
    let after = [
        "connectors",
        "show",
        "separate",
        "--kind",
        "postprocessor",
        "--json",
    ];
    assert_eq!(place.run(&after).json(0)["kind"], "postprocessor");
}

#[test]
fn operators_can_be_shown() {
    let place = Place::new();
    let ran = place.run(&["connectors", "show", "generic::batch"]);
    for part in [
        "operator `generic::batch`",
        "built-in crate `temblor-lang`",
        "count",
        "required",
        "define operator my_batch from generic::batch\n  with\n    count = 100,\n",
    ] {
        assert!(ran.exits(0).contains(part), "{part} in {}", ran.out);
    }
    let ran = place.run(&["connectors", "show", "generic::counter"]);
    let example = "define operator my_counter from generic::counter;\n";
    assert!(ran.exits(0).contains(example), "{}", ran.out);
    let json = place.run(&["connectors", "show", "qos::roundrobin", "--json"]);
    let json = json.json(0);
    assert_eq!(json["kind"], "operator");
    assert_eq!(json["example"]["outputs"][0], "one");
    assert_eq!(json["functions"], Value::Array(Vec::new()));
    let list = place.run(&["connectors", "--json"]).json(0);
    let bucket = entry(&list, "operator", "grouper::bucket");
    assert_eq!(bucket["provider"]["feature"], Value::Null);
}

#[test]
fn what_does_not_exist_cannot_be_shown() {
    let place = Place::new();
    place.run(&["connectors", "show", "fiel"]).fails(
        2,
        "error: there is no connector `fiel`\nhelp: did you mean `file`?\n",
    );
    let ran = place.run(&["connectors", "show", "kafka"]);
    ran.says(
        2,
        &["error: there is no connector `kafka`\nhelp: there are `"],
    );
    let ran = place.run(&["connectors", "show", "file@plugin"]);
    ran.says(2, &["connector `file` is not available as plugin"]);
    let ran = place.run(&["connectors", "show", "file@native"]);
    ran.says(
        2,
        &["`native` in `file@native` is neither `plugin` nor `builtin`"],
    );
    let ran = place.run(&["connectors", "show", "file", "--kind", "thing"]);
    ran.says(2, &["the kinds are `connector`"]);
}

#[test]
fn refused_plugins_are_in_the_list_with_the_reason() {
    let place = Place::new();
    place.write("text.so", "no library");
    place.write("empty.so", "");
    place.write(
        "c.toml",
        "[[plugin]]\npath = \"none.so\"\n[[plugin]]\npath = \"text.so\"\n[[plugin]]\npath = \"empty.so\"\n",
    );
    let ran = place.run(&["connectors", "--connectors", "c.toml"]);
    let text = ran.exits(0);
    assert!(text.contains("refused"), "{text}");
    assert!(text.contains("there is no such file"), "{text}");
    let list = place
        .run(&["connectors", "--connectors", "c.toml", "--json"])
        .json(0);
    let refused: Vec<(&str, &str)> = list
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["status"] == "refused")
        .map(|entry| {
            assert_eq!(entry["provider"]["type"], "plugin");
            let path = entry["path"].as_str().expect("a path");
            let name = path.rsplit('/').next().expect("a name");
            (name, entry["reason"].as_str().expect("a reason"))
        })
        .collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    for (name, reason) in refused {
        let expected = if name == "none.so" {
            "no such file"
        } else {
            "not a shared library"
        };
        assert!(reason.contains(expected), "{name}: {reason}");
    }
}

#[test]
fn mistakes_in_connectors_toml_have_a_place() {
    let place = Place::with("c.toml", "[[plugin]]\npaht = \"x.so\"\n");
    let ran = place.run(&["connectors", "--connectors", "c.toml"]);
    ran.says(
        2,
        &[
            "error: c.toml:2:1: unknown key `paht`",
            "help: did you mean `path`?",
        ],
    );
    let ran = place.run(&["connectors", "--connectors", "none.toml"]);
    ran.says(2, &["error: none.toml: cannot be read: "]);
}
