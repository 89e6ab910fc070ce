//! Wrong usage, help and version.

use serde_json::json;

use crate::Place;

#[test]
fn wrong_usage_has_exit_code_2_and_says_what_is_right() {
    let place = Place::new();
    place.run(&[]).says(2, &["Usage: temblor"]);
    let unknown = place.run(&["rum"]);
    unknown.says(2, &["unrecognized subcommand 'rum'", "run"]);
    let link = place.run(&["run", "x.troy", "--link", "file=fast"]);
    link.says(2, &["a link mode is `native`, `abi` or `dylib`"]);
    let set = place.run(&["run", "x.troy", "--set", "out"]);
    set.says(2, &["it reads CONNECTOR.KEY=VALUE"]);
    let rate = place.run(&["bench", "x.troy", "--ab", "file=abi", "--rate", "0"]);
    rate.says(2, &["a number of events per second above 0, or `half`"]);
    let level = place.run(&["connectors", "--log-level", "loud"]);
    level.says(2, &["loud", "debug"]);
}

#[test]
fn help_names_the_commands_and_exit_codes() {
    let help = Place::new().run(&["--help"]);
    for part in [
        "run",
        "check",
        "test",
        "connectors",
        "plugin",
        "bench",
        "version",
        "Exit codes: 0 done",
    ] {
        assert!(help.exits(0).contains(part), "{part} in {}", help.out);
    }
    assert!(!help.out.contains("schema"), "a hidden command is shown");
}

#[test]
fn the_version_tells_what_is_built_in() {
    let place = Place::new();
    let version = concat!("temblor ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(place.run(&["version"]).exits(0), version);
    assert_eq!(place.run(&["--version"]).exits(0), version);
    let verbose = place.run(&["version", "--verbose"]);
    for part in [
        "static-file",
        "connector file",
        "codec json",
        "epoch:",
        "profile:",
        "collector:",
    ] {
        assert!(verbose.exits(0).contains(part), "{part} in {}", verbose.out);
    }
    let json = place.run(&["version", "--json"]).json(0);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["epoch"], json!(1));
    assert!(
        json["entries"]
            .as_array()
            .is_some_and(|entries| entries.len() > 3)
    );
}

#[test]
fn a_reader_that_has_gone_away_does_not_change_the_exit_code() {
    let place = Place::with("wrong.tremor", "event.");
    for (arguments, code) in [
        (["run", "wrong.tremor"], 2),
        (["check", "wrong.tremor"], 2),
        (["fmt", "wrong.tremor"], 2),
        (["run", "gone.tremor"], 2),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = place.command(&arguments);
        let status = command.stderr(writer).status().expect("temblor runs");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}
