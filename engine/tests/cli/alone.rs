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
        "event 2 cannot be decoded",
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
fn what_a_deployment_names_itself_cannot_be_named() {
    let place = Place::with("f.troy", crate::COPY);
    place.write("in.txt", "a\n");
    place
        .run(&["run", "f.troy", "-i", "in.txt"])
        .says(2, &["`--input` and `--output` are for scripts and queries"]);
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
