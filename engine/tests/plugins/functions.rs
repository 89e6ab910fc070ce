//! The same functions in each link mode.

use std::sync::Arc;

use temblor_pdk::{
    Arena, Call, DynFunctions, Function, FunctionError, FunctionResult, Kind, Value,
};
use temblor_registry::LinkMode;

use crate::plugins::{MODES, linked};

fn functions(mode: LinkMode) -> Arc<dyn DynFunctions> {
    let entry = linked(mode).find(Kind::FunctionModule, "fixture").unwrap();
    assert_eq!(entry.link_mode(), mode);
    entry.make_functions().unwrap()
}

fn call<'a>(
    functions: &dyn DynFunctions,
    name: &str,
    args: &[Value<'a>],
    arena: &'a Arena,
) -> FunctionResult<'a> {
    let mut infos = functions.describe().iter();
    let index = infos.position(|info| info.name == name).unwrap();
    let call = Call {
        args,
        arena,
        ingest_ns: 7,
        groups: 0,
        instance: "test",
    };
    functions.call(index, &call)
}

#[test]
fn what_there_is_can_be_read() {
    let all = MODES.map(|mode| functions(mode).describe().to_vec());
    assert!(all.iter().all(|infos| *infos == all[0]));
    let said: Vec<_> = all[0]
        .iter()
        .map(|info| (info.name, info.min_args, info.max_args, info.is_pure))
        .collect();
    let expected = [
        ("sum", 0, Function::ANY, true),
        ("wrap", 1, 2, true),
        ("repeat", 2, 2, true),
        ("when", 0, 0, false),
        ("fail", 1, 1, true),
        ("panic", 1, 1, true),
    ];
    assert_eq!(said, expected);
}

#[test]
fn calls_give_the_same() {
    let arena = Arena::new();
    let record = arena.array(&[Value::from(1.5), Value::from("x")]);
    let failed = |reason: &str| Err(FunctionError::failed(reason));
    let cases: Vec<(&str, Vec<Value<'_>>, Result<&str, FunctionError>)> = vec![
        ("sum", vec![], Ok("0")),
        ("sum", vec![Value::from(1), Value::from(-3)], Ok("-2")),
        ("sum", vec![Value::from("1")], Err(FunctionError::BadType)),
        (
            "sum",
            vec![Value::from(i64::MAX), Value::from(1)],
            failed("the sum is too large"),
        ),
        (
            "wrap",
            vec![record],
            Ok(r#"{"is": "wrapped", "value": [1.5, "x"], "layer": 0}"#),
        ),
        ("wrap", vec![record, Value::from(0)], Ok(r#"[1.5, "x"]"#)),
        (
            "repeat",
            vec!["ab".into(), Value::from(3)],
            Ok(r#""ababab""#),
        ),
        ("when", vec![], Ok("7")),
        ("fail", vec!["why".into()], failed("why")),
        ("fail", vec![Value::NULL], Err(FunctionError::BadType)),
        (
            "panic",
            vec!["why".into()],
            failed("panicked: told to panic: why"),
        ),
        ("sum", vec![Value::from(1)], Ok("1")),
    ];
    for mode in MODES {
        let functions = functions(mode);
        for (name, args, expected) in &cases {
            let made = call(&*functions, name, args, &arena);
            let said = made.map(|value| format!("{value:?}"));
            let expected = expected.clone().map(str::to_owned);
            assert_eq!(said, expected, "{mode}: {name} {args:?}");
        }
    }
}

#[test]
fn values_outlive_the_call() {
    for mode in MODES {
        let arena = Arena::new();
        let made: Vec<_> = (0..1000u32)
            .map(|number| {
                let functions = functions(mode);
                let text = call(
                    &*functions,
                    "repeat",
                    &["0123456789".into(), number.into()],
                    &arena,
                );
                call(&*functions, "wrap", &[text.unwrap(), 50.into()], &arena).unwrap()
            })
            .collect();
        for (number, value) in made.into_iter().enumerate() {
            let mut value = value;
            for layer in (0..50).rev() {
                assert_eq!(value.get("layer"), Some(Value::from(layer)));
                value = value.get("value").unwrap();
            }
            assert_eq!(value.as_str().map(str::len), Some(number * 10), "{mode}");
        }
    }
}

#[test]
fn threads_share_a_module() {
    for mode in MODES {
        let functions = functions(mode);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let functions = Arc::clone(&functions);
                std::thread::spawn(move || {
                    let arena = Arena::new();
                    for number in 0..2000 {
                        let sum = call(&*functions, "sum", &[number.into(), 1.into()], &arena);
                        assert_eq!(sum, Ok(Value::from(number + 1)));
                    }
                    let panicked = call(&*functions, "panic", &["here".into()], &arena);
                    assert!(panicked.is_err());
                })
            })
            .collect();
        drop(functions);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }
}
