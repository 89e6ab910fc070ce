//! Where events go: filters, transformations, ports, fan-in and fan-out, and the count of each.

use serde_json::json;
use temblor::{Input, Output};
use temblor_pdk::OwnedValue;

use crate::support::{all, builder, counts, ended, start, text};

fn number(n: i64) -> OwnedValue {
    OwnedValue::from(n)
}

/// Runs `0..count` from input `in` through the flow; returns what each output got, and the counts.
fn run(
    count: i64,
    inputs: &[&str],
    outputs: &[&str],
    pipelines: &[(&str, &str)],
    links: &[&str],
) -> (Vec<Vec<String>>, [u64; 6]) {
    let (mut builder, _) = builder();
    let ins: Vec<Input> = inputs.iter().map(|name| builder.input(name)).collect();
    let outs: Vec<Output> = outputs.iter().map(|name| builder.output(name)).collect();
    let engine = builder.build().unwrap();
    let connectors = inputs.iter().chain(outputs);
    let connectors: Vec<String> = connectors
        .map(|name| format!("{name} from {name}"))
        .collect();
    let connectors: Vec<&str> = connectors.iter().map(String::as_str).collect();
    let flow = start(&engine, &text(&connectors, pipelines, links));
    let readers: Vec<_> = outs
        .into_iter()
        .map(|output| std::thread::spawn(move || all(&output)))
        .collect();
    for n in 0..count {
        let input = &ins[n as usize % ins.len()];
        input.send(number(n)).unwrap();
    }
    drop(ins);
    let report = ended(&flow);
    assert!(report.is_ok(), "{report:?}");
    let got = readers.into_iter().map(|reader| reader.join().unwrap());
    (got.collect(), counts(&report))
}

#[test]
fn filter_and_transformation() {
    let (got, counts) = run(
        2000,
        &["i"],
        &["o"],
        &[(
            "p",
            "select { \"twice\": event * 2 } from in where event >= 1990 into out;",
        )],
        &["connector/i -> pipeline/p", "pipeline/p -> connector/o"],
    );
    let expected: Vec<String> = (1990..2000)
        .map(|n| json!({ "twice": n * 2 }).to_string())
        .collect();
    assert_eq!(got[0], expected);
    assert_eq!(counts, [2000, 10, 0, 1990, 0, 0]);
}

#[test]
fn several_selects_and_ports_with_a_dead_end() {
    let (got, counts) = run(
        10,
        &["i"],
        &["low", "all"],
        &[(
            "p from in into out, low, nowhere",
            "select event from in where event < 3 into low;
             select -event from in where event < 1 into low;
             select event from in where event >= 8 into nowhere;
             select event from in where event <= 5 into out;",
        )],
        &[
            "connector/i -> pipeline/p",
            "pipeline/p/low -> connector/low",
            "pipeline/p/out -> connector/all",
        ],
    );
    assert_eq!(got[0], ["0", "0", "1", "2"]);
    assert_eq!(got[1], ["0", "1", "2", "3", "4", "5"]);
    // 6 and 7 came to no port, 8 and 9 to one that nothing is connected to.
    assert_eq!(counts, [10, 6, 0, 2, 2, 0]);
}

#[test]
fn chains_fan_out_and_diamonds() {
    let pass = "select event from in into out;";
    let (got, counts) = run(
        1000,
        &["i"],
        &["left", "right", "both"],
        &[
            ("head", pass),
            (
                "even",
                "select event from in where event % 2 == 0 into out;",
            ),
            ("odd", "select event from in where event % 2 == 1 into out;"),
            ("join", "select event from in where event < 900 into out;"),
        ],
        &[
            "connector/i -> pipeline/head",
            "pipeline/head -> pipeline/even",
            "pipeline/head -> pipeline/odd",
            "pipeline/even -> connector/left",
            "pipeline/odd -> connector/right",
            "pipeline/even -> pipeline/join",
            "pipeline/odd -> pipeline/join",
            "pipeline/join -> connector/both",
        ],
    );
    assert_eq!((got[0].len(), got[1].len()), (500, 500));
    let mut both: Vec<i64> = got[2].iter().map(|n| n.parse().unwrap()).collect();
    let evens: Vec<i64> = both.iter().copied().filter(|n| n % 2 == 0).collect();
    assert!(evens.is_sorted(), "each way keeps its order");
    both.sort_unstable();
    assert_eq!(both, (0..900).collect::<Vec<i64>>());
    assert_eq!(counts, [1000, 1000, 0, 0, 0, 0]);
}

#[test]
fn several_sources_come_together() {
    let (got, counts) = run(
        999,
        &["a", "b", "c"],
        &["o"],
        &[("p", "select event from in where event % 3 != 2 into out;")],
        &[
            "connector/a -> pipeline/p",
            "connector/b -> pipeline/p",
            "connector/c -> pipeline/p",
            "pipeline/p -> connector/o",
        ],
    );
    let mut numbers: Vec<i64> = got[0].iter().map(|n| n.parse().unwrap()).collect();
    numbers.sort_unstable();
    let expected: Vec<i64> = (0..999).filter(|n| n % 3 != 2).collect();
    assert_eq!(numbers, expected);
    assert_eq!(counts, [999, 666, 0, 333, 0, 0]);
}

#[test]
fn a_source_straight_into_sinks_and_one_input_into_two_pipelines() {
    let (got, counts) = run(
        600,
        &["i"],
        &["plain", "one", "two"],
        &[
            ("p", "select event + 1 from in into out;"),
            ("q", "select event from in where false into out;"),
        ],
        &[
            "connector/i -> connector/plain",
            "connector/i -> pipeline/p",
            "connector/i -> pipeline/q",
            "pipeline/p -> connector/one",
            "pipeline/q -> connector/two",
        ],
    );
    assert_eq!((got[0].len(), got[1].len(), got[2].len()), (600, 600, 0));
    assert_eq!(counts, [600, 600, 0, 0, 0, 0]);
}

#[test]
fn a_script_error_fails_its_event_and_no_other() {
    let (mut builder, records) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    let flow = start(
        &engine,
        &text(
            &["i from i", "o from o"],
            &[("p", "select 10 / event.n from in into out;")],
            &["connector/i -> pipeline/p", "pipeline/p -> connector/o"],
        ),
    );
    for event in [json!({ "n": 2 }), json!({}), json!({ "n": 5 })] {
        input.send(serde_json::from_value(event).unwrap()).unwrap();
    }
    drop(input);
    assert_eq!(all(&output).len(), 2);
    assert_eq!(counts(&ended(&flow)), [3, 2, 1, 0, 0, 0]);
    assert!(crate::support::logged(&records, "p", "n"), "{records:?}");
}

#[test]
fn channels_end_with_their_flow_and_serve_one() {
    let (mut builder, _) = builder();
    let (input, output) = (builder.input("i"), builder.output("o"));
    let engine = builder.build().unwrap();
    let text = text(
        &["i from i", "o from o"],
        &[],
        &["connector/i -> connector/o"],
    );
    let flow = start(&engine, &text);
    flow.drain();
    ended(&flow);
    assert!(output.receive().is_none());
    assert!(input.send(number(1)).is_err());
    let second = crate::support::try_start(&engine, &text).unwrap_err();
    assert!(
        second.message.contains("another") || second.message.contains("before"),
        "{second}"
    );
}
