//! Calls in steady state allocate in the arena only.

use allocation_counter::measure;
use temblor_pdk::{Arena, Value};

use super::{call, find, special};
use crate::library::parse_json;

#[test]
fn calls_allocate_in_the_arena_only() {
    for (name, arguments) in [
        ("array::flatten", "[1]"),
        ("array::join", r#"[["a", 1, 2.5, null], ","]"#),
        ("array::push", "[[1, 2], 3]"),
        ("array::reverse", "[[1, 2]]"),
        ("array::sort", "[[3, 1, 2]]"),
        ("array::zip", "[[1, 2], [3, 4]]"),
        ("base64::decode", r#"["AQID"]"#),
        ("base64::encode", r#"[{"$bytes": [1, 2, 3]}]"#),
        ("chash::jump", r#"["key", 100]"#),
        ("chash::sorted_serialize", r#"[["a", 1]]"#),
        (
            "datetime::hour",
            r#"[{"timestamp": 1, "tz": "Europe/Berlin"}]"#,
        ),
        ("datetime::parse", r#"["2021-03-04 05:06:07", "%F %T"]"#),
        ("json::decode", r#"["\"a\\nb\""]"#),
        ("json::encode", r#"[["a", 1]]"#),
        ("path::try_default", r#"[{"a": [1]}, ["a", 0], null]"#),
        ("random::string", "[16]"),
        ("range::range", "[1, 10]"),
        ("re::is_match", r#"["^a+$", "aaa"]"#),
        ("re::replace", r#"["x", "aaa", "b"]"#),
        ("re::split", r#"[",", "a,b"]"#),
        ("record::combine", r#"[{"a": 1}, {"b": 2}]"#),
        ("record::extract", r#"[{"a": 1}, ["a"]]"#),
        ("record::from_array", r#"[[["a", 1]]]"#),
        ("record::keys", r#"[{"a": 1}]"#),
        ("record::rename", r#"[{"a": 1}, {"a": "b"}]"#),
        ("string::capitalize", r#"["abc"]"#),
        ("string::format", r#"["{} {}", "a", [1]]"#),
        ("string::lowercase", r#"["ABC"]"#),
        ("string::replace", r#"["abc", "b", "x"]"#),
        ("string::reverse", r#"["abc"]"#),
        ("string::split", r#"["a,b,c", ","]"#),
        ("string::substr", r#"["abc", 1, 2]"#),
        ("system::hostname", "[]"),
        ("url::decode", r#"["a%20b"]"#),
        ("url::encode", r#"["a b"]"#),
    ] {
        let arena = Arena::new();
        let list = parse_json(arguments, &arena).expect("arguments are JSON");
        let list = list.as_array().expect("a list");
        let args: Vec<Value<'_>> = list.iter().map(|arg| special(arg, &arena)).collect();
        let function = find(name);
        // The first call makes the working memory.
        (function.call)(&call(&args, &arena)).expect("it works");
        let counted = measure(|| {
            (function.call)(&call(&args, &arena)).expect("it works");
        });
        assert_eq!(counted.count_total, 0, "{name}");
    }
}
