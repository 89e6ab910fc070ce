//! Function modules, called as Rust and through the C ABI.

use std::sync::Arc;

use temblor_pdk::{
    Arena, Call, DynFunctions, Field, Function, FunctionError, FunctionInfo, FunctionModule,
    FunctionResult, Kind, ProcessorInfo, Value, register,
};

use super::{MODES, Mode, entry};

pub(crate) struct Module;

impl FunctionModule for Module {
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "probe",
        summary: "Has functions that do what the test says.",
        example: "{}",
    };
    const FUNCTIONS: &'static [Function] = &[
        Function::new("both", 2, both),
        Function::new("all", 0, all).args(1, Function::ANY).impure(),
        Function::new("length", 1, length),
        Function::new("fail", 1, |call| Err(FunctionError::failed(call.str(0)?))),
        Function::new("panic", 0, |_| panic!("it panics")),
        Function::new("bomb", 0, |_| std::panic::panic_any(Bomb)),
    ];
}

register!(functions Module);

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Reaches an argument, the arena and a static.
fn both<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let text = call.arena.str(&format!("{:?}", call.arg(1)));
    Ok(call.arena.object(&[
        Field::new("first", call.arg(0)),
        Field::new("second", Value::from(text)),
        Field::new("static", Value::from("text")),
    ]))
}

fn all<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let facts = [
        Value::from(call.ingest_ns),
        Value::from(call.groups),
        Value::from(call.arena.str(call.instance)),
    ];
    Ok(call.arena.array(&[call.args, &facts].concat()))
}

fn length<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    Ok(Value::from(call.str(0)?.len()))
}

fn functions(mode: Mode) -> Arc<dyn DynFunctions> {
    let entry = entry(Kind::FunctionModule, "probe");
    let made = match mode {
        Mode::Native => entry.make_functions(),
        Mode::Abi => entry.describe().functions(),
    };
    made.expect("functions")
}

/// Calls a function by its name.
fn call<'a>(
    functions: &dyn DynFunctions,
    name: &str,
    args: &[Value<'a>],
    arena: &'a Arena,
) -> FunctionResult<'a> {
    let mut infos = functions.describe().iter();
    let index = infos.position(|info| info.name == name).expect("known");
    let call = Call {
        args,
        arena,
        ingest_ns: u64::MAX,
        groups: 3,
        instance: "the ïnstance",
    };
    functions.call(index, &call)
}

#[test]
fn functions_are_described() {
    for mode in MODES {
        let functions = functions(mode);
        let infos = functions.describe();
        assert_eq!(infos.len(), 6);
        let info = |name, min_args, max_args, is_pure| FunctionInfo {
            name,
            min_args,
            max_args,
            is_pure,
        };
        assert_eq!(infos[0], info("both", 2, 2, true), "{mode:?}");
        assert_eq!(infos[1], info("all", 1, Function::ANY, false));
    }
}

#[test]
fn values_are_made_in_the_callers_arena() {
    for mode in MODES {
        let functions = functions(mode);
        let arena = Arena::new();
        let first = arena.array(&[Value::from("a"), Value::NULL]);
        let made = call(&*functions, "both", &[first, Value::from(1.5)], &arena);
        // What is made lives as long as the arena, whatever becomes of the module.
        drop(functions);
        let text = format!("{:?}", made.expect("a value"));
        let expected = r#"{"first": ["a", null], "second": "1.5", "static": "text"}"#;
        assert_eq!(text, expected, "{mode:?}");
        assert!(!arena.is_empty());
    }
}

#[test]
fn everything_a_function_gets_crosses() {
    for mode in MODES {
        let (functions, arena) = (functions(mode), Arena::new());
        let many: Vec<Value<'_>> = (0..300).map(Value::from).collect();
        let made = call(&*functions, "all", &many, &arena).expect("a value");
        let made = made.as_array().expect("an array");
        assert_eq!(made.as_slice()[..300], many);
        let facts = format!("{:?}", &made.as_slice()[300..]);
        assert_eq!(
            facts, r#"[18446744073709551615, 3, "the ïnstance"]"#,
            "{mode:?}"
        );
        let none = call(&*functions, "all", &[], &arena).expect("a value");
        assert_eq!(none.as_array().map(|array| array.len()), Some(3));
    }
}

#[test]
fn errors_keep_their_words() {
    for mode in MODES {
        let (functions, arena) = (functions(mode), Arena::new());
        let refused = |name, args: &[Value<'static>]| {
            call(&*functions, name, args, &arena).expect_err("an error")
        };
        assert_eq!(refused("length", &[Value::NULL]), FunctionError::BadType);
        let reason = refused("fail", &[Value::from("the reason")]);
        assert_eq!(reason, FunctionError::failed("the reason"));
        assert_eq!(
            refused("panic", &[]),
            FunctionError::failed("panicked: it panics")
        );
        let bomb = "panicked: with a payload that is not text";
        assert_eq!(refused("bomb", &[]), FunctionError::failed(bomb));
        // Nothing is poisoned.
        let length = call(&*functions, "length", &[Value::from("four")], &arena);
        assert_eq!(length, Ok(Value::from(4)), "{mode:?}");
        let stray = functions.call(
            6,
            &Call {
                args: &[],
                arena: &arena,
                ingest_ns: 0,
                groups: 0,
                instance: "",
            },
        );
        assert_eq!(
            stray,
            Err(FunctionError::failed("there is no such function"))
        );
    }
}

#[test]
fn functions_can_be_called_from_any_thread() {
    for mode in MODES {
        let functions = functions(mode);
        let threads = (0..4).map(|_| {
            let functions = Arc::clone(&functions);
            std::thread::spawn(move || {
                let arena = Arena::new();
                for _ in 0..1000 {
                    let length = call(&*functions, "length", &[Value::from("four")], &arena);
                    assert_eq!(length, Ok(Value::from(4)));
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        drop(functions);
        threads
            .into_iter()
            .for_each(|t| t.join().expect("no panic"));
    }
}

#[test]
fn a_call_allocates_nothing_outside_of_the_arena() {
    let arena = Arena::new();
    for mode in MODES {
        let functions = functions(mode);
        let run = || call(&*functions, "length", &[Value::from("four")], &arena).is_ok();
        assert!(run());
        let spent = allocation_counter::measure(|| assert!((0..1000).all(|_| run())));
        assert_eq!(spent.count_total, 0, "{mode:?}");
    }
}
