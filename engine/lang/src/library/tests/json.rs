//! JSON, read and written.

use temblor_pdk::Arena;

use super::{check, parse_json};
use crate::library::write_sorted_json;

#[test]
fn json() {
    check(
        r#"
        json::decode("null") ==> null
        json::decode(" [1, -2, 3.5, \"a\", true, false, {}] ") ==> [1,-2,3.5,"a",true,false,{}]
        json::decode("{\"a\": 1, \"b\": {\"c\": []}, \"a\": 2}") ==> {"a":2,"b":{"c":[]}}
        json::decode("18446744073709551615") ==> 18446744073709551615
        json::decode("18446744073709551616") ==> 1.8446744073709552e19
        json::decode("-9223372036854775809") ==> -9.223372036854776e18
        json::decode("-0") ==> 0
        json::decode("-0.0") ==> -0.0
        json::decode("1e2") ==> 100.0
        json::decode("1E-2") ==> 0.01
        json::decode("\"\\u00e4\\ud83d\\ude00\\n\\/\\\"\\\\\"") ==> "ä😀\n/\"\\"
        json::decode(1) ==> bad type
        json::decode("") ==> error: the JSON is wrong at its end: expected a value
        json::decode("[1") ==> error: the JSON is wrong at its end: expected `,` or `]`
        json::decode("[1,]") ==> error: the JSON is wrong at byte 3: expected a value
        json::decode("{1: 2}") ==> error: the JSON is wrong at byte 1: expected a key in quotes
        json::decode("{\"a\" 2}") ==> error: the JSON is wrong at byte 5: expected `:`
        json::decode("{\"a\": 2]") ==> error: the JSON is wrong at byte 7: expected `,` or `}`
        json::decode("{\"a\": 2,}") ==> error: the JSON is wrong at byte 8: expected a key in quotes
        json::decode("1 2") ==> error: the JSON is wrong at byte 2: expected nothing more behind the value
        json::decode("01") ==> error: the JSON is wrong at byte 1: expected nothing more behind the value
        json::decode("1.") ==> error: the JSON is wrong at its end: expected a digit
        json::decode("-") ==> error: the JSON is wrong at its end: expected a digit
        json::decode("1e") ==> error: the JSON is wrong at its end: expected a digit
        json::decode(".5") ==> error: the JSON is wrong at byte 0: expected a value
        json::decode("1e400") ==> error: the JSON is wrong at byte 0: the number is beyond the range of a 64-bit float
        json::decode("nul") ==> error: the JSON is wrong at byte 0: expected a value; words are `true`, `false` and `null`
        json::decode("NaN") ==> error: the JSON is wrong at byte 0: expected a value
        json::decode("\"a") ==> error: the JSON is wrong at its end: the text ends within a string
        json::decode("\"\\x\"") ==> error: the JSON is wrong at byte 2: unknown escape
        json::decode("\"\\ud800\"") ==> error: the JSON is wrong at byte 1: half of a surrogate pair
        json::decode("\"\\ud800\\u0041\"") ==> error: the JSON is wrong at byte 1: half of a surrogate pair
        json::decode("\"\\u00g0\"") ==> error: the JSON is wrong at byte 2: expected four hexadecimal digits behind `\u`
        json::decode("\"a\nb\"") ==> error: the JSON is wrong at byte 2: byte 0x0a has to be escaped

        json::encode({"a": [1, 2.0, "x\n"], "b": null}) ==> "{\"a\":[1,2.0,\"x\\n\"],\"b\":null}"
        json::encode({"$bytes": [1]}) ==> "\"AQ==\""
        json::encode("a") ==> "\"a\""
        json::encode_pretty({"a": [1, {}], "b": [], "c": {"d": "e"}}) ==> "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": [],\n  \"c\": {\n    \"d\": \"e\"\n  }\n}"
        json::encode_pretty(1) ==> "1"
        json::encode_pretty([]) ==> "[]"
        "#,
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let arena = Arena::new();
    assert!(parse_json(&nested(1024), &arena).is_ok());
    let error = parse_json(&nested(1025), &arena).expect_err("too deep");
    assert_eq!(
        error,
        "the JSON is wrong at byte 1024: nested more than 1024 deep"
    );
    let error = parse_json(&"{\"a\":".repeat(100_000), &arena).expect_err("too deep");
    assert_eq!(
        error,
        "the JSON is wrong at byte 5120: nested more than 1024 deep"
    );
}

/// Values of scripts nest as deep as they like.
#[test]
fn deep_values_are_handled_on_a_small_stack() {
    const DEPTH: usize = 200_000;
    let work = || {
        let arena = Arena::new();
        let mut value = arena.array(&[]);
        for _ in 0..DEPTH {
            value = arena.array(&[value]);
        }
        for (name, args) in [
            ("json::encode", vec![value]),
            ("json::encode_pretty", vec![arena.array(&[])]),
            ("chash::sorted_serialize", vec![value]),
            ("array::flatten", vec![value]),
            ("array::contains", vec![arena.array(&[value]), value]),
            ("array::sort", vec![arena.array(&[value, value])]),
            ("array::join", vec![value, temblor_pdk::Value::from(",")]),
        ] {
            super::apply(name, &args, &arena, |_| String::new());
        }
        let mut out = Vec::new();
        write_sorted_json(value, &mut out);
        assert_eq!(out.len(), 2 * (DEPTH + 1));
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    let thread = thread.spawn(work).expect("a thread starts");
    thread.join().expect("the stack is large enough");
}
