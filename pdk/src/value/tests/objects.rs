//! Records: order, duplicates, the index, the text they came from.

use super::record;
use crate::value::container::INDEXED_ABOVE;
use crate::value::{Arena, Field, Object, Value};

fn object(value: Value<'_>) -> Object<'_> {
    value.as_object().expect("a record")
}

fn keys<'a>(value: Value<'a>) -> Vec<&'a str> {
    object(value).iter().map(|(key, _)| key).collect()
}

/// Field `n` of many, in an order that is not that of the alphabet.
fn key(n: usize) -> String {
    format!("key{}", (n * 7919) % 1_000_003)
}

/// A record of `len` fields, each with its place as its value.
fn large(arena: &Arena, len: usize) -> Value<'_> {
    let mut at = 0;
    let next = |at: &mut usize| {
        *at += 1;
        Field::new(arena.str(&key(*at - 1)), Value::from(*at - 1))
    };
    arena.object_of(len, &mut at, next, |_| None)
}

#[test]
fn order_is_kept() {
    let arena = Arena::new();
    let value = record(&arena, &[("z", 1), ("a", 2), ("m", 3), ("", 4)]);
    assert_eq!(keys(value), ["z", "a", "m", ""]);
    assert_eq!(value.get("a"), Some(Value::from(2)));
    assert_eq!(value.get(""), Some(Value::from(4)));
    assert_eq!(value.get("b"), None);
    assert_eq!(object(value).position("m"), Some(2));
}

#[test]
fn the_last_of_duplicates_wins_at_the_place_of_the_first() {
    let arena = Arena::new();
    let value = record(&arena, &[("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5)]);
    assert_eq!(keys(value), ["a", "b", "c"]);
    assert_eq!(value.get("a"), Some(Value::from(5)));
    assert_eq!(object(value).len(), 3);
}

#[test]
fn duplicates_are_found_at_every_size() {
    let arena = Arena::new();
    for len in 2..100 {
        for (first, second) in [(0, len - 1), (len / 2, len - 1), (0, 1), (len - 2, len - 1)] {
            if first == second {
                continue;
            }
            let mut fields: Vec<_> = (0..len)
                .map(|at| Field::new(arena.str(&key(at)), Value::from(at)))
                .collect();
            fields[second] = Field::new(fields[first].key(), Value::from("last"));
            let value = arena.object(&fields);
            let context = format!("{len} fields, {first} and {second}");
            assert_eq!(object(value).len(), len - 1, "{context}");
            assert_eq!(
                object(value).position(&key(first)),
                Some(first),
                "{context}"
            );
            assert_eq!(
                value.get(&key(first)),
                Some(Value::from("last")),
                "{context}"
            );
        }
    }
}

#[test]
fn the_index_starts_above_the_bound() {
    let arena = Arena::new();
    for len in [
        0,
        1,
        INDEXED_ABOVE - 1,
        INDEXED_ABOVE,
        INDEXED_ABOVE + 1,
        100,
        1000,
    ] {
        let value = large(&arena, len);
        assert_eq!(object(value).len(), len);
        for at in 0..len {
            assert_eq!(value.get(&key(at)), Some(Value::from(at)));
            assert_eq!(object(value).fields()[at].key(), key(at));
        }
        assert_eq!(value.get("absent"), None);
        assert_eq!(value.get(""), None);
    }
}

#[test]
fn keys_that_share_a_slot_are_told_apart() {
    // A table of 128 slots for 64 keys: with so many tables some keys must fall on one slot.
    let arena = Arena::new();
    for round in 0..200 {
        let names: Vec<_> = (0..64).map(|n| format!("{round}-{n}")).collect();
        let fields: Vec<_> = names
            .iter()
            .map(|name| Field::new(name, Value::from(name.as_str())))
            .collect();
        let value = arena.object(&fields);
        for name in &names {
            assert_eq!(value.get(name), Some(Value::from(name.as_str())));
        }
        assert_eq!(value.get(&format!("{round}-64")), None);
    }
}

#[test]
fn a_million_fields() {
    let arena = Arena::new();
    let value = large(&arena, 1_000_000);
    assert_eq!(object(value).len(), 1_000_000);
    for at in (0..1_000_000).step_by(997) {
        assert_eq!(object(value).position(&key(at)), Some(at));
    }
    assert_eq!(value.get("key-1"), None);
}

#[test]
fn the_text_is_remembered_until_it_no_longer_says_the_same() {
    let arena = Arena::new();
    let field = |key| Field::new(key, Value::TRUE);
    let source = br#"{"a":true}"#;
    let one = arena.object_with_source(&[field("a")], source);
    assert_eq!(one.source_text(), Some(&source[..]));
    let twice = arena.object_with_source(&[field("a"), field("b"), field("a")], source);
    assert_eq!(twice.source_text(), None);
    assert_eq!(keys(twice), ["a", "b"]);
    assert_eq!(arena.object(&[field("a")]).source_text(), None);

    let names: Vec<_> = (0..40).map(key).collect();
    let mut fields: Vec<_> = names.iter().map(|name| field(name)).collect();
    assert!(
        arena
            .object_with_source(&fields, source)
            .source_text()
            .is_some()
    );
    fields[39] = fields[0];
    assert_eq!(
        arena.object_with_source(&fields, source).source_text(),
        None
    );

    let list = arena.array_with_source(&[Value::TRUE], b"[true]");
    assert_eq!(list.source_text(), Some(&b"[true]"[..]));
    assert_eq!(arena.array(&[Value::TRUE]).source_text(), None);
    assert_eq!(Value::from("text").source_text(), None);
    let empty = arena.array_with_source(&[], b"");
    assert_eq!(empty.source_text(), Some(&b""[..]));
}

#[test]
fn records_are_equal_whatever_their_order() {
    let arena = Arena::new();
    let one = record(&arena, &[("a", 1), ("b", 2)]);
    assert_eq!(one, record(&arena, &[("b", 2), ("a", 1)]));
    assert_ne!(one, record(&arena, &[("a", 1), ("b", 3)]));
    assert_ne!(one, record(&arena, &[("a", 1), ("c", 2)]));
    assert_ne!(one, record(&arena, &[("a", 1)]));
    assert_ne!(one, record(&arena, &[("a", 1), ("b", 2), ("c", 3)]));
}
