//! What expressions evaluate to: the tables in `expressions/`.
//!
//! A line is `expression ==> result`. The result is the JSON of the value, or the error: `compile` or `run`, the
//! text that is underlined in guillemets, and the message. Lines that start with `#` are comments.

mod common;

use common::{case_files, json, owned, rendered, source};
use temblor_lang::{Finding, Options, Scratch, Sources, compile_query};
use temblor_pdk::value::{Arena, Event, Value};

const EVENT: &str = r##"{
    "n": 5, "neg": -3, "f": 2.5, "zero": 0, "big": 18446744073709551615, "max": 9223372036854775807,
    "min": -9223372036854775808,
    "s": "text", "empty": "", "t": true, "nothing": null, "list": [1, 2, 3, 4],
    "rec": {"a": 1, "b": {"c": "deep"}}, "key": "a", "odd name": 7
}"##;
const META: &str = r#"{"topic": "logs", "part": 3}"#;

fn evaluate(expression: &str) -> String {
    let source = source("case", &format!("select\n{expression}\nfrom in into out"));
    let query = match compile_query(&source, &Options::default()) {
        Ok(query) => query,
        Err(rejected) => return error("compile", &rejected.findings[0], &rejected.sources),
    };
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut event = Event::new(arena.value(&owned(EVENT)));
    event.meta = arena.value(&owned(META));
    let mut result = None;
    let mut state = query.pipeline.state();
    let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
    match run.event(0, event, &mut |_, event: Event<'_>| {
        result = Some(json(event.data))
    }) {
        Ok(()) => result.expect("a select has one result"),
        Err(failure) => error("run", failure.finding(), failure.sources()),
    }
}

fn error(when: &str, finding: &Finding, sources: &Sources) -> String {
    let place = sources
        .of(finding.span)
        .slice(finding.span)
        .replace('\n', "⏎");
    format!("{when} «{place}» {}", finding.message)
}

#[test]
fn expressions_evaluate_as_the_tables_say() {
    let mut cases = 0;
    let mut wrong = Vec::new();
    for (file, text) in case_files("expressions") {
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (expression, expected) = line
                .split_once("==>")
                .expect("a line is `expression ==> result`");
            let found = evaluate(expression.trim());
            cases += 1;
            if found != expected.trim() {
                wrong.push(format!(
                    "{file}:{}: {}\n    found {found}",
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Values that cannot be written as JSON or in the language.
#[test]
fn bytes_equal_the_string_of_the_same_bytes() {
    let source = source(
        "case",
        "select [event == \"ab\", event < \"b\", event != \"abc\"] from in into out",
    );
    let query = compile_query(&source, &Options::default())
        .unwrap_or_else(|rejected| panic!("{}", rendered(&rejected)));
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = query.pipeline.state();
    let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
    let mut results = Vec::new();
    run.event(0, Event::new(Value::bytes(b"ab")), &mut |_, event| {
        results.push(json(event.data))
    })
    .expect("comparisons of bytes and strings are defined");
    assert_eq!(results, ["[true,true,true]"]);
}
