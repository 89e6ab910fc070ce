//! Events that stand for many, and values that move to other memory.

use crate::value::{Arena, Event, Field, OwnedValue, Value};

fn read(json: &str) -> OwnedValue {
    serde_json::from_str(json).expect("JSON")
}

/// The parts of a batch with this payload: data, metadata, time and whether they are batches.
fn parts(payload: &str, is_batch: bool) -> Vec<String> {
    let arena = Arena::new();
    let mut event = Event::new(arena.value(&read(payload))).with_batch(is_batch);
    event.id.pull = 7;
    let said = |part: Event<'_>| {
        assert_eq!(part.id.pull, 7);
        let is_batch = part.is_batch();
        format!(
            "{:?} {:?} {} {is_batch}",
            part.data, part.meta, part.ingest_ns
        )
    };
    event.parts().map(said).collect()
}

#[test]
fn a_batch_stands_for_its_parts() {
    let one = r#"{"data":{"value":1,"meta":{"a":2},"ingest_ns":3,"kind":null,"is_batch":false}}"#;
    let two = r#"{"data":{"value":[],"meta":{},"ingest_ns":4,"kind":null,"is_batch":true}}"#;
    let both = format!("[{one},{two}]");
    assert_eq!(
        parts(&both, true),
        [r#"1 {"a": 2} 3 false"#, "[] {} 4 true"]
    );
    assert_eq!(parts("[]", true), [""; 0]);
    assert_eq!(parts("[]", false), ["[] null 0 false"]);
    // A script has put something else into it.
    for payload in ["5", "[5]", r#"{"data":5}"#] {
        let whole = read(payload);
        let expected = format!("{:?} null 0 false", Arena::new().value(&whole));
        assert_eq!(parts(payload, true), [expected]);
    }
    let mixed = format!("[{one},{{}}]");
    assert_eq!(parts(&mixed, true).len(), 1, "nothing is lost");
}

#[test]
fn the_flag_of_a_batch_is_the_only_one_that_changes() {
    let mut event = Event::new(Value::NULL);
    event.id.flags = 6;
    assert!(!event.is_batch());
    let batch = event.with_batch(true);
    assert!(batch.is_batch());
    assert_eq!(batch.id.flags, 7);
    assert_eq!(batch.with_batch(false).id, event.id);
}

#[test]
fn copies_live_on_their_own() {
    let many: String = (0..40).map(|n| format!(r#""key {n}":{n},"#)).collect();
    let json = format!(
        r#"[null,true,-1,18446744073709551615,1.5,"text","",[],[[1]],{{}},{{{many}"last":{{"deep":[{{}}]}}}}]"#
    );
    let to = Arena::new();
    let copy = {
        let (from, owned) = (Arena::new(), read(&json));
        let bytes = [1, 2, 255];
        let value = from.array(&[from.value(&owned), Value::bytes(&bytes)]);
        let copy = to.copy(value);
        assert_eq!(copy, value);
        copy
    };
    let first = copy
        .as_array()
        .and_then(|items| items.get(0))
        .expect("an item");
    assert_eq!(first.to_owned_value(), read(&json));
    let record = first
        .as_array()
        .and_then(|items| items.get(10))
        .expect("a record");
    assert_eq!(
        record.get("key 39"),
        Some(Value::from(39)),
        "it has its index"
    );
    let fields = [Field::new("b", Value::NULL), Field::new("a", Value::NULL)];
    let record = to.copy(Arena::new().object(&fields));
    assert_eq!(record.to_json(), r#"{"b":null,"a":null}"#, "order is kept");
}
