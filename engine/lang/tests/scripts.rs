//! What bounds scripts: deep values, deep calls, large records.

mod common;

use std::time::{Duration, Instant};

use common::{json, owned, rendered, source};
use temblor_lang::{Options, Pipeline, Scratch, State, compile_script};
use temblor_pdk::value::{Arena, Event, OwnedValue};

fn script(text: &str) -> Pipeline {
    match compile_script(&source("test.tremor", text), &Options::default()) {
        Ok(script) => script.pipeline,
        Err(rejected) => panic!("{text}\n{}", rendered(&rejected)),
    }
}

/// Runs a script for one event; the result is JSON, or the message of the failure.
fn run(
    pipeline: &Pipeline,
    state: &mut State,
    scratch: &mut Scratch,
    event: &OwnedValue,
) -> String {
    let arena = Arena::new();
    let mut result = "dropped".to_owned();
    let event = Event::new(arena.value(event));
    let mut run = pipeline.start(&arena, scratch, state);
    let outcome = run.event(0, event, &mut |_, event| result = json(event.data));
    match outcome {
        Ok(()) => result,
        Err(error) => format!("failed: {}", error.finding().message),
    }
}

fn result(text: &str, event: &str) -> String {
    let pipeline = match compile_script(&source("test.tremor", text), &Options::default()) {
        Ok(script) => script.pipeline,
        Err(rejected) => return format!("failed: {}", rejected.findings[0].message),
    };
    run(
        &pipeline,
        &mut pipeline.state(),
        &mut Scratch::default(),
        &owned(event),
    )
}

#[test]
fn what_a_state_appends_is_copied_once() {
    // A thousand events with a thousand numbers each, in an array that grows.
    let pipeline = script(
        "match state of case null => let state = {\"xs\": []} case _ => null end;
         let state.xs = state.xs + [event, event];
         match event of case 29999 => state.xs[0:2] case _ => null end",
    );
    let (mut state, mut scratch) = (pipeline.state(), Scratch::default());
    let started = Instant::now();
    let mut last = String::new();
    for n in 0..30_000 {
        last = run(&pipeline, &mut state, &mut scratch, &OwnedValue::I64(n));
    }
    assert_eq!(last, "[0,0]");
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "30,000 appends took {:?}",
        started.elapsed()
    );
}

#[test]
fn assignments_to_a_large_record_are_not_quadratic() {
    const FIELDS: usize = 30_000;
    let fields: Vec<String> = (0..FIELDS).map(|n| format!(r#""{n}": {n}"#)).collect();
    let event = format!("{{{}}}", fields.join(","));
    let started = Instant::now();
    let text = "for event of case (k, v) => let event[\"new#{k}\"] = v end; let event.x = 1; event[\"new77\"]";
    assert_eq!(result(text, &event), "77");
    let text = "for event of case (k, v) => {k: v} into {} end";
    let text = text.replace("{k: v}", "{\"#{k}\": v}");
    assert_eq!(
        result(&format!("let x = {text}; x[\"777\"]"), &event),
        "777"
    );
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

// --- depth ---

#[test]
fn values_cannot_be_nested_without_bound() {
    let text =
        "match state of case null => let state = [] case _ => null end; let state = [state]; 1";
    let pipeline = script(text);
    let (mut state, mut scratch) = (pipeline.state(), Scratch::default());
    let event = OwnedValue::Null;
    let results: Vec<String> = (0..5000)
        .map(|_| run(&pipeline, &mut state, &mut scratch, &event))
        .collect();
    assert_eq!(results[1000], "1");
    let expected = "failed: this value is nested more than 1152 levels deep";
    assert_eq!(results[4999], expected);
}

#[test]
fn whatever_builds_deep_values_ends_with_an_error() {
    let zeros = format!("[{}]", vec!["0"; 5000].join(","));
    for text in [
        "let x = []; for event of case (i, e) => let x = [x] end; x == x",
        "let x = {}; for event of case (i, e) => let x = {\"k\": x} end; merge x of x end",
        "let x = {}; for event of case (i, e) => let x = patch {} of insert \"k\" => x end end; 1",
        "let x = {}; for event of case (i, e) => let y = {}; let y.k = x; let x = y end; 1",
        "let state = {}; for event of case (i, e) => let state.k = state end; 1",
        "let event = {}; for [1] of case (i, e) => 1 end;
         for range::range(0, 5000) of case (i, e) => let event.k = event end; 1",
        "let state = [1]; for event of case (i, e) => let state = [state] + [1] end; 1",
        "for event of case (i, e) => let $x = $ end; 1",
        "fn nest(x, n) of case (x, n) when n > 0 => recur([x], n - 1) case _ => x end;
         nest(nest(nest([], 1000), 1000), 1000)",
        "fn a(x) with [[[[[[[[x]]]]]]]] end; fn b(x) with a(a(a(a(a(a(a(a(x)))))))) end;
         fn c(x) with b(b(b(b(b(b(b(b(x)))))))) end; fn d(x) with c(c(c(c(c(c(c(c(x)))))))) end; d(event) == d(event)",
    ] {
        let text = format!("use std::range; {text}");
        let result = result(&text, &zeros);
        assert!(
            result.starts_with("failed: ") && result.contains("deep"),
            "{text}: {result:.200}"
        );
    }
}

#[test]
fn values_cannot_be_larger_than_memory() {
    let zeros = format!("[{}]", vec!["0"; 100].join(","));
    for (text, expected) in [
        (
            "let x = 1; for event of case (i, e) => let x = [x, x] end; x == x",
            "too large",
        ),
        (
            "let x = 1; for event of case (i, e) => let x = {\"a\": x, \"b\": x} end; \"#{x}\"",
            "too large",
        ),
        (
            "let x = \"text\"; for event of case (i, e) => let x = x + x end; x",
            "256 MiB",
        ),
        (
            "let x = \"text\"; for event of case (i, e) => let x = \"#{x}#{x}\" end; x",
            "256 MiB",
        ),
        (
            "let x = \"#{event}\";
             for event[0:18] of case (i, e) => let x = x + x end;
             for event of case (j, e) => <<x/binary>> end",
            "memory",
        ),
        (
            "fn f(x) of case (x) when true => recur([x, x]) case _ => 1 end; f(event)",
            "too large",
        ),
    ] {
        let result = result(text, &zeros);
        assert!(
            result.starts_with("failed: ") && result.contains(expected),
            "{text}: {result:.200}"
        );
    }
}

#[test]
fn whatever_is_computed_ends() {
    let mut text = "fn f0(n, m) with n end;\n".to_owned();
    for n in 1..20 {
        let before = n - 1;
        text += &format!(
            "fn f{n}(n, m) of
               case (n, m) when n > 0 => let x = f{before}(m, m); recur(n - 1, m)
               case _ => 0
             end;\n"
        );
    }
    let expected = "failed: this takes more than 50000000 steps for one event";
    assert_eq!(result(&format!("{text} f19(1000, 1000)"), "1"), expected);
    // One of many constants, each one level deeper than the one before.
    let consts: Vec<String> = (1..3000)
        .map(|n| format!("const C{n} = [C{}];", n - 1))
        .collect();
    let text = format!("const C0 = []; {} C2999", consts.join("\n"));
    assert!(compile_script(&source("test.tremor", &text), &Options::default()).is_err());
}

#[test]
fn values_as_deep_as_json_may_be_can_be_handled() {
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let nested = (0..1000).fold(OwnedValue::I64(1), |inner, _| {
        OwnedValue::Array(vec![inner])
    });
    let pipeline = script(
        "let state = {\"e\": event}; let same = state.e; [same == event, \"#{event}\", {\"a\": [event]}]",
    );
    let mut state = pipeline.state();
    let result = run(&pipeline, &mut state, &mut Scratch::default(), &nested);
    assert_eq!(result, format!(r#"[true,"{deep}",{{"a":[{deep}]}}]"#));
}

#[test]
fn functions_may_call_functions_but_not_without_bound() {
    let mut text = "fn f0(x) with let y = x; y + 1 end;\n".to_owned();
    for n in 1..2000 {
        let before = n - 1;
        text += &format!("fn f{n}(x) with let y = f{before}(x); y + 1 end;\n");
    }
    assert_eq!(result(&format!("{text} f50(event)"), "1"), "52");
    let last = result(&format!("{text} f1999(event)"), "1");
    assert_eq!(
        last,
        "failed: recursion limit reached: calls are nested too deeply"
    );
    // Functions with deep expressions in them take more of the native stack.
    let (open, close) = ("[".repeat(60), "]".repeat(60));
    let mut text = "fn f0(x) with x end;\n".to_owned();
    for n in 1..100 {
        let before = n - 1;
        text += &format!("fn f{n}(x) with let y = {open}f{before}(x){close}; 1 end;\n");
    }
    let last = result(&format!("{text} f99(event)"), "1");
    assert_eq!(
        last,
        "failed: recursion limit reached: calls are nested too deeply"
    );
}

#[test]
fn the_last_restart_that_is_allowed() {
    let text =
        "fn count(n) of case (n) when n > 0 => recur(n - 1) case _ => \"done\" end; count(event)";
    assert_eq!(result(text, "1023"), "\"done\"");
    let expected = "failed: recursion limit reached: `count` has called itself 1024 times";
    assert_eq!(result(text, "1024"), expected);
}
