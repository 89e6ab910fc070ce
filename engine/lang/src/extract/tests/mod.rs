//! Tests of the extractors: tables of texts and inputs, and what holds for any of both.

mod cidr;
mod dissect;
mod grok;
mod influx;
mod kv;
mod properties;
mod regex;
mod simple;

use temblor_pdk::value::{Arena, Value};

use super::{Context, Extractor};
use crate::eval::Stacks;

/// The time at which the events of the tests come in.
const INGEST_NS: u64 = 1_700_000_000_000_000_000;

/// Asserts what an extractor answers: a JSON text for what is bound, `none` for no match.
#[track_caller]
fn check(name: &str, table: &[(&str, &str, &str)]) {
    for (text, input, expected) in table {
        let extractor = compile(name, text);
        let found = extract(&extractor, input);
        assert_eq!(
            found.as_deref().unwrap_or("none"),
            *expected,
            "{name}|{text}| on {input:?}"
        );
        assert_eq!(
            is_match(&extractor, input),
            found.is_some(),
            "{name}|{text}| on {input:?}"
        );
    }
}

/// Asserts that texts are refused, and what the message says among other things.
#[track_caller]
fn refuse(name: &str, table: &[(&str, &str)]) {
    for (text, expected) in table {
        match Extractor::compile(name, text) {
            Ok(_) => panic!("{name}|{text}| is taken"),
            Err(message) => assert!(message.contains(expected), "{name}|{text}|: {message}"),
        }
    }
}

#[track_caller]
fn compile(name: &str, text: &str) -> Extractor {
    match Extractor::compile(name, text) {
        Ok(extractor) => extractor,
        Err(message) => panic!("{name}|{text}|: {message}"),
    }
}

fn extract(extractor: &Extractor, input: &str) -> Option<String> {
    let arena = Arena::new();
    with_context(&arena, |context| {
        let found = extractor.extract(arena.str(input), context);
        found.map(Value::to_json)
    })
}

fn is_match(extractor: &Extractor, input: &str) -> bool {
    let arena = Arena::new();
    with_context(&arena, |context| {
        extractor.is_match(arena.str(input), context)
    })
}

/// Runs with stacks on which something lies, and asserts that it still lies there afterwards.
fn with_context<'a, T>(arena: &'a Arena, run: impl FnOnce(&mut Context<'_, 'a>) -> T) -> T {
    let mut stacks = Stacks::default();
    stacks.values.push(Value::from(1));
    stacks
        .fields
        .push(temblor_pdk::value::Field::new("k", Value::from(2)));
    stacks.bytes.extend_from_slice(b"lies");
    let mut context = Context {
        arena,
        ingest_ns: INGEST_NS,
        stacks: &mut stacks,
    };
    let result = run(&mut context);
    assert_eq!(stacks.values, [Value::from(1)]);
    assert_eq!(stacks.fields.len(), 1);
    assert_eq!(stacks.bytes, b"lies");
    result
}
