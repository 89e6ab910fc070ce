//! References in configurations, and secrets that the program does not show.

use crate::{COPY, Place, Ran};

/// Runs with these environment variables.
fn run(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = place.command(arguments);
    command.env_clear().envs(variables.iter().copied());
    Ran::of(command.output().expect("temblor runs"))
}

/// The flow that copies, with another path of its input.
fn from(path: &str) -> String {
    COPY.replace("in.txt", path)
}

/// A flow with an HTTP client whose token is this.
fn client(auth: &str) -> String {
    format!(
        r#"define flow main
flow
  define connector clock from metronome with config = {{ "interval_ms": 1 }} end;
  define connector web from http_client
  with
    codec = "json",
    reconnect = "none",
    config = {{ "url": "http://127.0.0.1:1/", {auth} }}
  end;
  define pipeline all pipeline select event from in into out end;
  create connector clock;
  create connector web;
  create pipeline all;
  connect /connector/clock to /pipeline/all;
  connect /pipeline/all to /connector/web;
end;
deploy flow main;
"#
    )
}

#[test]
fn values_come_from_the_environment_and_from_files() {
    let place = Place::with("f.troy", &from("${env:DIR}/${file:name}${env:END:-.txt}"));
    std::fs::create_dir(place.path("sub")).expect("a directory is made");
    place.write("sub/in.txt", "b\nccc\n");
    place.write("name", "in\n");
    run(&place, &["run", "f.troy"], &[("DIR", "sub")]).exits(0);
    assert_eq!(place.read("out.txt"), "ccc\n");
    // What is set from outside may refer to variables too.
    let arguments = ["run", "f.troy", "--set", "output.path=${env:OUT}"];
    run(&place, &arguments, &[("DIR", "sub"), ("OUT", "new.txt")]).exits(0);
    assert_eq!(place.read("new.txt"), "ccc\n");
}

#[test]
fn the_language_leaves_references_alone_and_interpolates_beside_them() {
    let place = Place::with("f.troy", &from("#{ \"in\" }${env:END}$${x}"));
    place.write("in.txt${x}", "ccc\n");
    run(&place, &["run", "f.troy"], &[("END", ".txt")]).exits(0);
    assert_eq!(place.read("out.txt"), "ccc\n");
}

#[test]
fn what_is_not_there_is_an_error_with_its_place_when_the_flow_starts() {
    let place = Place::with("f.troy", &from("${env:DIR}/x"));
    let ran = run(&place, &["run", "f.troy"], &[]);
    ran.says(
        2,
        &[
            "`path` of connector `input` refers to the environment variable `DIR`, which is not set",
            "--> f.troy:7:24",
            "help: set it before the start, or write a default, as in `${env:DIR:-default}`",
        ],
    );
    // A check knows nothing of the place where it will run.
    assert_eq!(
        run(&place, &["check", "f.troy"], &[]).exits(0),
        "f.troy: ok\n"
    );
    place.write("f.troy", from("${file:none}"));
    let ran = run(&place, &["run", "f.troy"], &[]);
    ran.says(
        2,
        &[
            "the file `none`, which cannot be read: No such file",
            "f.troy:7:24",
        ],
    );
}

#[test]
fn a_check_finds_what_is_not_well_written() {
    let place = Place::with("f.troy", &from("${DIR}/x"));
    for command in ["check", "run"] {
        let ran = run(&place, &[command, "f.troy"], &[("DIR", ".")]);
        let parts = [
            "`path` of connector `input` has a reference `${DIR}` that does not say where its value is",
            "f.troy:7:24",
            "help: write `${env:DIR}`",
        ];
        ran.says(2, &parts);
        assert_eq!(ran.err.matches("error").count(), 1, "{}", ran.err);
    }
    let text = COPY.replace(
        "\"separate\"",
        r#"{"name": "separate", "config": {"separator": "${env:"}}"#,
    );
    place.write("f.troy", text);
    let found = run(&place, &["check", "f.troy", "--json"], &[]).json(2);
    let message = found[0]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("`separator` of preprocessor `separate`"),
        "{message}"
    );
}

#[test]
fn a_check_does_not_guess_what_a_reference_stands_for() {
    let place = Place::with("f.troy", &COPY.replace("\"truncate\"", "\"${env:MODE}\""));
    place.write("in.txt", "ccc\n");
    run(&place, &["check", "f.troy"], &[]).exits(0);
    run(&place, &["run", "f.troy"], &[("MODE", "truncate")]).exits(0);
    assert_eq!(place.read("out.txt"), "ccc\n");
    let ran = run(&place, &["run", "f.troy"], &[("MODE", "raed")]);
    ran.says(2, &["unknown variant `${env:MODE}`", "`truncate`"]);
    // A string is a string.
    let text = client("\"concurrency\": \"${env:COUNT}\"");
    place.write("g.troy", text);
    let ran = run(&place, &["check", "g.troy"], &[]);
    let help = "help: what a reference stands for is always a string";
    ran.says(2, &["takes an integer, not \"${env:COUNT}\"", help]);
}

#[test]
fn a_secret_is_shown_nowhere() {
    let place = Place::new();
    // A token that cannot be sent, one of a wrong type, and one beside a mistake.
    for (auth, said) in [
        (r#""auth": { "bearer": "hunter2\u0007" }"#, "http"),
        (r#""auth": { "bearer": ["hunter2"] }"#, "takes"),
        (r#""auth": { "bearer": "hunter2" }, "tls": "x""#, "***"),
        (r#""auth": { "bearer": 4711471147 }"#, "not `***`"),
        (
            r#""headers": { "x-api-key": "hunter2" }, "concurrency": "x""#,
            "***",
        ),
    ] {
        place.write("f.troy", client(auth));
        for arguments in [
            &[
                "run",
                "f.troy",
                "--log-level",
                "trace",
                "--log-format",
                "json",
            ][..],
            &["check", "f.troy"],
            &["check", "f.troy", "--json"],
        ] {
            let ran = run(&place, arguments, &[]);
            let all = format!("{}{}", ran.out, ran.err);
            assert!(
                !all.contains("hunter2") && !all.contains("4711"),
                "{auth}: {all}"
            );
            assert!(arguments[0] != "run" || all.contains(said), "{auth}: {all}");
            if arguments.contains(&"--json") && arguments[0] == "check" {
                serde_json::from_str::<serde_json::Value>(&ran.out).expect("it is JSON");
            }
        }
    }
}

#[test]
fn values_that_are_set_from_outside_are_not_shown_where_they_are_secret() {
    let place = Place::with("f.troy", &client("\"concurrency\": 1"));
    for set in [
        "web.auth.bearer=[\"hunter2\"]",
        "wbe.auth=hunter2",
        "web.url.x=hunter2",
    ] {
        let ran = run(&place, &["run", "f.troy", "--set", set], &[]);
        ran.says(2, &["`--set w"]);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
}

#[test]
fn what_comes_from_outside_is_not_shown() {
    let place = Place::with("f.troy", &from("no/${env:SUB}/x"));
    let ran = run(&place, &["run", "f.troy"], &[("SUB", "hunter2")]);
    ran.says(3, &["no/${env:SUB}/x"]);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[test]
fn secret_keys_are_marked() {
    let place = Place::new();
    let ran = run(&place, &["connectors", "show", "http_client"], &[]);
    let auth = ran
        .exits(0)
        .lines()
        .find(|line| line.starts_with("  auth "));
    assert!(
        auth.is_some_and(|line| line.contains(", secret ")),
        "{}",
        ran.out
    );
    let shown = run(
        &place,
        &["connectors", "show", "http_client", "--json"],
        &[],
    )
    .json(0);
    let schema = shown["schema"].to_string();
    assert_eq!(schema.matches("\"x-secret\":true").count(), 2, "{schema}");
}
