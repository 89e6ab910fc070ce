//! Scalars, strings, arrays: what is put in comes out.

use crate::value::{Arena, Value, View};

#[test]
fn integers_have_one_form() {
    assert!(matches!(Value::from(5u64).view(), View::I64(5)));
    assert!(matches!(Value::from(7usize).view(), View::I64(7)));
    assert!(matches!(
        Value::from(u32::MAX).view(),
        View::I64(4_294_967_295)
    ));
    assert!(matches!(Value::from(-1i32).view(), View::I64(-1)));
    assert!(matches!(
        Value::from(i64::MAX as u64).view(),
        View::I64(i64::MAX)
    ));
    let above = i64::MAX as u64 + 1;
    assert!(matches!(Value::from(above).view(), View::U64(n) if n == above));
    assert!(matches!(Value::from(u64::MAX).view(), View::U64(u64::MAX)));
    assert_eq!(Value::from(5u64), Value::from(5i64));
}

#[test]
fn integers_are_read_only_where_they_fit() {
    assert_eq!(Value::from(-1).as_u64(), None);
    assert_eq!(Value::from(-1).as_i64(), Some(-1));
    assert_eq!(Value::from(u64::MAX).as_i64(), None);
    assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(Value::from(1).as_f64(), None);
    assert_eq!(Value::from(1.0).as_i64(), None);
}

#[test]
fn each_type_is_only_itself() {
    let arena = Arena::new();
    let all = [
        (Value::NULL, "null"),
        (Value::TRUE, "bool"),
        (Value::from(1), "integer"),
        (Value::from(u64::MAX), "integer"),
        (Value::from(0.5), "float"),
        (Value::from("text"), "string"),
        (Value::bytes(b"text"), "bytes"),
        (arena.array(&[]), "array"),
        (arena.object(&[]), "record"),
    ];
    for (at, (value, name)) in all.iter().enumerate() {
        assert_eq!(value.type_name(), *name);
        assert_eq!(value.is_null(), *name == "null");
        assert_eq!(value.as_bool().is_some(), *name == "bool");
        assert_eq!(value.as_f64().is_some(), *name == "float");
        assert_eq!(value.as_str().is_some(), *name == "string");
        assert_eq!(value.as_bytes().is_some(), *name == "bytes");
        assert_eq!(value.as_array().is_some(), *name == "array");
        assert_eq!(value.as_object().is_some(), *name == "record");
        for (other, (unlike, _)) in all.iter().enumerate() {
            assert_eq!(value == unlike, at == other, "{value:?} and {unlike:?}");
        }
    }
    assert_eq!(Value::default(), Value::NULL);
    assert_eq!(Value::from(true), Value::TRUE);
    assert_eq!(Value::from(false), Value::FALSE);
}

#[test]
fn floats_keep_their_bits() {
    for float in [
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ] {
        let read = Value::from(float).as_f64().map(f64::to_bits);
        assert_eq!(read, Some(float.to_bits()));
    }
    assert_ne!(Value::from(f64::NAN), Value::from(f64::NAN));
}

#[test]
fn arrays_keep_their_items() {
    let arena = Arena::new();
    let inner = arena.array(&[Value::from("a"), Value::NULL]);
    let outer = arena.array(&[inner, Value::from(2), inner]);
    let items = outer.as_array().expect("an array");
    assert_eq!(items.len(), 3);
    assert!(!items.is_empty());
    assert_eq!(items.get(0), Some(inner));
    assert_eq!(items.get(1), Some(Value::from(2)));
    assert_eq!(items.get(3), None);
    assert_eq!(items.iter().len(), 3);
    assert_eq!(items.as_slice().last(), Some(&inner));
    assert!(arena.array(&[]).as_array().is_some_and(|a| a.is_empty()));
    assert_eq!(outer.get("0"), None);
}

#[test]
fn arrays_of_a_known_length_are_written_where_they_stay() {
    let arena = Arena::new();
    let mut from = 0;
    // The items allocate too, between the array's own places.
    let next = |from: &mut i64| {
        *from += 1;
        arena.array(&[Value::from(*from), Value::from(arena.str("between"))])
    };
    let made = arena.array_of(1000, &mut from, next, |_| Some(b"text"));
    assert_eq!(made.source_text(), Some(&b"text"[..]));
    for (at, item) in made.as_array().expect("an array").iter().enumerate() {
        let item = item.as_array().expect("an array");
        assert_eq!(item.get(0), Some(Value::from(at + 1)));
        assert_eq!(item.get(1), Some(Value::from("between")));
    }
}

#[test]
fn values_nest() {
    let arena = Arena::new();
    let mut value = Value::from("core");
    for _ in 0..1000 {
        value = arena.array(&[value]);
    }
    let mut depth = 0;
    while let Some(items) = value.as_array() {
        value = items.get(0).expect("one item");
        depth += 1;
    }
    assert_eq!((depth, value), (1000, Value::from("core")));
}

#[test]
fn debug_reads_like_the_value() {
    let arena = Arena::new();
    let list = arena.array(&[
        Value::NULL,
        Value::TRUE,
        Value::from(1.5),
        Value::bytes(&[1, 255]),
    ]);
    let value = super::record(&arena, &[("a", 1)]);
    assert_eq!(format!("{value:?}"), r#"{"a": 1}"#);
    assert_eq!(format!("{list:?}"), "[null, true, 1.5, bytes([01, ff])]");
    let object = value.as_object().expect("a record");
    assert_eq!(
        format!("{object:?} {:?}", object.fields()),
        r#"{"a": 1} ["a": 1]"#
    );
}
