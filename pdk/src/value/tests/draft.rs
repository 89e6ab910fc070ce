//! Drafts behave like a list of pairs in which keys are unique.

use proptest::prelude::*;

use crate::value::container::INDEXED_ABOVE;
use crate::value::{Arena, Draft, Value};

/// What a draft should hold.
type Model = Vec<(String, usize)>;

fn set(model: &mut Model, key: &str, value: usize) {
    match model.iter_mut().find(|(name, _)| name == key) {
        Some(field) => field.1 = value,
        None => model.push((key.to_owned(), value)),
    }
}

/// Compares content without order: what was removed and set again may keep its place.
fn check(draft: &mut Draft<'_>, model: &Model) {
    let arena = Arena::new();
    let made = draft.finish(&arena);
    let record = made.as_object().expect("a record");
    assert_eq!((draft.len(), record.len()), (model.len(), model.len()));
    for (key, value) in model {
        let value = Some(Value::from(*value));
        assert_eq!(draft.get(key), value, "{key}");
        assert_eq!(record.get(key), value, "{key}");
        let at = draft.position(key).expect("it is there");
        assert_eq!(draft.field_at(at).map(|field| field.key()), Some(&**key));
    }
    assert_eq!(record.get("absent"), None);
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16),
    SetWith(u16),
    Insert(u16),
    Remove(u16),
    Finish,
}

fn steps(keys: u16) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..keys).prop_map(Step::Set),
        1 => (0..keys).prop_map(Step::SetWith),
        1 => (0..keys).prop_map(Step::Insert),
        3 => (0..keys).prop_map(Step::Remove),
        1 => Just(Step::Finish),
    ];
    prop::collection::vec(step, 0..200)
}

fn run(start: usize, steps: Vec<Step>) {
    let arena = Arena::new();
    let key = |n: usize| arena.str(&format!("key {n}"));
    let mut model = Model::new();
    let mut draft = Draft::default();
    for n in 0..start {
        set(&mut model, key(n), n);
        draft.set(key(n), Value::from(n));
    }
    let record = draft.finish(&arena);
    draft.open(record.as_object().expect("a record"));
    for (value, step) in steps.into_iter().enumerate() {
        match step {
            Step::Set(n) => {
                set(&mut model, key(n.into()), value);
                draft.set(key(n.into()), Value::from(value));
            }
            Step::SetWith(n) => {
                set(&mut model, key(n.into()), value);
                let text = key(n.into());
                draft.set_with(text, || text, Value::from(value));
            }
            Step::Insert(n) => {
                let text = key(n.into());
                let is_new = model.iter().all(|(name, _)| name != text);
                if is_new {
                    model.push((text.to_owned(), value));
                }
                assert_eq!(draft.insert(text, Value::from(value)), is_new);
            }
            Step::Remove(n) => {
                let at = model.iter().position(|(name, _)| name == key(n.into()));
                let removed = at.map(|at| Value::from(model.remove(at).1));
                assert_eq!(draft.remove(key(n.into())), removed);
            }
            Step::Finish => check(&mut draft, &model),
        }
    }
    check(&mut draft, &model);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_small_draft_is_a_list_of_pairs(start in 0usize..10, steps in steps(12)) {
        run(start, steps);
    }

    #[test]
    fn a_large_draft_is_a_list_of_pairs(start in 0usize..100, steps in steps(120)) {
        run(start, steps);
    }
}

#[test]
fn order_is_that_of_insertion() {
    let arena = Arena::new();
    let mut draft = Draft::default();
    for key in ["z", "a", "m", "b"] {
        draft.set(key, Value::NULL);
    }
    draft.set("z", Value::from(1));
    draft.remove("m");
    draft.set("c", Value::TRUE);
    let json = draft.finish(&arena).to_json();
    assert_eq!(json, r#"{"z":1,"a":null,"b":null,"c":true}"#);
}

#[test]
fn what_was_removed_leaves_no_trace() {
    let arena = Arena::new();
    let mut draft = Draft::default();
    let keys: Vec<String> = (0..=INDEXED_ABOVE).map(|n| n.to_string()).collect();
    keys.iter().for_each(|key| draft.set(key, arena.array(&[])));
    keys.iter().for_each(|key| {
        draft.remove(key);
    });
    assert!(draft.is_empty());
    let record = draft.finish(&arena);
    assert_eq!((record.to_json().as_str(), record.depth()), ("{}", 1));
    draft.set("again", Value::from(1));
    assert_eq!(draft.finish(&arena).to_json(), r#"{"again":1}"#);
}

#[test]
fn size_is_known_without_looking() {
    let arena = Arena::new();
    let pair = arena.array(&[Value::NULL, Value::from("text")]);
    assert_eq!((Value::NULL.size(), pair.size()), (1, 3));
    assert_eq!(Value::from("sixteen letters.").size(), 2);
    assert_eq!(arena.array(&[Value::bytes(&[0; 100])]).size(), 8);
    let record = arena.object(&[crate::Field::new("k", pair), crate::Field::new("n", pair)]);
    assert_eq!(record.size(), 7);
    // Ever the same value in two places: nothing is copied, but a copy would be large.
    let double = |value, _| arena.array(&[value, value]);
    assert_eq!((0..10).fold(Value::NULL, double).size(), 2047);
    assert_eq!((0..500).fold(Value::NULL, double).size(), u32::MAX as usize);
    let deep = (0..70_000).fold(Value::NULL, |value, _| arena.array(&[value]));
    assert_eq!((deep.depth(), deep.size()), (65_535, 70_001));
}

#[test]
fn depth_is_known_without_looking() {
    let arena = Arena::new();
    let mut draft = Draft::default();
    let mut value = Value::from("text");
    assert_eq!(value.depth(), 0);
    for depth in 1..100 {
        value = match depth % 3 {
            0 => arena.array(&[Value::NULL, value, arena.array(&[])]),
            1 => arena.object(&[crate::Field::new("k", value)]),
            _ => {
                draft.clear();
                draft.set("n", Value::from(1));
                draft.set("k", value);
                draft.finish(&arena)
            }
        };
        assert_eq!(value.depth(), depth);
        assert_eq!(arena.value(&value.to_owned_value()).depth(), depth);
    }
}
