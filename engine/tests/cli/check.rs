//! `temblor check`: every mistake has its place, its reason and its way out.

use serde_json::json;

use crate::{COPY, Place};

/// Checks a file that is wrong, and what is said about it.
#[track_caller]
fn wrong(text: &str, parts: &[&str]) {
    let place = Place::with("f.troy", text);
    place.run(&["check", "f.troy"]).says(2, parts);
}

/// Changes the flow that copies.
#[track_caller]
fn copy(from: &str, to: &str) -> String {
    assert!(COPY.contains(from), "{from}");
    COPY.replacen(from, to, 1)
}

#[test]
fn a_right_file_is_ok_and_nothing_is_started() {
    let place = Place::with("f.troy", COPY);
    // Starting the flow would empty the file.
    place.write("out.txt", "old");
    let ran = place.run(&["check", "f.troy"]);
    assert_eq!(ran.exits(0), "f.troy: ok\n");
    assert_eq!(ran.err, "");
    assert_eq!(place.read("out.txt"), "old");
    assert_eq!(place.run(&["check", "f.troy", "--json"]).json(0), json!([]));
}

#[test]
fn a_query_can_be_checked_alone() {
    let place = Place::with("q.trickle", "select event from in into out");
    assert_eq!(
        place.run(&["check", "q.trickle"]).exits(0),
        "q.trickle: ok\n"
    );
    place.write("q.trickle", "select event from inn into out");
    place
        .run(&["check", "q.trickle"])
        .says(2, &["q.trickle:1:19", "did you mean `in`?"]);
}

#[test]
fn an_unknown_connector_or_codec_is_named_with_what_was_meant() {
    wrong(
        &copy("input from file", "input from fiel"),
        &[
            "error[unknown-name]: there is no connector `fiel`\n --> f.troy:3:31\n",
            "help: did you mean `file`?",
        ],
    );
    wrong(
        &copy("input from file", "input from punched_cards"),
        &[
            "there is no connector `punched_cards`",
            "help: there are `",
            "`metronome`",
        ],
    );
    wrong(
        &copy("codec = \"string\"", "codec = \"strin\""),
        &[
            "there is no codec `strin`",
            "--> f.troy:5:13",
            "did you mean `string`?",
        ],
    );
    wrong(
        &copy("[\"separate\"]", "[\"separat\"]"),
        &[
            "there is no preprocessor `separat`",
            "--> f.troy:6:22",
            "did you mean `separate`?",
        ],
    );
}

#[test]
fn configurations_are_compared_with_their_schema() {
    wrong(
        &copy("\"mode\": \"read\"", "\"mode\": \"read\", \"bufer\": 1"),
        &[
            "error[unknown-key]: connector `file` has no key `bufer`\n --> f.troy:7:50\n",
            "help: the keys are `follow`, `mode`, ",
        ],
    );
    wrong(
        &copy("\"path\": \"in.txt\"", "\"pth\": \"in.txt\""),
        &[
            "error[unknown-key]: connector `file` has no key `pth`\n --> f.troy:7:16\n",
            "help: did you mean `path`?",
            "error[missing-key]: connector `file` needs the key `path`\n --> f.troy:7:14\n",
            "help: `path` takes a string",
        ],
    );
    wrong(
        &copy("\"in.txt\"", "7"),
        &[
            "error[type]: `path` of connector `file` takes a string, not `7`\n --> f.troy:7:24\n",
            "7 |     config = { \"path\": 7, \"mode\": \"read\" }\n  |                        ^\n",
        ],
    );
    wrong(
        &copy("\"read\"", "\"raed\""),
        &[
            "`mode` of connector `file` takes \"read\" | ",
            "f.troy:7:42",
            "did you mean `read`?",
        ],
    );
    wrong(
        &copy(
            "[\"separate\"]",
            "[{\"name\": \"separate\", \"config\": {\"max\": 1}}]",
        ),
        &[
            "preprocessor `separate` has no key `max`",
            "--> f.troy:6:54",
        ],
    );
}

#[test]
fn connections_are_compared_with_what_connectors_are() {
    let metronome = copy("output from file", "output from metronome").replace(
        "{ \"path\": \"out.txt\", \"mode\": \"truncate\" }",
        "{ \"interval_ms\": 1 }",
    );
    wrong(
        &metronome,
        &[
            "connector `output` cannot be written to: `metronome` has no sink",
            "--> f.troy:23:29",
            "help: `temblor connectors show metronome`",
        ],
    );
    let blackhole = copy("input from file", "input from blackhole").replacen(
        "{ \"path\": \"in.txt\", \"mode\": \"read\" }",
        "{}",
        1,
    );
    wrong(
        &blackhole,
        &[
            "connector `input` cannot be read from: `blackhole` has no source",
            "--> f.troy:22:11",
        ],
    );
    wrong(
        &copy("/connector/output;", "/connector/output/out;"),
        &[
            "connector `output` has no input port `out`",
            "--> f.troy:23:29",
            "its only input port is `in`",
        ],
    );
    wrong(
        &copy("/pipeline/long to", "/pipeline/long/oops to"),
        &[
            "pipeline `long` has no output port `oops`",
            "--> f.troy:23:26",
            "`out`",
        ],
    );
    wrong(
        &copy("/connector/input to", "/connector/inputs to"),
        &[
            "no connector `inputs` is created",
            "--> f.troy:22:22",
            "did you mean `input`?",
        ],
    );
    wrong(
        &copy("    codec = \"string\",\n", ""),
        &[
            "connector `input` (`file`) handles bytes and has no codec",
            "help: ",
        ],
    );
}

#[test]
fn what_is_not_connected_is_a_warning() {
    let text = copy("  connect /pipeline/long to /connector/output;\n", "");
    let place = Place::with("f.troy", &text);
    let ran = place.run(&["check", "f.troy"]);
    assert_eq!(ran.exits(0), "f.troy: ok\n");
    ran.says(
        0,
        &["warning[unconnected]: connector `output` is created but never connected"],
    );
    let json = place.run(&["check", "f.troy", "--json"]).json(0);
    assert_eq!(json[0]["severity"], "warning");
}

#[test]
fn syntax_errors_show_the_place() {
    wrong(
        "define flow main\nflow\n  create conector x;\nend;\n",
        &[
            "error[syntax]:",
            " --> f.troy:3:10\n",
            "3 |   create conector x;\n  |          ^^^^^^^^",
        ],
    );
    wrong("", &["f.troy:1:1"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let place = Place::new();
    let missing = place.run(&["check", "none.troy"]);
    missing.says(
        2,
        &[
            "error: `none.troy` cannot be read: ",
            "help: check the path",
        ],
    );
    place.write("latin.troy", b"# \xe9\n");
    let latin = place.run(&["check", "latin.troy"]);
    latin.says(
        2,
        &[
            "error: `latin.troy` cannot be read: ",
            "help: save it as UTF-8 text",
        ],
    );
    place.write("latin.tremor", b"const A = \"\xe9\";");
    place.write("user.tremor", "use latin; latin::A");
    let module = place.run(&["check", "user.tremor", "-I", "."]);
    module.says(
        2,
        &[
            "module `latin` not found or unreadable",
            "help: `./latin.tremor` cannot be read: ",
            "save it as UTF-8 text",
        ],
    );
    let directory = place.run(&["check", "."]);
    directory.says(2, &["error: `.` cannot be read: ", "help: "]);
}

#[test]
fn all_findings_of_all_files_are_shown() {
    let place = Place::with("a.troy", &copy("output from file", "output from fil"));
    place.write("b.troy", COPY.replace("\"string\"", "\"strong\""));
    place.write("c.troy", COPY);
    let files = ["check", "a.troy", "none.troy", "b.troy", "c.troy"];
    let ran = place.run(&files);
    assert_eq!(ran.exits(2), "c.troy: ok\n");
    ran.says(
        2,
        &["a.troy:9:32", "`none.troy`", "b.troy:5:13", "b.troy:11:13"],
    );
    let json = place.run(&[&files[..], &["--json"]].concat()).json(2);
    let files: Vec<&str> = json
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|finding| finding["file"].as_str())
        .collect();
    assert_eq!(files, ["a.troy", "none.troy", "b.troy", "b.troy"]);
}

#[test]
fn findings_as_json_have_a_place_a_reason_and_a_way_out() {
    let place = Place::with(
        "f.troy",
        &copy("\"path\": \"in.txt\"", "\"pth\": 1, \"path\": \"\""),
    );
    let json = place.run(&["check", "f.troy", "--json"]).json(2);
    let expected = json!([{
        "file": "f.troy",
        "line": 7,
        "column": 16,
        "end_line": 7,
        "end_column": 21,
        "severity": "error",
        "code": "unknown-key",
        "message": "connector `file` has no key `pth`",
        "help": "did you mean `path`?",
    }]);
    assert_eq!(json, expected);
}

#[test]
fn a_port_that_a_connector_does_not_have_is_named() {
    wrong(
        &copy("/connector/input", "/connector/input/ot"),
        &[
            "connector `input` has no output port `ot`",
            "help: its output ports are `out` and `err`",
        ],
    );
    wrong(
        &copy("/connector/output", "/connector/output/inn"),
        &[
            "connector `output` has no input port `inn`",
            "help: its only input port is `in`",
        ],
    );
}

#[test]
fn what_is_wrong_in_a_module_is_reported_as_json_with_the_file_of_the_module() {
    let place = Place::with("s.tremor", "use broken;\nbroken::f(event)");
    place.write(
        "broken.tremor",
        "fn f(x) with\n  gone(x)\nend;\nconst A = 1 / 0;",
    );
    let json = place
        .run(&["check", "s.tremor", "-I", ".", "--json"])
        .json(2);
    let found: Vec<_> = (0..2)
        .map(|at| [&json[at]["line"], &json[at]["column"], &json[at]["code"]])
        .collect();
    assert_eq!(
        found,
        [
            [&json!(2), &json!(3), &json!("unknown-name")],
            [&json!(4), &json!(11), &json!("arithmetic")]
        ]
    );
    for at in 0..2 {
        let file = json[at]["file"].as_str().unwrap();
        assert!(file.ends_with("broken.tremor"), "{file}");
        for key in ["severity", "message", "help"] {
            assert!(json[at][key].is_string(), "{key} of {json}");
        }
    }
}

#[test]
fn what_an_operator_says_would_be_right_is_help() {
    let text = r#"define operator turns from qos::roundrobin with outputs = [] end;
create operator turns;
select event from in into turns;
select event from turns/one into out;"#;
    let place = Place::with("q.trickle", text);
    let found = place.run(&["check", "--json", "q.trickle"]).json(2);
    assert_eq!(found[0]["message"], "qos::roundrobin: `outputs` is empty");
    let help = "name at least one port, as in [\"one\", \"two\"]";
    assert_eq!(found[0]["help"], help);
}
