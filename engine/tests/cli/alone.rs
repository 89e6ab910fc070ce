//! `temblor run` of scripts and queries, `temblor fmt`, and the example of a console that answers.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::{Place, root};

/// Runs the program in a folder with something on its standard input.
fn feed(folder: &std::path::Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_temblor"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("temblor starts");
    let mut stdin = child.stdin.take().expect("it has an input");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_script_runs_over_its_input_in_order() {
    let place = Place::with(
        "s.tremor",
        "match event of case %{n > 5} => emit event => \"big\" case %{n == 0} => drop case _ => event.n end",
    );
    let ran = feed(
        &place.path(""),
        &["run", "s.tremor"],
        "{\"n\":1}\n{\"n\":7}\n{\"n\":0}\n{\"n\":2}",
    );
    assert_eq!(out(&ran), "1\n{\"n\":7}\n2\n");
    assert_eq!((err(&ran).as_str(), ran.status.code()), ("", Some(0)));
}

#[test]
fn an_event_that_fails_is_named_and_the_others_go_on() {
    let place = Place::with("s.tremor", "event.n + 1");
    let ran = feed(
        &place.path(""),
        &["run", "s.tremor"],
        "{\"n\":1}\n{\"m\":1}\nno\n{\"n\":3}\n",
    );
    assert_eq!(out(&ran), "2\n4\n");
    assert_eq!(ran.status.code(), Some(1));
    for part in [
        "non existing event key `n`",
        "event.n + 1",
        "{\"m\":1}",
        "this is no event",
        " --> standard input:3",
    ] {
        assert!(err(&ran).contains(part), "{part}: {}", err(&ran));
    }
}

#[test]
fn a_program_that_is_wrong_is_not_run() {
    let place = Place::with("s.tremor", "gone(event)");
    let ran = feed(&place.path(""), &["run", "s.tremor"], "1\n");
    assert_eq!((out(&ran).as_str(), ran.status.code()), ("", Some(2)));
    assert!(err(&ran).contains("s.tremor:1:1"), "{}", err(&ran));
}

#[test]
fn files_codecs_and_modules_can_be_named() {
    let place = Place::with(
        "q.trickle",
        "use lib::more;\nselect more::twice(event) from in into out",
    );
    std::fs::create_dir_all(place.path("modules/lib")).unwrap();
    place.write(
        "modules/lib/more.tremor",
        "fn twice(text) with text + text end",
    );
    place.write("in.txt", "a\nbc\n");
    let arguments = [
        "run",
        "q.trickle",
        "-I",
        "modules",
        "-i",
        "in.txt",
        "-o",
        "out.txt",
        "-d",
        "string",
        "-e",
        "json",
    ];
    place.run(&arguments).exits(0);
    assert_eq!(place.read("out.txt"), "\"aa\"\n\"bcbc\"\n");
    let missing = place.run(&["run", "q.trickle", "-i", "in.txt"]);
    missing.says(2, &["module", "lib::more"]);
    let path = place.path("modules");
    let with_path = |variable: &str| {
        let mut command = place.command(&["run", "q.trickle", "-i", "in.txt", "-d", "string"]);
        command.env(variable, &path);
        command.output().expect("temblor runs")
    };
    for variable in ["TEMBLOR_PATH", "TREMOR_PATH"] {
        assert_eq!(
            out(&with_path(variable)),
            "\"aa\"\n\"bcbc\"\n",
            "{variable}"
        );
    }
}

#[test]
fn the_logical_clock_counts_events() {
    let place = Place::with(
        "q.trickle",
        "use tremor::system;\ndefine window w from tumbling with interval = 2 end;\nselect system::ingest_ns() from in into out;\nselect aggr::win::collect_flattened(event) from in[w] into out",
    );
    let ran = feed(
        &place.path(""),
        &["run", "q.trickle", "--clock", "logical"],
        "1\n2\n3\n4\n5\n",
    );
    assert_eq!(out(&ran), "0\n1\n2\n[1,2]\n3\n4\n[3,4]\n");
}

#[test]
fn the_logical_clock_counts_the_events_of_a_flow() {
    let place = Place::with(
        "f.troy",
        r#"define flow main
flow
  define connector lines from file with
    config = {"path": "in.txt", "mode": "read"}, codec = "json", preprocessors = ["separate"]
  end;
  define connector out from stdio with codec = "json", postprocessors = ["separate"] end;
  define pipeline pairs
  pipeline
    define window two from tumbling with interval = 2 end;
    select aggr::win::collect_flattened(event) from in[two] into out;
  end;
  create connector lines;
  create connector out;
  create pipeline pairs;
  connect /connector/lines to /pipeline/pairs;
  connect /pipeline/pairs to /connector/out;
end;
deploy flow main;
"#,
    );
    place.write(
        "in.txt",
        "1
2
3
4
5
",
    );
    let ran = place.run(&["run", "f.troy", "--clock", "logical"]);
    assert_eq!(
        ran.exits(0),
        "[1,2]
[3,4]
"
    );
}

#[test]
fn what_a_deployment_names_itself_cannot_be_named() {
    let place = Place::with("f.troy", crate::COPY);
    place.write("in.txt", "a\n");
    place
        .run(&["run", "f.troy", "-i", "in.txt"])
        .says(2, &["`--input` is for scripts and queries"]);
    for option in ["--decoder=json", "--encoder=json", "--port=out"] {
        let name = option.split_once('=').map_or("", |(name, _)| name);
        let message = format!("`{name}` is for scripts and queries");
        place.run(&["run", "f.troy", option]).says(2, &[&message]);
    }
    place.write("s.tremor", "event");
    place
        .run(&["run", "s.tremor", "--set", "a.b=1"])
        .says(2, &["`--set a.b`: a script or query has no connectors"]);
}

#[test]
fn places_are_lines_of_the_input() {
    let place = Place::with("q.trickle", "select event.n from in into out");
    place.write("in.json", "{\"n\":1}\n\nno\n{\"m\":1}\n{\"n\":4}");
    let ran = place.run(&["run", "q.trickle", "-i", "in.json"]);
    assert_eq!(ran.exits(1), "1\n4\n");
    let parts = [
        "this is no event",
        " --> in.json:3",
        "non existing event key `n`",
        " --> q.trickle:1:14",
        "event: {\"m\":1}\n --> in.json:4",
    ];
    ran.says(1, &parts);
    // With other processors frames are no lines.
    let whole = [
        "run",
        "q.trickle",
        "-i",
        "in.json",
        "--preprocessor",
        "none",
    ];
    place.run(&whole).says(1, &[" --> in.json, frame 1"]);
}

#[test]
fn a_long_event_is_cut_where_it_is_shown() {
    let place = Place::with("s.tremor", "event.n");
    let long = format!("{{\"m\":\"{}\"}}\n{{\"n\":1}}\n", "é".repeat(500_000));
    let ran = feed(&place.path(""), &["run", "s.tremor"], &long);
    assert_eq!(
        (out(&ran).as_str(), ran.status.code()),
        ("1\n", Some(1)),
        "{}",
        err(&ran)
    );
    assert!(err(&ran).len() < 2_000, "{} bytes", err(&ran).len());
    assert!(err(&ran).contains("… (1000008 bytes)"), "{}", err(&ran));
}

/// Sends 1 to `foo`, 2 to `err`, drops 3, fails at text.
const PORTS: &str = "match event of case 1 => emit event => \"foo\" case 2 => emit event => \"err\" case 3 => drop case _ => event + 0 end";

#[test]
fn ports_can_be_chosen() {
    let place = Place::with("s.tremor", PORTS);
    place.write("in.json", "1\n2\n3\n4\n");
    let run = |ports: &[&str]| {
        let mut arguments = vec!["run", "s.tremor", "-i", "in.json"];
        arguments.extend(ports);
        place.run(&arguments)
    };
    let all = run(&[]);
    assert_eq!(all.exits(1), "1\n4\n");
    all.fails(1, "error: 2\n");
    assert_eq!(run(&["--port", "foo"]).exits(1), "1\n");
    assert_eq!(run(&["--port", "err", "--port", "foo"]).exits(0), "1\n2\n");
    run(&["--port", "fo"]).says(2, &["no output port `fo`", "did you mean `foo`?"]);
    place.write("in.json", "\"x\"\n");
    run(&["--port", "foo"]).says(1, &["operation `+`"]);
}

#[test]
fn nothing_is_overwritten_by_a_run_that_cannot_start() {
    let place = Place::with("s.tremor", "event");
    place.write("in.json", "1\n");
    place.write("out.json", "kept\n");
    let run = |arguments: &[&str]| {
        let all = [&["run", "s.tremor"], arguments].concat();
        place.run(&all)
    };
    run(&["-i", "gone.json", "-o", "out.json"])
        .says(2, &["`gone.json` cannot be read", "help: `--input`"]);
    run(&["-i", ".", "-o", "out.json"]).says(2, &["`.` cannot be read: it is a directory"]);
    run(&["-i", "in.json", "-o", "out.json", "-e", "jsn"]).says(2, &["no codec `jsn`", "`json`"]);
    run(&["-i", "in.json", "-o", "out.json", "--postprocessor", "x"])
        .says(2, &["no postprocessor `x`"]);
    run(&["-i", "in.json", "-o", "no/out.json"]).says(2, &["`no/out.json` cannot be written"]);
    run(&["-i", "in.json", "-o", "in.json"]).says(2, &["cannot be both input and output"]);
    assert_eq!(place.read("out.json"), "kept\n");
    assert_eq!(place.read("in.json"), "1\n");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_run() {
    let place = Place::with("s.tremor", "event");
    place.write("in.json", "1\n".repeat(1_000_000));
    let mut command = place.command(&["run", "s.tremor", "-i", "in.json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("temblor starts");
    drop(child.stdout.take());
    let ran = child.wait_with_output().expect("it ends");
    assert_eq!((err(&ran).as_str(), ran.status.code()), ("", Some(0)));
}

#[test]
fn a_result_that_cannot_be_encoded_fails_alone() {
    let place = Place::with("s.tremor", "event");
    place.write("in.json", "{\"a\":1}\n[\"b\",2]\n[\"c\"]\n");
    let ran = place.run(&["run", "s.tremor", "-i", "in.json", "-e", "csv"]);
    assert_eq!(ran.exits(1), "b,2\nc\n");
    ran.says(
        1,
        &["a result cannot be encoded", "{\"a\":1}", " --> in.json:1"],
    );
}

#[test]
fn without_processors_the_input_is_one_event() {
    let place = Place::with("s.tremor", "event.a");
    let arguments = [
        "run",
        "s.tremor",
        "--preprocessor",
        "none",
        "--postprocessor",
        "none",
    ];
    let long = "x".repeat(200_000);
    let input = format!("{{\n\"b\": \"{long}\",\n\"a\": 1}}\n");
    let ran = feed(&place.path(""), &arguments, &input);
    assert_eq!((out(&ran).as_str(), ran.status.code()), ("1", Some(0)));
}

#[test]
fn half_a_window_is_no_window_and_a_batch_is_let_go() {
    let query = "define window w from tumbling with size = 2 end;
define operator two from generic::batch with count = 2 end;
create operator two;
select { \"sum\": aggr::stats::sum(event) } from in[w] into out;
select event from in into two;
select event from two into out;";
    let place = Place::with("q.trickle", query);
    place.write("in.json", "1\n2\n3\n");
    let ran = place.run(&["run", "q.trickle", "-i", "in.json"]);
    assert_eq!(ran.exits(0).matches("sum").count(), 1, "{}", ran.out);
    assert_eq!(ran.out.lines().last(), Some("3"));
}

#[test]
fn fmt_writes_one_style_or_says_that_it_is_another() {
    let place = Place::with("s.tremor", "let  x=1 ;x # one");
    place.run(&["fmt", "--check", "s.tremor"]).exits(1);
    assert_eq!(place.read("s.tremor"), "let  x=1 ;x # one");
    place.run(&["fmt", "s.tremor"]).exits(0);
    assert_eq!(place.read("s.tremor"), "let x = 1;\nx # one\n");
    place.run(&["fmt", "--check", "s.tremor"]).exits(0);
    place.write("s.tremor", "let = 1");
    place
        .run(&["fmt", "s.tremor"])
        .says(2, &["is left as it is", "s.tremor:1:5"]);
    place.write("s.txt", "1");
    place
        .run(&["fmt", "s.txt"])
        .says(2, &["`s.txt` is no file of the language"]);
}

#[cfg(unix)]
#[test]
fn fmt_formats_what_a_link_leads_to() {
    let place = Place::with("s.tremor", "let  x=1 ;x");
    std::os::unix::fs::symlink("s.tremor", place.path("link.tremor")).expect("a link");
    place.run(&["fmt", "link.tremor"]).exits(0);
    assert_eq!(place.read("s.tremor"), "let x = 1;\nx\n");
    let link = std::fs::symlink_metadata(place.path("link.tremor")).expect("the link is there");
    assert!(link.is_symlink());
}

#[test]
fn the_console_of_the_examples_answers() {
    let arguments = [
        "run",
        "--quiet",
        "engine/examples/echo.troy",
        "-I",
        "engine/examples/modules",
    ];
    let ran = feed(root(), &arguments, "hello\n  good morning \n\nexit\n");
    assert_eq!(out(&ran), "Hello\nGood morning\n(exit: goodbye)\n");
    assert_eq!((err(&ran).as_str(), ran.status.code()), ("", Some(0)));
}

#[test]
fn what_operators_hold_back_at_the_end_is_not_lost_without_a_word() {
    let place = Place::with(
        "q.trickle",
        "define operator two from generic::batch with count = 2 end; create operator two;
         select event from in into two; select event from two into out",
    );
    place.write("in.json", "1\n2\n3\n");
    let run = ["run", "q.trickle", "-i", "in.json", "--clock", "logical"];
    let ran = place.run(&run);
    assert_eq!(ran.exits(0), "1\n2\n");
    ran.says(0, &["operators hold 1 event(s) back"]);
    // Where time passes, they are let go.
    assert_eq!(place.run(&run[..4]).exits(0), "1\n2\n3\n");
}
