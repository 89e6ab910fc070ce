//! `temblor test`: cases that pass, fail and are wrong, what is said about them, and `--update`.

use serde_json::json;

use crate::{Place, Ran, root};

/// Adds one, but not to `x`; sends what has no `n` to port `odd`.
const SCRIPT: &str =
    "match event of case %{present n} => event.n + 1 case _ => emit event => \"odd\" end\n";

impl Place {
    /// Writes the files of a case, each with its content.
    fn case(&self, directory: &str, files: &[(&str, &str)]) {
        std::fs::create_dir_all(self.path(directory)).expect("a directory is made");
        for (name, content) in files {
            self.write(&format!("{directory}/{name}"), content);
        }
    }

    /// Runs `temblor test` on the directory `t`.
    fn test(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["test", "t"];
        arguments.extend(more);
        self.run(&arguments)
    }
}

/// A place with one case, of the script.
fn case(files: &[(&str, &str)]) -> Place {
    let place = Place::new();
    place.case("t/a", &[("s.tremor", SCRIPT)]);
    place.case("t/a", files);
    place
}

#[test]
fn the_examples_pass() {
    let ran = Ran::of(
        std::process::Command::new(env!("CARGO_BIN_EXE_temblor"))
            .args(["test", "engine/examples/tests"])
            .current_dir(root())
            .output()
            .expect("temblor runs"),
    );
    let expected = "\
ok      engine/examples/tests/echo
ok      engine/examples/tests/quickstart
ok      engine/examples/tests/totals
3 cases: 3 ok
";
    assert_eq!(ran.exits(0), expected);
    assert_eq!(ran.err, "");
}

#[test]
fn lines_are_compared_as_values() {
    let place = case(&[
        ("in.json", "{\"k\": [1, {}], \"l\": 1}\n\n{\"n\": 1}"),
        ("out.json", " 2 \n"),
        ("odd.json", "{\"l\":1,\n"),
    ]);
    place
        .test(&[])
        .says(2, &["nothing can be expected here", "t/a/odd.json:1"]);
    // Other order, other spaces, an empty line, and no end of the last line.
    place.write("t/a/odd.json", "\n{ \"l\": 1, \"k\": [1,{}] }");
    assert_eq!(place.test(&[]).exits(0), "ok      t/a\n1 case: 1 ok\n");
    // A float is no integer.
    place.write("t/a/out.json", "2.0\n");
    assert!(place.test(&[]).exits(1).starts_with("FAILED  t/a\n"));
}

#[test]
fn what_differs_is_shown_with_its_place() {
    let place = case(&[
        (
            "in.json",
            "{\"n\":1}\n{\"u\":{\"v\":[1,2]}}\n{\"n\":2}\n{\"n\":3}\n",
        ),
        ("out.json", "2\n\n7\n"),
        ("odd.json", "{\"u\":{\"v\":[1,3]}}\n{\"w\":null}\n"),
    ]);
    let expected = "\
FAILED  t/a
  t/a/out.json:3
    expected: 7
       found: 3
  t/a/out.json:4
    expected: nothing
       found: 4
  t/a/odd.json:1, at .u.v[1]
    expected: {\"u\":{\"v\":[1,3]}}
       found: {\"u\":{\"v\":[1,2]}}
  and 1 difference more
1 case: 1 failed
";
    let ran = place.test(&[]);
    assert_eq!(ran.exits(1), expected);
    assert_eq!(ran.err, "");
    let json = place.test(&["--json"]).json(1);
    assert_eq!(
        (&json["failed"], &json["cases"][0]["result"]),
        (&json!(1), &json!("failed"))
    );
    assert_eq!(
        json["cases"][0]["differences"][2],
        json!({
            "file": "t/a/odd.json", "line": 1, "path": ".u.v[1]",
            "expected": "{\"u\":{\"v\":[1,3]}}", "found": "{\"u\":{\"v\":[1,2]}}",
        })
    );
}

#[test]
fn results_at_a_port_without_a_file_are_not_expected() {
    let place = case(&[
        ("in.json", "{\"n\":1}\n{\"n\":\"x\"}\n"),
        ("out.json", "2\n"),
    ]);
    let ran = place.test(&[]);
    let said = ran.exits(1);
    for part in [
        "there is no `err.json`, and port `err` has 1 result",
        "help: `temblor test --update t/a` writes it",
        "operation `+` is not defined",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

#[test]
fn update_writes_what_comes_out_and_says_so() {
    let place = case(&[("in.json", "{\"n\":1}\n{\"n\":\"x\"}\n")]);
    let missing = place.test(&[]);
    let said = missing.exits(1);
    for part in [
        "nothing says what is expected: there is no `out.json`",
        "`temblor test --update t/a`",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    let expected = "\
updated t/a
  wrote t/a/out.json: 1 line
  wrote t/a/err.json: 1 line
1 case: 1 updated
";
    assert_eq!(place.test(&["--update"]).exits(0), expected);
    assert_eq!(place.read("t/a/out.json"), "2\n");
    assert_eq!(
        place.test(&["--update"]).exits(0),
        "ok      t/a\n1 case: 1 ok\n"
    );
    // What failed at a script stands in `err.json`, in the same words wherever the program runs.
    let mut elsewhere = place.command(&["test", "a"]);
    elsewhere.current_dir(place.path("t"));
    Ran::of(elsewhere.output().expect("temblor runs")).exits(0);

    // What means the same stays as it is; what nobody sends any more is emptied.
    place.write("t/a/out.json", " 2");
    place.write("t/a/in.json", "{\"n\":1}");
    let ran = place.test(&["--update", "--json"]).json(0);
    assert_eq!(ran["cases"][0]["written"], json!(["t/a/err.json"]));
    assert_eq!(place.read("t/a/out.json"), " 2");
    assert_eq!(place.read("t/a/err.json"), "");
}

#[test]
fn a_case_that_expects_nothing_has_an_empty_file() {
    let place = Place::new();
    place.case("t", &[("s.tremor", "drop"), ("in.json", "1\n2\n")]);
    place.test(&[]).exits(1);
    place.test(&["--update"]).exits(0);
    assert_eq!(place.read("t/out.json"), "");
    assert_eq!(place.test(&[]).exits(0), "ok      t\n1 case: 1 ok\n");
}

#[test]
fn the_worst_case_decides_and_all_are_run() {
    let place = case(&[("in.json", "{\"n\":1}\n"), ("out.json", "2\n")]);
    place.case(
        "t/b",
        &[
            ("s.tremor", "event"),
            ("in.json", "1\n"),
            ("out.json", "2\n"),
        ],
    );
    place.case("t/c", &[("s.tremor", "gone(event)"), ("in.json", "1\n")]);
    let ran = place.test(&[]);
    let lines: Vec<&str> = ran.exits(2).lines().collect();
    assert_eq!(lines[..2], ["ok      t/a", "FAILED  t/b"]);
    assert_eq!(
        lines[lines.len() - 2..],
        ["WRONG   t/c", "3 cases: 1 ok, 1 failed, 1 wrong"]
    );
    assert!(ran.err.contains("t/c/s.tremor:1:1"), "{}", ran.err);
    place.test(&["b"]).exits(1);
    assert_eq!(place.test(&["a"]).exits(0), "ok      t/a\n1 case: 1 ok\n");
    let messages = &place.test(&["c", "--json"]).json(2)["cases"][0]["messages"];
    assert!(messages.to_string().contains("gone"), "{messages}");
}

#[test]
fn a_directory_without_a_case_is_a_mistake() {
    let place = case(&[("in.json", "1\n")]);
    std::fs::create_dir(place.path("empty")).unwrap();
    place
        .run(&["test", "empty"])
        .says(2, &["there is no case in `empty`", "help: a case is"]);
    place
        .run(&["test", "gone"])
        .says(2, &["`gone` cannot be read", "help:"]);
    place
        .run(&["test", "t/a/s.tremor"])
        .says(2, &["`t/a/s.tremor` is no directory"]);
    place
        .test(&["zzz"])
        .says(2, &["none of the 1 cases is called `zzz`"]);
}

#[test]
fn half_a_case_is_wrong_and_says_what_is_missing() {
    let place = Place::new();
    let wrong = |files: &[(&str, &str)], parts: &[&str]| {
        let _ = std::fs::remove_dir_all(place.path("t"));
        place.case("t", files);
        place.test(&[]).says(2, parts);
    };
    let script = ("s.tremor", "event");
    let input = ("in.json", "1\n");
    wrong(&[input], &["`t` holds no program", "test.toml"]);
    wrong(&[script, ("out.json", "")], &["`t` holds no input"]);
    wrong(
        &[script, input, ("in.string", "")],
        &["several inputs: `in.json`, `in.string`"],
    );
    wrong(
        &[script, ("q.trickle", ""), input],
        &["several programs: `q.trickle`, `s.tremor`"],
    );
    wrong(
        &[script, ("in", "1\n")],
        &["`t/in` may be anything", "decoder"],
    );
    wrong(
        &[script, input, ("otu.json", "")],
        &[
            "`t/otu.json` belongs to no output port",
            "did you mean `out.json`?",
        ],
    );
    wrong(
        &[script, ("in.json", "1\n\nno\n"), ("out.json", "1\n")],
        &["this is no event", "t/in.json:3"],
    );
    wrong(
        &[script, input, ("test.toml", "progam = 1")],
        &["`t/test.toml` cannot be used", "progam", "program"],
    );
    wrong(
        &[script, input, ("test.toml", "decoder = \"jsn\"")],
        &["there is no codec `jsn`", "did you mean `json`?"],
    );
    wrong(
        &[script, input, ("test.toml", "args = { a = 1 }")],
        &["has no argument `a`"],
    );
    wrong(
        &[script, input, ("test.toml", "port = \"side\"")],
        &["no input port `side`", "`in`"],
    );
}

#[test]
fn time_is_the_number_of_the_event() {
    let place = Place::new();
    let input = ("in.json", "1\n2\n3\n");
    let query = "use tremor::system;
define window w from tumbling with interval = 2 end;
select system::ingest_ns() from in into out;
select { \"in\": aggr::stats::count() } from in[w] into err;
";
    place.case("t/clock", &[("q.trickle", query), input]);
    let query = "define operator two from generic::batch with count = 2 end;
create operator two;
select event from in into two;
select event from two into out;
";
    place.case("t/batch", &[("q.trickle", query), input]);
    place.test(&["--update"]).exits(0);
    assert_eq!(place.read("t/clock/out.json"), "0\n1\n2\n");
    assert_eq!(place.read("t/clock/err.json"), "{\"in\":2}\n");
    assert_eq!(place.read("t/batch/out.json"), "1\n2\n");
    // What an operator holds back comes with `flush`.
    place.write("t/batch/test.toml", "flush = true");
    place.test(&["--update"]).exits(0);
    assert_eq!(place.read("t/batch/out.json"), "1\n2\n3\n");
}

#[test]
fn a_select_that_fails_is_never_expected() {
    let place = Place::new();
    place.case(
        "t",
        &[
            ("q.trickle", "select event.n from in into out"),
            ("in.json", "{\"n\":1}\n{}\n"),
            ("out.json", "1\n"),
        ],
    );
    for arguments in [&[][..], &["--update"]] {
        let ran = place.test(arguments);
        let said = ran.exits(1);
        assert!(said.contains("non existing event key `n`"), "{said}");
        assert!(said.contains("t/in.json:2"), "{said}");
    }
}

/// Two pipelines; the first lets pass what is above a limit.
const FLOW: &str = "define flow f args limit = 1 flow
  define connector gone from nowhere;
  define pipeline above args limit pipeline
    select event from in where event > args.limit into out
  end;
  define pipeline other pipeline select event from in into out end;
  create connector gone;
  create pipeline above with limit = args.limit end;
  create pipeline other;
end;
deploy flow f;
";

#[test]
fn a_pipeline_of_a_flow_is_tested_without_its_connectors() {
    let place = Place::with("f.troy", FLOW);
    place.case("t/a", &[("in.json", "1\n2\n3\n"), ("out.json", "2\n3\n")]);
    let settings = |text: &str| {
        place.write(
            "t/a/test.toml",
            format!("program = \"../../f.troy\"\n{text}"),
        );
        place.test(&[])
    };
    settings("").says(2, &["several pipelines: `f/above`, `f/other`"]);
    settings("pipeline = \"abov\"").says(2, &["no pipeline `abov`"]);
    settings("pipeline = \"above\"").exits(0);
    settings("pipeline = \"f/above\"\nargs = { limit = 2 }").exits(1);
    place.write("t/a/out.json", "3\n");
    settings("pipeline = \"f/above\"\nargs = { limit = 2 }").exits(0);
}

#[test]
fn modules_and_codecs_are_named_by_the_case() {
    let place = Place::new();
    place.case("m/lib", &[("more.tremor", "fn twice(x) with x + x end")]);
    place.case(
        "t/a",
        &[
            (
                "q.trickle",
                "use lib::more;\nselect more::twice(event) from in into out",
            ),
            ("in.string", "a\n\nb\n"),
            ("out.string", "aa\n\nbb\n"),
        ],
    );
    place.test(&[]).says(2, &["lib::more"]);
    place.test(&["-I", "m"]).exits(0);
    place.write("t/a/test.toml", "modules = [\"../../m\"]");
    place.test(&[]).exits(0);
    // The same with a name that says nothing, and with results as JSON.
    for name in ["in.string", "out.string"] {
        std::fs::remove_file(place.path("t/a").join(name)).unwrap();
    }
    place.write("t/a/in", "a\nb\n");
    place.write("t/a/out.json", "\"aa\"\n\"bb\"\n");
    place.write(
        "t/a/test.toml",
        "modules = [\"../../m\"]\ndecoder = \"string\"",
    );
    place.test(&[]).exits(0);
}

#[test]
fn names_within_a_directory_are_parts_of_names() {
    let place = case(&[("in.json", "{\"n\":1}\n"), ("out.json", "2\n")]);
    place.case("t/b", &[("in.json", "1\n")]);
    // `t/a` is a directory, too, but one of the first.
    assert_eq!(place.test(&["t/a"]).exits(0), "ok      t/a\n1 case: 1 ok\n");
    assert_eq!(
        place.test(&["t", "t/a"]).exits(0),
        "ok      t/a\n1 case: 1 ok\n"
    );
    let inside = Ran::of(
        place
            .command(&["test", "."])
            .current_dir(place.path("t/a"))
            .output()
            .expect("temblor runs"),
    );
    assert_eq!(inside.exits(0), "ok      .\n1 case: 1 ok\n");
}
