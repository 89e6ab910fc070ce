//! No text makes the compiler panic, overflow the stack or point outside of the text.

mod common;

use common::source;
use proptest::prelude::*;
use std::sync::Arc;

use temblor_lang::{Finding, Options, Source, Sources, compile_deployment, compile_query, render};

fn compile(text: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    let source = source("any", text);
    all.extend(
        compile_query(&source, &Options::default())
            .map_or_else(|rejected| rejected.findings, |query| query.warnings),
    );
    let compiled = compile_deployment(&source, &Options::default());
    all.extend(compiled.map_or_else(
        |rejected| rejected.findings,
        |deployment| deployment.warnings,
    ));
    for finding in &all {
        check_place(finding, &source);
    }
    all
}

fn check_place(finding: &Finding, source: &Source) {
    let (start, end) = (finding.span.start as usize, finding.span.end as usize);
    assert!(start <= end && end <= source.text().len(), "{finding:?}");
    assert!(
        source.text().is_char_boundary(start) && source.text().is_char_boundary(end),
        "{finding:?}"
    );
    let sources = Sources::from(Arc::new(Source::new(source.name(), source.text())));
    assert!(!render(finding, &sources).is_empty());
    assert!(finding.locate(&sources).line >= 1);
}

/// Pieces that texts of the language are made of, right or wrong.
fn piece() -> impl Strategy<Value = String> {
    let words = "absent and args as by case connect connector const copy create default define deploy drop each emit \
        end erase event false flow fn for from group having insert into let match merge not null of operator or patch \
        pipeline present recur script select set state stream to true tumbling use when where window with xor in out \
        err a b c 1 0x1f 2.5 1e5 \"a\" \"#{ } #{a}\" ` `b` | |re| || ; , . : :: $ $a _ \\ ( ) [ ] { } %( %[ %{ => = == \
        != ~= ~ < <= > >= + - * / % & ^ ! << >> >>> # ## ### #!config #! \"\"\" /connector/a /pipeline/b é 🦀 \u{feff}";
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let statements = [
        "create stream a;",
        "select event from in into a;",
        "select event.a + 1 from a into out;",
        "define flow f flow",
        "define pipeline p pipeline",
        "create pipeline p;",
        "connect /pipeline/p to /pipeline/p;",
        "deploy flow f;",
        "end;",
        "define connector c from d with config = {\"a\": [1, args.b]} end;",
        "\n",
    ];
    let statements: Vec<String> = statements.map(str::to_owned).to_vec();
    prop_oneof![3 => prop::sample::select(words), 1 => prop::sample::select(statements), 1 => "\\PC{0,3}"]
}

proptest! {
    #[test]
    fn any_text_compiles_or_is_reported(text in "(?s).{0,60}") {
        compile(&text);
    }

    #[test]
    fn any_pieces_compile_or_are_reported(pieces in prop::collection::vec(piece(), 0..40), gap in "[ \n]?") {
        compile(&pieces.join(&gap));
    }

    #[test]
    fn any_part_of_a_good_text_compiles_or_is_reported(from in 0usize..400, len in 0usize..400) {
        let text = "define flow f args x = 1 flow define connector c from d args y with config = { \"a#{1}\": [1, \
            args.y[0:1]] } end; define pipeline p from in into out args z pipeline create stream s; select { \"k\": \
            present event.a and not $b } from in where event.n >= 0x1f into s having -event.k << 2 != null; select \
            \"\"\"\ntext #{ \"in #{args.z} ner\" }\"\"\" from s into out/x end; create connector c with y = [1] end";
        let part: String = text.chars().skip(from).take(len).collect();
        compile(&part);
    }
}

/// Texts are compiled on a thread with the stack that test threads have, which is less than a main thread's.
fn messages(text: &str) -> Vec<String> {
    compile(text)
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn deep_nesting_is_an_error() {
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{\"a\":", "1", "}"),
        ("not ", "true", ""),
        ("- ", "1", ""),
        ("event[", "1", "]"),
        ("\"#{", "1", "}\""),
        ("1 + (", "1", ")"),
        ("f(", "1", ")"),
        ("present (", "event", ")"),
        (
            "(((((((((((1 or ",
            "1",
            ")xor 1)and 1)^ 1)& 1)== 1)< 1)<< 1)+ 1)* 1)",
        ),
    ] {
        let text = format!(
            "select {}{inner}{} from in into out",
            open.repeat(10_000),
            close.repeat(10_000)
        );
        let found = messages(&text);
        assert!(
            found
                .iter()
                .any(|m| m == "this is nested more than 128 levels deep"),
            "{open}: {}",
            found[0]
        );
    }
}

#[test]
fn nesting_up_to_the_limit_is_fine() {
    let tight = "1 * 1 + 1 << 1 < 1 == true & true ^ false and true xor false or false";
    for (text, depth) in [
        ("(event)".to_owned(), 0),
        (format!("[{tight}]"), 0),
        ("event".to_owned(), 60),
    ] {
        let text = format!(
            "select {}{text}{} from in into out",
            "(".repeat(depth),
            ")".repeat(depth)
        );
        assert!(
            compile_query(&source("deep", &text), &Options::default()).is_ok(),
            "{text}"
        );
    }
    let pipeline = common::query(&format!(
        "select {}event{} from in into out",
        "[".repeat(100),
        "]".repeat(100)
    ));
    assert!(common::run(&pipeline, "in", "1", "null").1.is_ok());
    // The left operand of every operator is one level deeper on the evaluator's stack than its parentheses tell.
    let open = "(".repeat(60);
    let close = " * 1 + 1 - 0 << 0)".repeat(60);
    let pipeline = common::query(&format!("select {open}event{close} from in into out"));
    assert_eq!(common::run(&pipeline, "in", "1", "null").0, ["out 61"]);
}

/// Evaluates what is nested as deep as can be, by parentheses and by the precedence of operators.
#[test]
fn the_deepest_expression_is_evaluated() {
    let open = "(".repeat(60);
    let close = " * 1 + 1 << 0 < 1 == 1 & 1 ^ 1 and 1 xor 1 or 1)".repeat(60);
    let pipeline = common::query(&format!("select {open}event{close} from in into out"));
    let failure = common::run(&pipeline, "in", "true", "null")
        .1
        .expect_err("booleans are not multiplied");
    assert_eq!(
        pipeline.sources().main().slice(failure.finding().span),
        "event * 1"
    );
}

#[test]
fn endless_findings_are_cut() {
    for text in [
        "define pipeline p pipeline ",
        "select ; ",
        "'",
        "select x from in into out;",
    ] {
        let source = source("any", &text.repeat(10_000));
        let rejected = compile_query(&source, &Options::default()).expect_err("it is wrong");
        let found = rejected.findings;
        assert_eq!(found.len(), 100, "{text}");
    }
}

#[test]
fn long_is_not_deep() {
    let sum = vec!["event"; 50_000].join(" + ");
    let pipeline = common::query(&format!("select {sum} from in into out"));
    assert_eq!(common::run(&pipeline, "in", "1", "null").0, ["out 50000"]);
    let any = vec!["event == 0"; 50_000].join(" or ");
    let pipeline = common::query(&format!("select {any} from in into out"));
    assert_eq!(common::run(&pipeline, "in", "1", "null").0, ["out false"]);
    let path = format!("event{}", ".a".repeat(50_000));
    let pipeline = common::query(&format!("select absent {path} from in into out"));
    assert_eq!(common::run(&pipeline, "in", "1", "null").0, ["out true"]);
}

#[test]
fn long_tokens_are_fine() {
    let long = "x".repeat(3_000_000);
    let pipeline = common::query(&format!(
        "select \"{long}\" == event.{long} from in into out # {long}"
    ));
    let (results, _) = common::run(&pipeline, "in", &format!("{{\"{long}\": 1}}"), "null");
    assert_eq!(results, ["out false"]);
    let findings = compile(&format!("select {long} {long} from"));
    let rendered = render(
        &findings[0],
        &source("any", &format!("select {long} {long} from")).into(),
    );
    assert!(rendered.len() < 1_000, "{}", rendered.len());
}

#[test]
fn long_chains_of_streams_are_run() {
    let mut text = String::from("create stream s0; select event from in into s0;");
    for n in 1..500 {
        text += &format!(
            "create stream s{n}; select event + 1 from s{} into s{n};",
            n - 1
        );
    }
    text += "select event from s499 into out";
    assert_eq!(
        common::run(&common::query(&text), "in", "0", "null").0,
        ["out 499"]
    );
}
