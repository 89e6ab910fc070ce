//! `temblor plugin`, and plugins in the list and in flows.

use std::process::Command;

use serde_json::Value;

use crate::build::{build, build_with, null, with_null};
use crate::{Place, Ran};

/// A flow that drops ticks.
const DROP: &str = r#"define flow main
flow
  define connector clock from metronome with config = { "interval_ms": 1, "count": 3 } end;
  define connector none from KIND;
  define pipeline all pipeline select event from in into out end;
  create connector clock;
  create connector none;
  create pipeline all;
  connect /connector/clock to /pipeline/all;
  connect /pipeline/all to /connector/none;
end;
deploy flow main;
"#;

fn listed(place: &Place, more: &[&str]) -> Vec<Value> {
    let arguments = ["connectors", "--connectors", "connectors.toml", "--json"];
    let list = place.run(&[&arguments[..], more].concat()).json(0);
    let list = list.as_array().expect("a list").iter();
    list.filter(|entry| entry["name"] == "null")
        .cloned()
        .collect()
}

/// The status of the built-in and of the loaded connector.
fn statuses(place: &Place, more: &[&str]) -> [String; 2] {
    let list = listed(place, more);
    assert_eq!(list.len(), 2, "{list:#?}");
    ["builtin", "plugin"].map(|side| {
        let entry = list.iter().find(|entry| entry["provider"]["type"] == side);
        let status = entry.and_then(|entry| entry["status"].as_str());
        status.expect("each side has a status").to_owned()
    })
}

fn run(place: &Place, kind: &str, more: &[&str]) -> Ran {
    place.write("f.troy", DROP.replace("KIND", kind));
    let arguments = ["run", "f.troy", "--connectors", "connectors.toml"];
    place.run(&[&arguments[..], more].concat())
}

#[test]
fn what_was_built_carries_its_schemas_and_survives_strip() {
    let place = Place::with("p.so", "");
    place.write("p.so", null());
    let before = place.run(&["plugin", "inspect", "p.so", "--json"]).json(0);
    assert_eq!(before["schemas"]["null"]["schema"]["type"], "object");
    assert_eq!(before["verdict"]["accepted"], true);
    assert_eq!(before["entries"][0]["name"], "null");
    assert_eq!(before["size"], null().len());
    let strip = Command::new("strip").arg(place.path("p.so")).status();
    assert!(strip.expect("strip runs").success());
    let after = place.run(&["plugin", "inspect", "p.so", "--json"]).json(0);
    assert_eq!(after["schemas"], before["schemas"]);
    assert_ne!(after["sha256"], before["sha256"]);
    let schema = place.run(&["plugin", "schema", "p.so"]).json(0);
    assert_eq!(schema["null"]["kind"], "connector");
    assert_eq!(
        schema["null"]["schema"],
        before["schemas"]["null"]["schema"]
    );
    assert_eq!(schema["null"]["summary"], "Drops every event.");
}

#[test]
fn a_crate_can_be_named_by_its_directory() {
    let place = Place::new();
    let ran = build("connectors/null", &place.path("out"));
    let path = place.path("out/libtemblor_connector_null.so");
    assert_eq!(ran.exits(0), format!("{}\n", path.display()));
    let left: Vec<_> = std::fs::read_dir(place.path("out"))
        .expect("a directory")
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_cannot_be_built_is_named() {
    let place = Place::new();
    let ran = build("connectors/none", &place.path("out"));
    ran.says(
        2,
        &["error: `connectors/none` is no crate: there is no such directory\nhelp: "],
    );
    let ran = build("docs/", &place.path("out"));
    ran.says(2, &["error: `docs/` is no crate: it has no Cargo.toml"]);
    let ran = build("temblor-connector-none", &place.path("out"));
    ran.says(
        1,
        &["error: cargo did not build `temblor-connector-none` as a plugin\nhelp: "],
    );
    // A library that registers nothing.
    let ran = build("temblor-registry", &place.path("out"));
    ran.says(3, &["is refused: ", "help: "]);
    assert!(!place.path("out").exists());
}

#[test]
fn features_of_the_crate_reach_cargo() {
    let place = Place::new();
    let out = place.path("plugins");
    let ran = build_with("temblor-connector-null", &out, &["--features", "sparkling"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    // Which the crate does not have, says cargo.
    assert!(ran.err.contains("sparkling"), "{}", ran.err);
}

#[test]
fn a_plugin_brings_operators_and_functions() {
    let place = Place::new();
    build("temblor-connector-faulty", &place.path("out")).exits(0);
    let file = "out/libtemblor_connector_faulty.so";
    place.write("c.toml", format!("[[plugin]]\npath = '{file}'\n"));
    let seen = place.run(&["plugin", "inspect", file, "--json"]).json(0);
    let entries = seen["entries"].as_array().expect("a list").iter();
    let others: Vec<_> = entries.filter(|e| e["kind"] != "connector").collect();
    assert_eq!(others.len(), 2, "{others:#?}");
    assert_eq!(others[0]["kind"], "function module");
    assert_eq!(others[0]["capabilities"][0], "functions/1");
    assert_eq!(others[1]["name"], "fixture::delay");
    assert_eq!(others[1]["capabilities"][0], "operator/1");
    let keys = &seen["schemas"]["fixture::delay"]["schema"]["properties"];
    assert_eq!(keys["keep"]["type"], "integer");

    let show = ["connectors", "show", "--connectors", "c.toml"];
    let ran = place.run(&[&show[..], &["fixture::delay"]].concat());
    for part in [
        "operator `fixture::delay`",
        "keep",
        "define operator my_delay from",
    ] {
        assert!(ran.exits(0).contains(part), "{part} in {}", ran.out);
    }
    let ran = place.run(&[&show[..], &["fixture"]].concat());
    let words: Vec<&str> = ran.exits(0).split_whitespace().collect();
    let words = words.join(" ");
    for part in [
        "function module `fixture`",
        "functions: FUNCTION ARGUMENTS sum at least 0 wrap 1 to 2 repeat 2 when 0",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    let shown = place
        .run(&[&show[..], &["fixture", "--json"]].concat())
        .json(0);
    let sum = &shown["functions"][0];
    assert_eq!(
        (&sum["name"], &sum["max_args"]),
        (&"sum".into(), &Value::Null)
    );
    assert_eq!(shown["functions"][3]["pure"], false);
}

#[test]
fn operators_and_functions_of_a_plugin_can_be_used() {
    let place = Place::new();
    build("temblor-connector-faulty", &place.path("out")).exits(0);
    let file = "out/libtemblor_connector_faulty.so";
    place.write("c.toml", format!("[[plugin]]\npath = '{file}'\n"));
    place.write("in.json", "1\n2\n");
    place.write(
        "more.tremor",
        "fn ten_more(n) with fixture::sum(n, 10) end;",
    );
    place.write(
        "q.trickle",
        "define pipeline add pipeline\n\
         use more;\n\
         define script one script fixture::sum(event, 1) end;\n\
         create script one;\n\
         select more::ten_more(event) from in into one;\n\
         select fixture::sum(event, 100) from one into out end;\n\
         create pipeline add;\n\
         define operator keep from fixture::delay with keep = 1 end;\n\
         create operator keep;\n\
         select event from in into add;\n\
         select fixture::sum(event, 1000) from add into keep;\n\
         select event.`event` from keep into out;\n",
    );
    let with = ["--connectors", "c.toml"];
    let check = ["check", "q.trickle", "-I", "."];
    let ran = place.run(&[&check[..], &with[..]].concat());
    assert_eq!(ran.exits(0), "q.trickle: ok\n");
    let run = [
        "run",
        "q.trickle",
        "-i",
        "in.json",
        "--clock",
        "logical",
        "-I",
        ".",
    ];
    let ran = place.run(&[&run[..], &with[..]].concat());
    assert_eq!(ran.exits(0), "1112\n");

    // Without the plugin there are none, and a wrong setting is found before anything runs.
    let ran = place.run(&check);
    ran.says(
        2,
        &[
            "there is no operator `fixture::delay`",
            "undefined function `fixture::sum`",
        ],
    );
    let text = place.read("q.trickle").replace("keep = 1", "kep = 1");
    place.write("q.trickle", text);
    let ran = place.run(&[&check[..], &with[..]].concat());
    ran.says(2, &["kep"]);
}

#[test]
fn a_plugin_file_can_be_looked_at() {
    let place = Place::new();
    place.write("p.so", null());
    let ran = place.run(&["plugin", "inspect", "p.so"]);
    for part in [
        "temblor-pdk:",
        "epoch:",
        "rustc:",
        "sha256:",
        "libc.so.6",
        "in the file, of null",
        "temblor-connector-null",
        "sink.values/1",
        "verdict: this program would load it",
    ] {
        assert!(ran.exits(0).contains(part), "{part} in {}", ran.out);
    }
    let ran = place.run(&["plugin", "inspect", "none.so"]);
    ran.says(2, &["error: `none.so`: there is no such file"]);
    place.write("text.so", "text");
    let ran = place.run(&["plugin", "inspect", "text.so"]);
    ran.says(
        3,
        &[
            "error: plugin `text.so` is refused: ",
            "not a shared library",
            "help: ",
        ],
    );
    let json = place
        .run(&["plugin", "inspect", "text.so", "--json"])
        .json(3);
    assert_eq!(json["verdict"]["accepted"], false);
    place.write("cut.so", &null()[..null().len() / 2]);
    let ran = place.run(&["plugin", "inspect", "cut.so"]);
    ran.says(
        3,
        &[
            "the file is cut short",
            "help: copy or build the plugin again",
        ],
    );
}

#[test]
fn locking_refuses_what_changes_later() {
    let place = with_null("prefer = \"plugin\"\n");
    let ran = place.run(&["plugin", "lock"]);
    assert!(ran.exits(0).ends_with("(new)\n"), "{}", ran.out);
    assert!(place.read("connectors.toml").contains("sha256 = \""));
    let again = place.run(&["plugin", "lock", "--json"]).json(0);
    assert_eq!(again["locked"][0]["sha256"], again["locked"][0]["before"]);
    assert_eq!(statuses(&place, &[]), ["shadowed", "ok"]);
    let mut changed = null().to_vec();
    changed.push(0);
    place.write("null.so", &changed);
    // What is refused does not stand in the way of what is built in.
    assert_eq!(statuses(&place, &[]), ["ok", "refused"]);
    let refused = &listed(&place, &[])[1];
    let reason = refused["reason"].as_str().expect("a reason");
    assert!(reason.contains("its sha256 is"), "{reason}");
    run(&place, "null", &[]).says(
        0,
        &["is refused: its sha256 is", "run `temblor plugin lock`"],
    );
    let ran = run(&place, "`null@plugin`", &[]);
    ran.says(
        3,
        &[
            "connector `null` is not available as plugin",
            "its sha256 is",
        ],
    );
    let ran = place.run(&["plugin", "lock", "--connectors", "none.toml"]);
    ran.says(2, &["error: none.toml: cannot be read"]);
}

#[test]
fn duplicates_are_settled_by_the_file_the_flow_or_the_run() {
    let place = with_null("");
    assert_eq!(statuses(&place, &[]), ["duplicate", "duplicate"]);
    let ran = run(&place, "null", &[]);
    ran.says(
        2,
        &[
            "comes from built-in crate `temblor-connector-null` and from plugin",
            "prefer",
        ],
    );
    run(&place, "`null@plugin`", &[]).exits(0);
    run(&place, "`null@builtin`", &[]).exits(0);
    for mode in ["native", "abi", "dylib"] {
        let link = format!("null={mode}");
        let ran = run(&place, "null", &["--link", &link]);
        ran.fails(
            0,
            "flow `main`: in 3 = delivered 3 + failed 0 + dropped 0 + in flight 0\n",
        );
    }
    assert_eq!(
        statuses(&place, &["--link", "null=dylib"]),
        ["shadowed", "ok"]
    );
    let place = with_null("prefer = \"builtin\"\n");
    assert_eq!(statuses(&place, &[]), ["ok", "shadowed"]);
    let shown = [
        "connectors",
        "show",
        "null@plugin",
        "--connectors",
        "connectors.toml",
        "--json",
    ];
    assert_eq!(place.run(&shown).json(0)["link_mode"], "dylib");
}

#[test]
fn a_plugin_may_register_only_what_was_agreed() {
    let place = with_null("prefer = \"builtin\"\nprovides = [\"other\"]\n");
    assert_eq!(statuses(&place, &[]), ["ok", "refused"]);
    let refused = &listed(&place, &[])[1];
    let reason = refused["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("it registers `null`, which `provides` does not list"),
        "{reason}"
    );
}

#[test]
fn configurations_of_plugins_are_checked_too() {
    let place = with_null("prefer = \"plugin\"\n");
    place.write(
        "f.troy",
        DROP.replace("KIND", "null with config = {\"x\": 1} end"),
    );
    let ran = place.run(&["check", "f.troy", "--connectors", "connectors.toml"]);
    ran.says(
        2,
        &[
            "connector `null` has no key `x`",
            "--> f.troy:4:50",
            "help: it has no keys",
        ],
    );
}
