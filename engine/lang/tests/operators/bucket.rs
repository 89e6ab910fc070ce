//! `grouper::bucket`.

use temblor_lang::builtin_operator;
use temblor_pdk::{Arena, Event, OperatorSink, OwnedValue, Value, serde_json};

use super::run;

/// Runs a table of `TIME META => PORT`.
fn sorted(table: &str) {
    let mut full = String::new();
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let (done, port) = line.split_once("=>").unwrap();
        let (time, meta) = done.trim().split_once(' ').unwrap();
        let meta: serde_json::Value = serde_json::from_str(meta).unwrap();
        full += &format!("{time} event 1 $ {meta} => {} 1 $ {meta}\n", port.trim());
    }
    run("grouper::bucket", "{}", &full);
}

#[test]
fn the_rate_is_that_of_a_second() {
    sorted(
        r#"
        5           {"class": "a", "rate": 2} => out
        6           {"class": "a", "rate": 2} => out
        7           {"class": "a", "rate": 2} => overflow
        999_999_999 {"class": "a", "rate": 2} => overflow
        1_000_000_004 {"class": "a", "rate": 2} => overflow
        1_000_000_005 {"class": "a", "rate": 2} => out
        1_000_000_006 {"class": "a", "rate": 2} => out
        1_000_000_007 {"class": "a", "rate": 2} => overflow
        3_000_000_000 {"class": "a", "rate": 2} => out
        "#,
    );
}

#[test]
fn the_window_slides_by_slices() {
    // Ten slices of 1 ms each.
    sorted(
        r#"
        0          {"class": "a", "rate": 2, "time_range": 10, "windows": 10} => out
        5_000_000  {"class": "a"} => out
        9_999_999  {"class": "a"} => overflow
        10_000_000 {"class": "a"} => out
        14_999_999 {"class": "a"} => overflow
        15_000_000 {"class": "a"} => out
        15_000_000 {"class": "a"} => overflow
        20_000_000 {"class": "a"} => out
        20_000_000 {"class": "a"} => overflow
        "#,
    );
    // One slice: all at once.
    sorted(
        r#"
        7          {"class": "a", "rate": 1, "time_range": 10, "windows": 1} => out
        10_000_006 {"class": "a"} => overflow
        10_000_007 {"class": "a"} => out
        20_000_006 {"class": "a"} => overflow
        20_000_007 {"class": "a"} => out
        "#,
    );
}

#[test]
fn classes_and_dimensions_are_limited_on_their_own() {
    sorted(
        r#"
        1 {"class": "a", "rate": 1} => out
        1 {"class": "b", "rate": 1} => out
        1 {"class": "a", "rate": 1, "dimensions": "x"} => out
        1 {"class": "a", "rate": 1, "dimensions": ["x"]} => out
        1 {"class": "a", "rate": 1, "dimensions": {"k": 1, "l": [2]}} => out
        1 {"class": "a", "rate": 1, "dimensions": 1} => out
        1 {"class": "a", "rate": 1, "dimensions": 1.0} => out
        1 {"class": "a", "rate": 1, "dimensions": "1"} => out
        2 {"class": "a", "rate": 1, "dimensions": null} => overflow
        2 {"class": "b", "rate": 1} => overflow
        2 {"class": "a", "rate": 1, "dimensions": "x"} => overflow
        2 {"class": "a", "rate": 1, "dimensions": ["x"]} => overflow
        2 {"class": "a", "rate": 1, "dimensions": {"l": [2], "k": 1}} => overflow
        2 {"class": "a", "rate": 1, "dimensions": 1} => overflow
        "#,
    );
}

#[test]
fn the_order_of_keys_makes_no_dimensions() {
    let one = r#"{"class":"a","rate":1,"dimensions":{"k":1,"l":{"m":2,"n":3}}}"#;
    let two = r#"{"class":"a","rate":1,"dimensions":{"l":{"n":3,"m":2},"k":1}}"#;
    let table = format!(
        "1 event 1 $ {one} => out 1 $ {one}
         2 event 2 $ {two} => overflow 2 $ {two}"
    );
    run("grouper::bucket", "{}", &table);
}

#[test]
fn what_it_needs_is_missing() {
    sorted(
        r#"
        1 {} => err
        1 {"rate": 1} => err
        1 {"class": 5, "rate": 1} => err
        1 {"class": "a"} => err
        1 {"class": "a", "rate": -1} => err
        1 {"class": "a", "rate": 1.5} => err
        1 {"class": "a", "rate": 1} => out
        1 {"class": "a"} => overflow
        1 {"class": "a", "dimensions": 1} => err
        "#,
    );
    run(
        "grouper::bucket",
        "{}",
        "1 event 1 => err 1\n1 event {} $ [] => err {} $ []",
    );
}

#[test]
fn parameters_are_those_of_the_first_event() {
    sorted(
        r#"
        1 {"class": "a", "rate": 1, "time_range": 1} => out
        1 {"class": "a", "rate": 9, "time_range": 9} => overflow
        1_000_001 {"class": "a", "rate": 9, "time_range": 9} => out
        1_000_001 {"class": "a", "rate": 9} => overflow
        "#,
    );
}

#[test]
fn dimensions_are_forgotten_beyond_the_cardinality() {
    sorted(
        r#"
        1 {"class": "a", "rate": 1, "cardinality": 2, "dimensions": 1} => out
        1 {"class": "a", "rate": 1, "cardinality": 9, "dimensions": 2} => out
        2 {"class": "a", "rate": 1, "dimensions": 1} => overflow
        3 {"class": "a", "rate": 1, "dimensions": 3} => out
        4 {"class": "a", "rate": 1, "dimensions": 1} => overflow
        5 {"class": "a", "rate": 1, "dimensions": 2} => out
        6 {"class": "a", "rate": 1, "dimensions": 3} => out
        7 {"class": "a", "rate": 1, "dimensions": 1} => out
        "#,
    );
    sorted(
        r#"
        1 {"class": "a", "rate": 1, "cardinality": 0} => out
        1 {"class": "a", "rate": 1, "cardinality": 0} => overflow
        "#,
    );
}

#[test]
fn numbers_at_the_edge() {
    let most = u64::MAX;
    for (parameters, first, second) in [
        (r#""rate": 0"#.to_owned(), "overflow", "overflow"),
        (format!(r#""rate": {most}"#), "out", "out"),
        (
            format!(r#""rate": 2, "windows": {most}, "time_range": {most}"#),
            "out",
            "out",
        ),
        (format!(r#""rate": 2, "cardinality": {most}"#), "out", "out"),
        (r#""rate": 1, "windows": 0"#.to_owned(), "out", "overflow"),
        (
            r#""rate": 1, "time_range": 0"#.to_owned(),
            "out",
            "overflow",
        ),
        (
            r#""rate": 1, "time_range": 0, "windows": 0"#.to_owned(),
            "out",
            "overflow",
        ),
    ] {
        let meta = format!(r#"{{"class": "a", {parameters}}}"#);
        sorted(&format!("{most} {meta} => {first}\n0 {meta} => {second}"));
    }
}

/// What one event asks for does not take memory before it is needed, and classes are bounded.
#[test]
fn memory_is_bounded() {
    let entry = builtin_operator("grouper::bucket").unwrap();
    let mut operator = entry.make_operator("{}").unwrap();
    let spent = allocation_counter::measure(|| {
        for class in 0..30_000 {
            let arena = Arena::new();
            let meta = format!(
                r#"{{"class": "class {class}", "rate": 1000000, "windows": 1000000, "cardinality": 1000000}}"#
            );
            let meta: OwnedValue = serde_json::from_str(&meta).unwrap();
            let mut event = Event::new(Value::NULL);
            event.meta = arena.value(&meta);
            let mut take = |output: u32, _: Event<'_>| assert_eq!(output, 0);
            let mut sink = OperatorSink::new(&mut take);
            operator.on_event("in", event, &arena, &mut sink).unwrap();
        }
    });
    assert!(spent.bytes_max < 20_000_000, "{}", spent.bytes_max);
}
