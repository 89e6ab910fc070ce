//! `passthrough`, `generic::counter`, `generic::batch`, `debug::history`.

use temblor_lang::builtin_operator;
use temblor_pdk::{Arena, Event, OperatorSink, Value};

use super::run;

#[test]
fn passthrough() {
    let table = r#"
        1 event 5             => out 5
        1 event {} $ {"a":1}  => out {} $ {"a":1}
        2 tick                =>
        3 finish              =>
    "#;
    run("passthrough", "{}", table);
}

#[test]
fn counter() {
    let table = r#"
        1 event 5                 => out {"count":1,"event":5}
        1 event {"a":1}           => out {"count":2,"event":{"a":1}}
        1 event null $ {"b":[2]}  => out {"count":3,"event":null} $ {"b":[2]}
        2 tick                    =>
        2 held                    => 0
        3 finish                  =>
        3 event []                => out {"count":4,"event":[]}
    "#;
    run("generic::counter", r#"{"ignored": true}"#, table);
}

/// An item of a batch.
fn item(value: &str, meta: &str, ingest_ns: u64) -> String {
    format!(
        r#"{{"data":{{"value":{value},"meta":{meta},"ingest_ns":{ingest_ns},"kind":null,"is_batch":false}}}}"#
    )
}

#[test]
fn batch_by_count() {
    let (one, two) = (
        item("1", "{}", 10),
        item(r#"{"b":[1],"a":2}"#, r#"{"m":1}"#, 5),
    );
    let three = item("3", "{}", 1_000_000);
    let table = format!(
        r#"
        10 event 1                               =>
        10 held                                  => 1
        5  event {{"b":[1],"a":2}} $ {{"m":1}}   => out [{one},{two}]
        10 held                                  => 0
        1_000_000 event 3                        =>
        9_000_000_000_000 tick                   =>
        9_000_000_000_000 finish                 => out [{three}]
        9_000_000_000_000 finish                 =>
        "#
    );
    run("generic::batch", r#"{"count": 2}"#, &table);
}

#[test]
fn batch_of_one() {
    let table = format!("7 event true => out [{}]", item("true", "{}", 7));
    run("generic::batch", r#"{"count": 1, "timeout": 0}"#, &table);
}

#[test]
fn batch_by_time() {
    let first = [("1", 100), ("2", 110), ("3", 111)].map(|(value, at)| item(value, "{}", at));
    let second = [("4", 200)].map(|(value, at)| item(value, "{}", at));
    let third = [("5", 300), ("6", 299)].map(|(value, at)| item(value, "{}", at));
    let table = format!(
        r#"
        50  tick     =>
        100 event 1  =>
        110 event 2  =>
        110 tick     =>
        111 event 3  => out [{}]
        900 tick     =>
        200 event 4  =>
        210 tick     =>
        211 tick     => out [{}]
        212 tick     =>
        300 event 5  =>
        299 event 6  =>
        1   tick     =>
        400 tick     => out [{}]
        "#,
        first.join(","),
        second.join(","),
        third.join(",")
    );
    run("generic::batch", r#"{"count": 100, "timeout": 10}"#, &table);
}

/// The events that went in come out of the batch again, and a batch of batches knows it.
#[test]
fn a_batch_is_its_events() {
    let entry = builtin_operator("generic::batch").unwrap();
    let mut operators: Vec<_> = (0..2)
        .map(|_| entry.make_operator(r#"{"count": 2}"#).unwrap())
        .collect();
    let arena = Arena::new();
    // Both operators, one behind the other.
    let mut ends: Vec<Event<'_>> = Vec::new();
    for number in 0..4u32 {
        let mut event = Event::new(Value::from(number));
        (event.id.event, event.ingest_ns) = (number, 100 + u64::from(number));
        let mut between = Vec::new();
        let mut take = |_: u32, event| between.push(event);
        let mut sink = OperatorSink::new(&mut take);
        operators[0]
            .on_event("in", event, &arena, &mut sink)
            .unwrap();
        for event in between {
            let mut take = |_: u32, event| ends.push(event);
            let mut sink = OperatorSink::new(&mut take);
            operators[1]
                .on_event("in", event, &arena, &mut sink)
                .unwrap();
        }
    }
    let [end] = ends[..] else {
        panic!("{ends:?}");
    };
    assert!(end.is_batch());
    assert_eq!((end.id.event, end.ingest_ns), (0, 100));
    let outer: Vec<Event<'_>> = end.parts().collect();
    let times: Vec<_> = outer
        .iter()
        .map(|part| (part.ingest_ns, part.is_batch()))
        .collect();
    assert_eq!(times, [(100, true), (102, true)]);
    let inner: Vec<_> = outer.iter().flat_map(|part| part.parts()).collect();
    let values: Vec<_> = inner
        .iter()
        .map(|part| (part.data.as_u64().unwrap(), part.ingest_ns, part.is_batch()))
        .collect();
    assert_eq!(
        values,
        [
            (0, 100, false),
            (1, 101, false),
            (2, 102, false),
            (3, 103, false)
        ]
    );
}

#[test]
fn history() {
    let table = r#"
        1 event 1                     => out 1 $ {"way":["evt: here(1:2:0:3)"]}
        2 event 2 $ {"a":1}           => out 2 $ {"a":1,"way":["evt: here(1:2:1:3)"]}
        3 event 3 $ {"way":[5],"b":1} => out 3 $ {"way":[5,"evt: here(1:2:2:3)"],"b":1}
        4 event 4 $ {"way":"odd"}     => out 4 $ {"way":["evt: here(1:2:3:3)"]}
        5 tick                        =>
    "#;
    run("debug::history", r#"{"op": "here", "name": "way"}"#, table);
}
