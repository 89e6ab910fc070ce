//! What holds for `merge` and `patch` whatever the records are.

mod common;

use common::{owned, source};
use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use temblor_lang::{Code, Options, Query, Scratch, compile_script};
use temblor_pdk::value::{Arena, Event};

/// Values as JSON has them. Few names, so that records meet.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e9..1e9f64).prop_map(Json::from),
        "[a-c\"é]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            fields(inner).prop_map(Json::Object),
        ]
    })
}

fn fields(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Map<String, Json>> {
    let fields = prop::collection::btree_map("[a-e]", value, 0..5);
    fields.prop_map(|fields| fields.into_iter().collect())
}

/// Records; some have so many fields that they are looked up in another way.
fn any_record() -> impl Strategy<Value = Json> {
    (
        fields(any_json()),
        prop::sample::select(vec![0, 0, 0, 28, 31, 40]),
    )
        .prop_map(|(mut fields, more)| {
            fields.extend((0..more).map(|n| (format!("more{n}"), Json::from(n))));
            Json::Object(fields)
        })
}

/// A script that is run for events of which `a` and `b` are the operands, and `v` is a value.
struct Law(Query);

impl Law {
    fn new(text: &str) -> Law {
        match compile_script(&source("law.tremor", text), &Options::default()) {
            Ok(query) => Law(query),
            Err(rejected) => panic!("{text}\n{}", common::rendered(&rejected)),
        }
    }

    fn run(&self, event: &Json) -> Result<Json, Code> {
        let (arena, mut scratch) = (Arena::new(), Scratch::default());
        let mut state = self.0.pipeline.state();
        let mut run = self.0.pipeline.start(&arena, &mut scratch, &mut state);
        let mut result = Json::Null;
        let event = Event::new(arena.value(&owned(&event.to_string())));
        let done = run.event(0, event, &mut |_, event| {
            result = serde_json::from_str(&event.data.to_json()).expect("results are JSON");
        });
        done.map(|()| result).map_err(|error| error.finding().code)
    }

    /// The result of what cannot fail.
    fn value(&self, event: &Json) -> Json {
        match self.run(event) {
            Ok(value) => value,
            Err(code) => panic!("{} for {event}", code.as_str()),
        }
    }
}

fn event(a: &Json, b: &Json, v: &Json) -> Json {
    serde_json::json!({ "a": a, "b": b, "v": v })
}

/// What `merge` is, in a few lines: records into records, and everything else, null too, replaces.
fn merged(a: &Json, b: &Json) -> Json {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            let mut result = a.clone();
            for (key, change) in b {
                let new = match a.get(key) {
                    Some(old) => merged(old, change),
                    None => change.clone(),
                };
                result.insert(key.clone(), new);
            }
            Json::Object(result)
        }
        _ => b.clone(),
    }
}

proptest! {
    #[test]
    fn merges_obey_their_laws(a in any_record(), b in any_record(), v in any_json()) {
        let event = event(&a, &b, &v);
        let value = |text: &str| Law::new(text).value(&event);
        let merge = value("merge event.a of event.b end");
        prop_assert_eq!(&merge, &merged(&a, &b));
        prop_assert_eq!(value("merge event.a of {} end"), a.clone());
        prop_assert_eq!(value("merge {} of event.b end"), b.clone());
        prop_assert_eq!(value("merge event.a of event.a end"), a.clone());
        // What was merged is there.
        prop_assert_eq!(value("merge (merge event.a of event.b end) of event.b end"), merge.clone());
        let grouped = value("merge event.a of (merge event.b of event.b end) end");
        prop_assert_eq!(grouped, merge.clone());
        // The same as an operation of a patch.
        prop_assert_eq!(value("patch event.a of merge => event.b end"), merge.clone());
        let nested = value(r#"patch {"k": event.a} of merge "k" => event.b end"#);
        prop_assert_eq!(&nested["k"], &merge);
        let missing = value(r#"patch {} of merge "k" => event.v end"#);
        prop_assert_eq!(&missing["k"], &v);
    }

    /// Unlike the merges of others, null is a value like any other.
    #[test]
    fn null_replaces_and_removes_nothing(a in any_record(), key in "[a-e]") {
        let changes = serde_json::json!({ key.as_str(): null });
        let result = Law::new("merge event.a of event.b end").value(&event(&a, &changes, &Json::Null));
        prop_assert_eq!(result.get(&key), Some(&Json::Null));
        prop_assert_eq!(result.as_object().map(Map::len), a.as_object().map(|a| a.len() + usize::from(!a.contains_key(&key))));
    }

    #[test]
    fn defaults_change_nothing_that_is_there(a in any_record(), b in any_record(), v in any_json()) {
        let event = event(&a, &b, &v);
        let result = Law::new("patch event.a of default => event.b end").value(&event);
        // The other way round a merge does the same.
        prop_assert_eq!(result, merged(&b, &a));
        prop_assert_eq!(Law::new("patch event.a of default => event.a end").value(&event), a.clone());
        for key in ["a", "b"] {
            let text = format!("patch event.a of default \"{key}\" => event.v end");
            let result = Law::new(&text).value(&event);
            prop_assert_eq!(&result[key], a.get(key).unwrap_or(&v));
        }
    }

    #[test]
    fn single_keys_obey_their_laws(a in any_record(), v in any_json(), key in "[a-e]") {
        let event = event(&a, &Json::Null, &v);
        let run = |text: &str| Law::new(&text.replace("KEY", &key)).run(&event);
        let is_there = a.get(&key).is_some();
        let with = |value: &Json| {
            let mut with = a.clone();
            with[key.as_str()] = value.clone();
            with
        };
        let mut without = a.clone();
        without.as_object_mut().expect("it is a record").remove(&key);
        // Each key is either there or not.
        let inserted = if is_there { Err(Code::KeyExists) } else { Ok(with(&v)) };
        prop_assert_eq!(run(r#"patch event.a of insert "KEY" => event.v end"#), inserted);
        let updated = if is_there { Ok(with(&v)) } else { Err(Code::MissingKey) };
        prop_assert_eq!(run(r#"patch event.a of update "KEY" => event.v end"#), updated);
        prop_assert_eq!(run(r#"patch event.a of upsert "KEY" => event.v end"#), Ok(with(&v)));
        prop_assert_eq!(run(r#"patch event.a of erase "KEY" end"#), Ok(without.clone()));
        // One after the other.
        let back = if is_there { Err(Code::KeyExists) } else { Ok(a.clone()) };
        prop_assert_eq!(run(r#"patch event.a of insert "KEY" => event.v; erase "KEY" end"#), back);
        let again = r#"patch event.a of erase "KEY"; insert "KEY" => event.v; update "KEY" => event.v end"#;
        prop_assert_eq!(run(again), Ok(with(&v)));
        prop_assert_eq!(run(r#"patch event.a of erase "KEY"; erase "KEY" end"#), Ok(without));
        let last = r#"patch event.a of upsert "KEY" => null; upsert "KEY" => event.v end"#;
        prop_assert_eq!(run(last), Ok(with(&v)));
        // Assignments do the same.
        prop_assert_eq!(run("let event.a.KEY = event.v; event.a"), Ok(with(&v)));
        prop_assert_eq!(run(r#"event.a + {"KEY": event.v}"#), Ok(with(&v)));
    }

    #[test]
    fn copies_and_moves_obey_their_laws(a in any_record(), from in "[a-e]", to in "[a-g]") {
        let event = event(&a, &Json::Null, &Json::Null);
        let run = |text: &str| Law::new(&text.replace("FROM", &from).replace("TO", &to)).run(&event);
        let moved = run(r#"patch event.a of move "FROM" => "TO" end"#);
        let copied = run(r#"patch event.a of copy "FROM" => "TO" end"#);
        let fields = a.as_object().expect("it is a record");
        if fields.contains_key(&to) {
            // Also if there is nothing to move, and if it is the same key.
            prop_assert_eq!(&moved, &Err(Code::KeyExists));
            prop_assert_eq!(&copied, &Err(Code::KeyExists));
            return Ok(());
        }
        let mut expected = fields.clone();
        expected.extend(fields.get(&from).map(|value| (to.clone(), value.clone())));
        prop_assert_eq!(&copied, &Ok(Json::Object(expected.clone())));
        expected.remove(&from);
        prop_assert_eq!(&moved, &Ok(Json::Object(expected)));
        // A move is a copy and an erasure.
        prop_assert_eq!(&run(r#"patch event.a of copy "FROM" => "TO"; erase "FROM" end"#), &moved);
        if from != to {
            let back = run(r#"patch event.a of move "FROM" => "TO"; move "TO" => "FROM" end"#);
            prop_assert_eq!(back, Ok(a.clone()));
            let back = run(r#"patch event.a of copy "FROM" => "TO"; erase "TO" end"#);
            prop_assert_eq!(back, Ok(a.clone()));
        }
    }

    /// What is patched and merged stays as it was for whoever else has it.
    #[test]
    fn originals_stay_as_they_are(a in any_record(), b in any_record()) {
        let event = event(&a, &b, &Json::Null);
        for change in ["merge x of event.b end", "patch x of merge => event.b end",
            r#"patch x of erase "a"; upsert "b" => 1 end"#, "x + event.b"] {
            let text = format!("let x = event.a; let y = {change}; let y.c = 7; [x, event.a]");
            prop_assert_eq!(Law::new(&text).value(&event), serde_json::json!([a, a]));
        }
    }
}
