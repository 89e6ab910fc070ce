//! Random scripts are run twice: compiled, by the engine, and by an evaluator so slow and plain that it is easy to see
//! that it does what the specification says. Both have to agree.

#[path = "../common/mod.rs"]
mod common;
mod edits;
mod fold;
mod generate;
mod generate_match;
mod generate_script;
mod generate_value;
mod machine;
mod operators;
mod paths;
mod patterns;
mod print;
mod tree;
mod value;

use common::source;
use fold::Refused;
use generate::Maker;
use machine::{Frame, MAX_STEPS, Machine, Stop};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use temblor_lang::{Options, Query, Scratch, SourceKind, compile_script, format};
use temblor_pdk::value::{Arena, Event, OwnedValue};
use tree::{Expr, Piece, Script, Statement};
use value::{Record, Val};

/// What became of an event.
#[derive(Debug)]
enum Outcome {
    Emitted(String, Val),
    Nothing,
    Failed(&'static str),
}

impl Outcome {
    fn is_same(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Emitted(a, x), Outcome::Emitted(b, y)) => a == b && x.is_same(y),
            (Outcome::Nothing, Outcome::Nothing) => true,
            (Outcome::Failed(a), Outcome::Failed(b)) => a == b,
            _ => false,
        }
    }
}

/// How a script came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Rejected,
    Ran {
        values: usize,
        failures: usize,
    },
    /// The specification does not say.
    Open,
}

fn metadata() -> Val {
    let fields = [
        ("n", Val::Int(1)),
        ("t", Val::text("t")),
        ("l", Val::List(vec![Val::Int(3), Val::Null])),
        ("b", Val::Bool(true)),
        ("m", Val::Float(1.5)),
        (
            "r",
            Val::Record(Record(vec![("n".to_owned(), Val::Int(2))])),
        ),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    Val::Record(Record(fields.into()))
}

/// Runs a script both ways.
fn compare(script: &Script, events: &[Val]) -> Result<End, String> {
    let text = print::script(script);
    let compiled = compile_script(&source("random.tremor", &text), &Options::default());
    let constants = match fold::check(script) {
        Ok(constants) => constants,
        Err(Refused::Open) => return Ok(End::Open),
        Err(Refused::Rejected) => {
            return match compiled {
                Ok(_) => Err(format!(
                    "this should not compile:
{text}"
                )),
                Err(_) => Ok(End::Rejected),
            };
        }
    };
    let query = match compiled {
        Ok(query) => query,
        Err(rejected) => return Err(format!("{text}\n{}", common::rendered(&rejected))),
    };
    let formatted = formatted(&text)?;
    let (mut values, mut failures) = (0, 0);
    let (mut engine, mut state) = (Engine::new(&query), Val::Null);
    let mut other = Engine::new(&formatted);
    for event in events {
        let frame = Frame::new(event.clone(), metadata(), state);
        let mut machine = Machine {
            script,
            constants: &constants,
            frame,
            steps: MAX_STEPS,
        };
        let result = machine.run();
        state = machine.frame.state;
        let expected = match result {
            Ok(value) => Outcome::Emitted("out".to_owned(), value),
            Err(Stop::Emit(value, port)) if is_port(script, &port) => Outcome::Emitted(port, value),
            // Names that no `emit` has as they are share a port.
            Err(Stop::Emit(value, _)) => Outcome::Emitted("*".to_owned(), value),
            Err(Stop::Drop) => Outcome::Nothing,
            Err(Stop::Failed(code)) => Outcome::Failed(code.as_str()),
            Err(Stop::Open | Stop::Recur(_)) => return Ok(End::Open),
        };
        let found = engine.run(event);
        if !found.is_same(&expected) {
            let event = event.exact_json();
            return Err(format!(
                "{text}\n\nevent: {}\nexpected: {expected:?}\nfound: {found:?}",
                event
            ));
        }
        if !other.run(event).is_same(&expected) {
            return Err(format!("formatting changes what this does:\n{text}"));
        }
        match expected {
            Outcome::Failed(_) => failures += 1,
            _ => values += 1,
        }
    }
    Ok(End::Ran { values, failures })
}

/// The script as the formatter writes it, compiled.
fn formatted(text: &str) -> Result<Query, String> {
    let whole = source("random.tremor", text);
    let formatted = format(&whole, SourceKind::Script)
        .map_err(|_| format!("this cannot be formatted:\n{text}"))?;
    let compiled = compile_script(&source("random.tremor", &formatted), &Options::default());
    compiled.map_err(|rejected| format!("{text}\n{}", common::rendered(&rejected)))
}

/// Whether the script has an output port: one of the two that all have, or one that an `emit` names as it is.
fn is_port(script: &Script, port: &str) -> bool {
    matches!(port, "out" | "err") || names(&script.statements, port)
}

fn names(body: &[Statement], port: &str) -> bool {
    body.iter().any(|statement| match statement {
        Statement::Emit {
            port: Some(text), ..
        } => {
            matches!(text.as_slice(), [Piece::Fixed(name)] if *name == port)
        }
        Statement::Let(_, value) => names(std::slice::from_ref(&**value), port),
        Statement::Expr(Expr::Match(inner)) => inner.clauses.iter().any(|c| names(&c.body, port)),
        Statement::Expr(Expr::For(inner)) => inner.cases.iter().any(|c| names(&c.body, port)),
        _ => false,
    })
}

/// A compiled script with its state.
struct Engine<'q> {
    query: &'q Query,
    state: temblor_lang::State,
    scratch: Scratch,
}

impl<'q> Engine<'q> {
    fn new(query: &'q Query) -> Engine<'q> {
        let (state, scratch) = (query.pipeline.state(), Scratch::default());
        Engine {
            query,
            state,
            scratch,
        }
    }

    fn run(&mut self, event: &Val) -> Outcome {
        let json = event.exact_json();
        let owned: OwnedValue = serde_json::from_str(&json).expect("events are JSON");
        let arena = Arena::new();
        let pipeline = &self.query.pipeline;
        let mut event = Event::new(arena.value(&owned));
        let meta: OwnedValue = serde_json::from_str(&metadata().exact_json()).expect("it is JSON");
        event.meta = arena.value(&meta);
        let mut outcome = Outcome::Nothing;
        let mut run = pipeline.start(&arena, &mut self.scratch, &mut self.state);
        let done = run.event(0, event, &mut |port, event| {
            let port = pipeline.outputs().nth(port).expect("the port exists");
            outcome = Outcome::Emitted(port.to_owned(), Val::of(event.data));
        });
        match done {
            Ok(()) => outcome,
            Err(error) => Outcome::Failed(error.finding().code.as_str()),
        }
    }
}

fn cases() -> u32 {
    let count = std::env::var("PROPTEST_CASES").ok();
    count.and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

#[test]
fn scripts_do_what_the_specification_says() {
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let tally = std::cell::RefCell::new([0usize; 5]);
    let tape = || prop::collection::vec(any::<u16>(), 0..2_000);
    let mut runner = TestRunner::new(config);
    let done = runner.run(&(tape(), tape()), |(script, events)| {
        let script = Maker::new(&script).script();
        let mut maker = Maker::new(&events);
        let events: Vec<Val> = (0..3).map(|_| maker.event()).collect();
        let mut tally = tally.borrow_mut();
        match compare(&script, &events).map_err(TestCaseError::fail)? {
            End::Rejected => tally[0] += 1,
            End::Open => tally[1] += 1,
            End::Ran { values, failures } => {
                tally[2] += 1;
                tally[3] += values;
                tally[4] += failures;
            }
        }
        Ok(())
    });
    // The row of choices says nothing to anybody.
    match done {
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        other => other.expect("the test runs"),
    }
    let [rejected, open, ran, values, failures] = tally.into_inner();
    println!("{rejected} rejected, {open} open, {ran} ran: {values} values, {failures} failures");
    // Otherwise the scripts are so bad that nothing is compared.
    assert!(
        ran > open + rejected && values * 2 > failures,
        "{ran} of {rejected} and {open}"
    );
}
