//! Programs that would take for ever, or all memory, to compile.

mod common;

use std::fmt::Write;

use common::{json, source};
use temblor_lang::{Options, Query, Rejected, Scratch, compile_query, compile_script};
use temblor_pdk::value::{Arena, Event};

fn compile(text: &str, options: &Options) -> Result<Query, Rejected> {
    compile_script(&source("test.tremor", text), options)
}

/// The messages of the errors.
fn errors(text: &str) -> Vec<String> {
    match compile(text, &Options::default()) {
        Ok(_) => Vec::new(),
        Err(rejected) => rejected.findings.into_iter().map(|f| f.message).collect(),
    }
}

fn run(query: &Query) -> String {
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = query.pipeline.state();
    let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
    let mut found = String::new();
    let event = Event::new(arena.value(&common::owned("7")));
    run.event(0, event, &mut |_, event| found = json(event.data))
        .expect("the script runs");
    found
}

#[test]
fn constants_that_double_are_refused() {
    for (start, next) in [
        ("[1, 2]", "[C0, C0]"),
        (r#""text""#, "C0 + C0"),
        ("[1, 2]", "C0 + C0"),
        (r#"{"a": 1}"#, r#"{"a": C0, "b": C0}"#),
        (r#""text""#, r##""#{C0}#{C0}""##),
        ("<<1>>", "<<C0/binary, C0/binary>>"),
    ] {
        let mut text = format!("const C0 = {start};\n");
        for n in 1..64 {
            let before = format!("C{}", n - 1);
            writeln!(text, "const C{n} = {};", next.replace("C0", &before))
                .expect("strings can be written to");
        }
        text.push_str("event");
        let errors = errors(&text);
        assert_eq!(errors.len(), 1, "{next}: {errors:?}");
    }
}

#[test]
fn functions_that_call_each_other_twice_are_left_for_the_run_time() {
    let mut text = "fn f0(x) with let y = x; y end;\n".to_owned();
    for n in 1..64 {
        let before = n - 1;
        writeln!(text, "fn f{n}(x) with f{before}(x) + f{before}(x) end;")
            .expect("strings can be written to");
    }
    text.push_str("match event of case 7 => 1 case _ => f63(1) end");
    let query = compile(&text, &Options::default()).expect("it compiles");
    assert_eq!(run(&query), "1");
}

#[test]
fn restarts_within_restarts_are_left_for_the_run_time() {
    let mut text =
        "fn f0(n) with match n of case 0 => 0 case _ => recur(n - 1) end end;\n".to_owned();
    for n in 1..8 {
        let before = n - 1;
        writeln!(
            text,
            "fn f{n}(n) with let x = f{before}(1000); match n of case 0 => x case _ => recur(n - 1) end end;"
        )
        .expect("strings can be written to");
    }
    text.push_str("match event of case 7 => 1 case _ => f7(1000) end");
    let query = compile(&text, &Options::default()).expect("it compiles");
    assert_eq!(run(&query), "1");
}

#[test]
fn strings_that_double_in_a_function_are_left_for_the_run_time() {
    let text = r#"
        fn f(n, s) of case (n, s) when n > 0 => recur(n - 1, s + s) case _ => s end;
        match event of case 7 => 1 case _ => f(64, "text") end
    "#;
    let query = compile(text, &Options::default()).expect("it compiles");
    assert_eq!(run(&query), "1");
}

#[test]
fn long_sums_of_strings_compile() {
    let mut text = r#"let x = "a""#.to_owned();
    for _ in 0..20_000 {
        text.push_str(r#" + "some text""#);
    }
    text.push_str("; event");
    let query = compile(&text, &Options::default()).expect("it compiles");
    assert_eq!(run(&query), "7");
}

#[test]
fn long_rows_of_functions_do_not_nest() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut text = "fn f0(x) with let y = x; y end;\n".to_owned();
    for n in 1..5_000 {
        let before = n - 1;
        writeln!(
            text,
            "fn f{n}(x) with match x of case 0 => f{before}(x) case _ => x end end;"
        )
        .expect("strings can be written to");
    }
    std::fs::write(folder.path().join("row.tremor"), &text).expect("the file can be written");
    let options = Options {
        module_path: vec![folder.path().to_owned()],
        ..Options::default()
    };
    let query = compile("use row; row::f4999(event)", &options).expect("it compiles");
    assert_eq!(run(&query), "7");
}

#[test]
fn chains_of_modules_are_bounded() {
    let folder = tempfile::tempdir().expect("there is room");
    for n in 0..200 {
        let text = format!("use m{}; const N = {n};", n + 1);
        std::fs::write(folder.path().join(format!("m{n}.tremor")), text)
            .expect("the file can be written");
    }
    std::fs::write(folder.path().join("m200.tremor"), "const N = 200;")
        .expect("the file can be written");
    let options = Options {
        module_path: vec![folder.path().to_owned()],
        ..Options::default()
    };
    let rejected = compile("use m0; event", &options).expect_err("the chain is too long");
    assert_eq!(rejected.findings.len(), 1);
    let query = compile("use m180; m180::m181::N", &options).expect("this one is not");
    assert_eq!(run(&query), "181");
}

#[test]
fn a_text_names_the_module_of_each_finding() {
    let folder = tempfile::tempdir().expect("there is room");
    std::fs::write(folder.path().join("m.tremor"), "const X = 1 / 0;")
        .expect("the file can be written");
    let options = Options {
        module_path: vec![folder.path().to_owned()],
        ..Options::default()
    };
    let rejected = compile("use m; gone()", &options).expect_err("both are wrong");
    let files: Vec<String> = rejected
        .findings
        .iter()
        .map(|finding| finding.locate(&rejected.sources).file)
        .collect();
    let module = folder.path().join("m.tremor").display().to_string();
    assert_eq!(files, [module, "test.tremor".to_owned()]);
}

#[test]
fn pipelines_that_embed_each_other_twice_are_refused() {
    let folder = tempfile::tempdir().expect("there is room");
    for n in 0..30 {
        let text = match n {
            0 => "define pipeline p pipeline create stream s end".to_owned(),
            _ => format!(
                "define pipeline p pipeline use m{0}; create pipeline a from m{0}::p; \
                 create pipeline b from m{0}::p end",
                n - 1
            ),
        };
        std::fs::write(folder.path().join(format!("m{n}.trickle")), text)
            .expect("the file can be written");
    }
    let options = Options {
        module_path: vec![folder.path().to_owned()],
        ..Options::default()
    };
    let text = "use m29; create pipeline p from m29::p; select event from in into p; \
                select event from p into out";
    let rejected = compile_query(&source("q.trickle", text), &options).expect_err("too large");
    let messages: Vec<&String> = rejected.findings.iter().map(|f| &f.message).collect();
    let [message] = messages[..] else {
        panic!("one error: {messages:?}");
    };
    assert!(message.contains("the pipeline is too large"), "{message}");
}

#[test]
fn copies_of_copies_of_an_event_are_bounded() {
    let mut text = "create stream s0; select event from in into s0;".to_owned();
    for n in 1..40 {
        let before = n - 1;
        let select = format!("select event from s{before} into s{n};");
        write!(text, "create stream s{n}; {select} {select}").expect("strings can be written to");
    }
    text.push_str("select event from s39 into out");
    let query = compile_query(&source("q.trickle", &text), &Options::default());
    let query = query.expect("it compiles");
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = query.pipeline.state();
    let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
    let mut count = 0;
    let event = Event::new(arena.value(&common::owned("7")));
    let failed = run.event(0, event, &mut |_, _| count += 1);
    let message = failed.expect_err("too many").finding().message.clone();
    assert!(message.contains("from node to node"), "{message}");
    assert_eq!(count, 0);
}

#[test]
fn long_chains_of_selects_compile() {
    let mut text = "create stream s0; select event from in into s0;".to_owned();
    for n in 1..20_000 {
        let before = n - 1;
        write!(
            text,
            "create stream s{n}; select event from s{before} into s{n};"
        )
        .expect("strings can be written to");
    }
    text.push_str("select event from s19999 into out");
    let query = compile_query(&source("q.trickle", &text), &Options::default());
    assert_eq!(run(&query.expect("it compiles")), "7");
}
