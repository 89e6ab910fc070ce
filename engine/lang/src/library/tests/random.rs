//! Random values and identifiers.

use temblor_pdk::{Arena, Value};

use super::{call, check, find, run};

#[test]
fn errors() {
    check(
        r#"
        random::integer(0) ==> error: there is no integer below 0 to choose
        random::integer(2, 2) ==> error: there is nothing to choose from 2 to below 2, the first has to be smaller
        random::integer(3, 2) ==> error: there is nothing to choose from 3 to below 2, the first has to be smaller
        random::float(0) ==> error: there is nothing to choose from 0 to below 0, the first has to be smaller
        random::float(-1.5) ==> error: there is nothing to choose from 0 to below -1.5, the first has to be smaller
        random::float(2.0, 1.0) ==> error: there is nothing to choose from 2 to below 1, the first has to be smaller
        random::float({"$float": "NaN"}) ==> error: there is nothing to choose from 0 to below NaN, the first has to be smaller
        random::string(100000000) ==> error: a string of 100000000 characters is too long, the longest is of 10000000
        random::integer(-1) ==> bad type
        random::integer(1.0) ==> bad type
        random::integer("a", 2) ==> bad type
        random::float("a") ==> bad type
        random::string(-1) ==> bad type
        random::string("a") ==> bad type
        random::string() ==> bad arity
        random::bool(1) ==> bad arity
        random::integer(1, 2, 3) ==> bad arity
        random::float(1, 2, 3) ==> bad arity
        random::integer(1) ==> 0
        random::integer(-3, -2) ==> -3
        random::string(0) ==> ""
        "#,
    );
}

/// Calls with the seeds 0 to 999.
fn with_seeds(name: &str, args: &[Value<'static>], mut look: impl FnMut(Value<'_>)) {
    let arena = Arena::new();
    for seed in 0..1000 {
        let mut call = call(args, &arena);
        call.ingest_ns = seed;
        let first = (find(name).call)(&call).expect("a value");
        assert_eq!(first, (find(name).call)(&call).expect("a value"));
        look(first);
    }
}

#[test]
fn values_are_within_their_bounds_and_spread() {
    let mut seen = [0; 10];
    with_seeds("random::integer", &[Value::from(10)], |value| {
        seen[value.as_u64().expect("unsigned") as usize] += 1;
    });
    assert!(
        seen.iter().all(|count| (50..200).contains(count)),
        "{seen:?}"
    );
    let bounds = [Value::from(-5), Value::from(5)];
    with_seeds("random::integer", &bounds, |value| {
        assert!((-5..5).contains(&value.as_i64().expect("signed")));
    });
    let mut sum = 0.0;
    with_seeds("random::float", &[], |value| {
        let number = value.as_f64().expect("a float");
        assert!((0.0..1.0).contains(&number));
        sum += number;
    });
    assert!((400.0..600.0).contains(&sum), "{sum}");
    with_seeds(
        "random::float",
        &[Value::from(-2), Value::from(2.5)],
        |value| {
            assert!((-2.0..2.5).contains(&value.as_f64().expect("a float")));
        },
    );
    let mut truths = 0;
    with_seeds("random::bool", &[], |value| {
        truths += u32::from(value == Value::TRUE)
    });
    assert!((400..600).contains(&truths), "{truths}");
    with_seeds("random::string", &[Value::from(16)], |value| {
        let text = value.as_str().expect("a string");
        assert!(text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    });
}

#[test]
fn identifiers_have_their_forms() {
    for (kind, len) in [("span", 8), ("trace", 16)] {
        let text = run(&format!("otel::gen_{kind}_id_string()"));
        let text = text.trim_matches('"');
        assert_eq!(text.len(), 2 * len);
        let bytes = run(&format!("otel::gen_{kind}_id_bytes()"));
        let array = run(&format!("otel::gen_{kind}_id_array()"));
        let numbers: Vec<u8> = serde_json::from_str(&array).expect("bytes");
        assert_eq!(bytes, format!("bytes {numbers:?}"));
        // The three are forms of one identifier, because they are of one event.
        let hex: String = numbers.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, hex);
    }
}
