//! A script that calls functions of a plugin, and a query that has its events kept by an operator of one.

use temblor::Engine;
use temblor_pdk::OwnedValue;
use temblor_registry::LinkMode;

use crate::plugins::{MODES, linked};
use crate::support::{all, ended, text};

const BODY: &str = "
    define operator keep from fixture::delay with keep = 2, panic_in = \"none\" end;
    create operator keep;
    define script add script fixture::sum(event, 10, fixture::sum(1, 2)) end;
    create script add;
    select event from in into add;
    select event from add into keep;
    select event.`event` from keep into out;
    select event.`event` from keep/late into out;";

fn program() -> String {
    text(
        &["i from i", "o from o"],
        &[("p", BODY)],
        &["connector/i -> pipeline/p", "pipeline/p -> connector/o"],
    )
}

#[test]
fn a_flow_uses_functions_and_operators_of_each_link_mode() {
    for mode in MODES {
        let mut builder = Engine::builder().registry(linked(mode));
        let (input, output) = (builder.input("i"), builder.output("o"));
        let engine = builder.build().unwrap();
        let program = engine.compile("test.troy", &program()).unwrap();
        let flow = engine.start(&program.flows[0]).unwrap();
        for n in 0..5_i64 {
            input.send(OwnedValue::from(n)).unwrap();
        }
        drop(input);
        assert_eq!(all(&output), ["13", "14", "15", "16", "17"], "{mode}");
        let report = ended(&flow);
        assert_eq!(
            report.counts.absorbed + report.counts.delivered,
            5,
            "{mode}"
        );
    }
}

#[test]
fn mistakes_in_calls_and_configurations_have_a_place() {
    let mut builder = Engine::builder().registry(linked(LinkMode::Dylib));
    let (_input, _output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    for (right, wrong, said) in [
        (
            "fixture::sum(event",
            "fixture::summ(event",
            "did you mean `sum`?",
        ),
        ("keep = 2", "kept = 2", "unknown field `kept`"),
        ("fixture::delay", "fixture::dealy", "fixture::delay"),
    ] {
        let text = program().replacen(right, wrong, 1);
        let error = engine.compile("test.troy", &text).unwrap_err().to_string();
        assert!(error.contains(said), "{wrong}: {error}");
        assert!(error.contains("test.troy:"), "{wrong}: {error}");
    }
}
