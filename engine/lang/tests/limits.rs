//! Texts and scripts that want too much: every one ends with an error that says so, in bounded time and memory, on a
//! stack of two megabytes.

mod common;

use std::fmt::Write;

use common::{json, owned, source};
use temblor_lang::{Code, Finding, Options, Query, Rejected, Scratch, compile_script, render};
use temblor_pdk::value::{Arena, Event};

/// What is shown of an error at most, in bytes.
const LONGEST: usize = 6_000;

/// Runs a test on the stack that threads have by default, whatever `RUST_MIN_STACK` says.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let handle = thread.spawn(test).expect("a thread can be started");
    if let Err(panic) = handle.join() {
        std::panic::resume_unwind(panic);
    }
}

fn compile(text: &str) -> Result<Query, Rejected> {
    compile_script(&source("test.tremor", text), &Options::default())
}

/// The errors of a text that does not compile, each of which can be shown.
#[track_caller]
fn errors(text: &str) -> Vec<Finding> {
    let start: String = text.chars().take(80).collect();
    let Err(rejected) = compile(text) else {
        panic!("this should not compile: {start}…");
    };
    for finding in &rejected.findings {
        let shown = render(finding, &rejected.sources);
        assert!(shown.len() < LONGEST, "{start}…: {} bytes", shown.len());
    }
    rejected.findings
}

/// The result of a script as JSON, or its error.
#[track_caller]
fn run(text: &str, event: &str) -> Result<String, Box<Finding>> {
    let query = match compile(text) {
        Ok(query) => query,
        Err(rejected) => panic!("{}", common::rendered(&rejected)),
    };
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = query.pipeline.state();
    let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
    let mut result = "nothing".to_owned();
    let event = Event::new(arena.value(&owned(event)));
    run.event(0, event, &mut |_, event| result = json(event.data))
        .map_err(|error| Box::new(error.finding().clone()))?;
    Ok(result)
}

/// What opens, what stands in the middle, and what closes.
const NESTS: [(&str, &str, &str); 22] = [
    ("(", "1", ")"),
    ("[", "1", "]"),
    ("{\"a\": ", "1", "}"),
    ("{\"#{", "1", "}\": 1}"),
    ("- ", "1", ""),
    ("+ ", "1", ""),
    ("not ", "true", ""),
    ("!", "true", ""),
    ("\"#{", "1", "}\""),
    ("event[", "1", "]"),
    ("event[0:", "1", "]"),
    ("present event[", "1", "]"),
    ("f(", "1", ")"),
    ("<<(", "1", ")>>"),
    ("match event of case 1 => ", "1", " case _ => 2 end"),
    ("match ", "1", " of case _ => 2 end"),
    ("match event of case ", "1", " => 2 case _ => 2 end"),
    (
        "match event of case _ when ",
        "true",
        " => 2 case _ => 2 end",
    ),
    ("for event of case (k, v) => ", "1", " end"),
    ("merge event of ", "event", " end"),
    ("patch event of insert \"a\" => ", "1", " end"),
    ("let x = ", "1", ""),
];

#[test]
fn deep_nesting_is_refused() {
    on_small_stack(|| {
        for (open, middle, close) in NESTS {
            let text = format!("{}{middle}{}", open.repeat(10_000), close.repeat(10_000));
            let found = errors(&text);
            let is_said = found.iter().any(|finding| finding.code == Code::TooLarge);
            assert!(is_said, "{open}: {}", found[0].message);
        }
    });
}

#[test]
fn deep_patterns_are_refused() {
    on_small_stack(|| {
        for (open, middle, close) in [
            ("%{ a ~= ", "%{}", " }"),
            ("a = ", "_", ""),
            ("%{ a ~= %[ ", "1", " ] }"),
            ("%{ a ~= %( ", "1", ", ... ) }"),
        ] {
            let (open, close) = (open.repeat(10_000), close.repeat(10_000));
            let text = format!("match event of case {open}{middle}{close} => 1 case _ => 2 end");
            let found = errors(&text);
            let is_said = found.iter().any(|finding| finding.code == Code::TooLarge);
            assert!(is_said, "{middle}: {}", found[0].message);
        }
    });
}

/// What is opened and never closed is as deep.
#[test]
fn what_is_never_closed_is_refused() {
    on_small_stack(|| {
        for (open, ..) in NESTS {
            assert!(!errors(&open.repeat(10_000)).is_empty(), "{open}");
        }
        for open in [
            "%{",
            "%[",
            "%(",
            "\"\"\"\n#{",
            "case ",
            "fn f(a) with ",
            "<<",
        ] {
            let text = format!("match event of case {}", open.repeat(10_000));
            assert!(!errors(&text).is_empty(), "{open}");
            assert!(!errors(&open.repeat(10_000)).is_empty(), "{open}");
        }
    });
}

const MEGABYTE: usize = 1 << 20;

#[test]
fn tokens_of_a_megabyte_are_read() {
    on_small_stack(|| {
        let long = "x".repeat(MEGABYTE);
        assert_eq!(
            run(&format!("let {long} = event; {long}"), "7").unwrap_or_default(),
            "7"
        );
        let expected = format!("\"{long}\"");
        assert_eq!(
            run(&format!("\"{long}\""), "7").unwrap_or_default(),
            expected
        );
        assert_eq!(
            run(&format!("event.`{long}`"), &format!("{{\"{long}\": 7}}")).unwrap_or_default(),
            "7"
        );
        let zeros = "0".repeat(MEGABYTE);
        assert_eq!(run(&format!("0{zeros}7"), "null").unwrap_or_default(), "7");
        assert_eq!(
            run(&format!("1.0{zeros}"), "null").unwrap_or_default(),
            "1.0"
        );
        assert_eq!(run(&format!("7 # {long}"), "null").unwrap_or_default(), "7");
    });
}

#[test]
fn tokens_of_a_megabyte_that_are_wrong_are_refused_shortly() {
    on_small_stack(|| {
        let (long, digits) = ("x".repeat(MEGABYTE), "9".repeat(MEGABYTE));
        for text in [
            digits.clone(),
            format!("0x{}", "f".repeat(MEGABYTE)),
            format!("{digits}{long}"),
            format!("1.0e{digits}{long}"),
            format!("\"{long}"),
            format!("\"{}\"", "\\q".repeat(MEGABYTE / 2)),
            format!("`{long}"),
            format!("|{long}"),
            format!("{long} {long}"),
            format!("{long}()"),
            format!("use {long}; event"),
            format!("{long}::{long}"),
            format!("const {long} = event; event"),
            format!("match event of case ~ {long}|| => 1 case _ => 2 end"),
            format!("match event of case ~ re|{long}| => 1 case _ => 2 end"),
            format!("let {long}y = 1; use {long}z; {long}x()"),
            "'".repeat(MEGABYTE),
            "\u{1f980}".repeat(MEGABYTE / 4),
        ] {
            assert!(!errors(&text).is_empty());
        }
    });
}

#[test]
fn a_variable_with_a_long_name_is_missed_shortly() {
    on_small_stack(|| {
        let long = "x".repeat(MEGABYTE);
        // One that is almost the same makes it worse: it may have been meant.
        for text in [
            long.clone(),
            format!("let {long}y = 1; {long}z"),
            format!("let event.{long}y = 1; event.{long}z"),
            format!("update event of update \"{long}\" => 1 end").replacen("update", "patch", 1),
        ] {
            let failure = run(&text, "{}").expect_err("it is not set");
            assert_eq!(failure.code, Code::MissingKey);
            let help = failure.help.as_ref().map_or(0, String::len);
            assert!(failure.message.len() + help < LONGEST);
        }
    });
}

// --- endless programs ---

#[test]
fn endless_restarts_fail() {
    on_small_stack(|| {
        for function in [
            "fn f(n) with recur(n + 1) end",
            "fn f(n) of case (n) when n < 0 => 0 case _ => recur(n + 1) end",
            "fn f(n) with match n of case -1 => 0 case _ => recur(n + 1) end end",
        ] {
            let failure = run(&format!("{function}; f(event)"), "0").expect_err("it does not end");
            assert_eq!(failure.code, Code::Recursion, "{function}");
            let found = errors(&format!("{function}; f(0)"));
            assert_eq!(found[0].code, Code::Recursion, "{function}");
        }
    });
}

/// Functions know only those before them, so that they cannot call each other in a ring.
#[test]
fn functions_cannot_call_themselves_or_each_other_by_name() {
    for text in [
        "fn f(n) with f(n) end; f(event)",
        "fn f(n) with g(n) end; fn g(n) with f(n) end; f(event)",
        "fn f(n) of case (0) => 0 case _ => 1 + f(n - 1) end; f(event)",
    ] {
        assert_eq!(errors(text)[0].code, Code::UnknownName, "{text}");
    }
}

/// Each function calls the one before it, as deep as no stack is.
#[test]
fn long_chains_of_calls_fail() {
    on_small_stack(|| {
        let mut text = "fn f0(x) with let y = x + 1; y end;\n".to_owned();
        for n in 1..10_000 {
            let line = format!("fn f{n}(x) with let y = [f{}(x)]; y end;", n - 1);
            writeln!(text, "{line}").expect("strings can be written to");
        }
        let failure = run(&format!("{text} f9999(event)"), "0").expect_err("it is too deep");
        assert!(
            matches!(failure.code, Code::Recursion | Code::TooLarge),
            "{}",
            failure.message
        );
    });
}

#[test]
fn values_that_double_at_run_time_fail() {
    on_small_stack(|| {
        for (start, next) in [
            ("event.t", "x + x"),
            ("event.l", "x + x"),
            ("event.l", "[x, x]"),
            ("event", "{\"a\": x, \"b\": x}"),
            ("event.t", "\"#{x}#{x}\""),
            (
                "event",
                "patch event of insert \"a\" => x; insert \"b\" => x end",
            ),
            ("event", "merge {\"a\": x} of {\"b\": x} end"),
            ("event.t", "<<x/binary, x/binary>>"),
        ] {
            let text = format!(
                "let x = {start}; for 0 of case (k, v) => 0 end; {} x",
                format!("let x = {next}; ").repeat(64)
            );
            let failure = run(&text, "{\"t\": \"some text\", \"l\": [1, 2]}").expect_err(next);
            assert_eq!(failure.code, Code::TooLarge, "{next}: {}", failure.message);
        }
    });
}

/// What takes hours if each place where a part occurs is looked at again.
#[test]
fn values_that_share_their_parts_are_compared_once() {
    on_small_stack(|| {
        for next in ["[x, 1, x, 2]", "{\"a\": x, \"b\": 1, \"c\": x}"] {
            let doubled = format!("let x = {next}; ").repeat(20);
            let text = format!(
                "use std::range; let x = event; {doubled} let a = x; let x = event; {doubled}
                 for range::range(0, 300) of case (i, n) when a == x and x == a and x == x => 1 into 0 end"
            );
            assert_eq!(run(&text, "[1.5]").unwrap_or_default(), "300");
            // Nothing is equal to itself that has a number in it that is not.
            let text = format!(
                "let x = event[0] / 0.0; {doubled} match x of case (x) => 1 case _ => 2 end"
            );
            assert_eq!(run(&text, "[1.5]").unwrap_or_default(), "2");
        }
    });
}

/// The state outlives the event: what grows there grows for ever.
#[test]
fn states_that_nest_fail() {
    on_small_stack(|| {
        let text = format!(
            "let state = event; {} state",
            "let state = [state]; ".repeat(2_000)
        );
        let failure = run(&text, "0").expect_err("it is too deep");
        assert_eq!(failure.code, Code::TooLarge, "{}", failure.message);
        let text = format!(
            "let event = [event]; {} event",
            "let event.a = 1; ".repeat(2)
        );
        assert_eq!(
            run(&text, "0").expect_err("it is no record").code,
            Code::Type
        );
        let steps = ".a".repeat(2_000);
        let failure = run(&format!("let event{steps} = 1; event"), "{}").expect_err("too deep");
        assert_eq!(failure.code, Code::TooLarge, "{}", failure.message);
    });
}

#[test]
fn texts_that_double_at_compile_time_are_refused() {
    on_small_stack(|| {
        for (start, next) in [
            ("\"text\"", "C0 + C0"),
            ("\"text\"", "\"#{C0}#{C0}\""),
            ("[\"text\"]", "[C0, C0]"),
            ("{\"a\": 1}", "{\"a\": C0, \"#{C0}\": C0}"),
        ] {
            let mut text = format!("const C0 = {start};\n");
            for n in 1..200 {
                let value = next.replace("C0", &format!("C{}", n - 1));
                writeln!(text, "const C{n} = {value};").expect("strings can be written to");
            }
            let found = errors(&format!("{text} event"));
            assert_eq!(
                found[0].code,
                Code::TooLarge,
                "{next}: {}",
                found[0].message
            );
        }
    });
}

#[test]
fn a_state_that_is_large_does_not_multiply_with_the_events_of_a_batch() {
    let double = r##"match state of case null => "ab" case _ => "#{state}#{state}" end"##;
    let query = match compile(&format!("let state = {double}; null")) {
        Ok(query) => query,
        Err(rejected) => panic!("{}", common::rendered(&rejected)),
    };
    let (arena, mut scratch) = (Arena::new(), Scratch::default());
    let mut state = query.pipeline.state();
    let mut run = query.pipeline.start(&arena, &mut scratch, &mut state);
    let mut failures = 0;
    for _ in 0..64 {
        let event = Event::new(arena.value(&owned("1")));
        failures += usize::from(run.event(0, event, &mut |_, _| ()).is_err());
    }
    assert!(failures > 30, "{failures} of 64 events fail");
    assert!(arena.bytes() < 3 << 30, "{} bytes", arena.bytes());
}
