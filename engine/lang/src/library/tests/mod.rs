//! Tables of calls and their results, one file per group of modules, and the laws that functions keep.

mod allocations;
mod array;
mod binary;
mod chash;
mod datetime;
mod json;
mod laws;
mod number;
mod order;
mod random;
mod record;
mod string;
mod system;
mod texts;
mod value;

use temblor_pdk::{Arena, Call, Field, Function, FunctionError, Value, View};

use super::{native, native_modules, parse_json};

/// Checks lines of the form `module::function(arguments) ==> result`.
///
/// Arguments are JSON, in which `{"$bytes": […]}` stands for a binary value and `{"$float": "inf"}` for a float that
/// JSON cannot say. The result is JSON, `bytes […]`, `bad type`, `bad arity` or `error: …`. Lines that start with `#`
/// are comments.
fn check(table: &str) {
    let lines = table.lines().map(str::trim);
    let cases = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = Vec::new();
    for case in cases {
        let (call, expected) = case.split_once("==>").expect("a line has `==>`");
        let found = run(call.trim());
        if found != expected.trim() {
            wrong.push(format!("{case}\n    found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Makes the call that is written down.
fn run(call: &str) -> String {
    let (name, arguments) = call.split_once('(').expect("a call has parentheses");
    let arguments = arguments.strip_suffix(')').expect("a call has parentheses");
    let arena = Arena::new();
    let list = parse_json(&format!("[{arguments}]"), &arena).expect("arguments are JSON");
    let list = list.as_array().expect("arguments are a list");
    let args: Vec<Value<'_>> = list.iter().map(|arg| special(arg, &arena)).collect();
    apply(name, &args, &arena, show)
}

/// Calls a function, and shows its result or its error.
fn apply<'a>(
    name: &str,
    args: &[Value<'a>],
    arena: &'a Arena,
    show: impl FnOnce(Value<'a>) -> String,
) -> String {
    let function = find(name);
    let allowed = usize::from(function.min_args)..=usize::from(function.max_args);
    if !allowed.contains(&args.len()) {
        return "bad arity".to_owned();
    }
    match (function.call)(&call(args, arena)) {
        Ok(value) => show(value),
        Err(FunctionError::BadType) => "bad type".to_owned(),
        Err(FunctionError::Failed(reason)) => format!("error: {reason}"),
    }
}

fn find(name: &str) -> &'static Function {
    let (module, function) = name.split_once("::").expect("a name has two parts");
    native(module, function).unwrap_or_else(|| panic!("there is no function {name}"))
}

fn call<'c, 'a>(args: &'c [Value<'a>], arena: &'a Arena) -> Call<'c, 'a> {
    Call {
        args,
        arena,
        ingest_ns: 1_700_000_000_000_000_000,
        groups: 7,
        instance: "tremor",
    }
}

/// Replaces what stands for values that JSON does not have, at any depth.
fn special<'a>(value: Value<'a>, arena: &'a Arena) -> Value<'a> {
    if let Some(bytes) = value.get("$bytes").and_then(Value::as_array) {
        let byte = |item: Value<'_>| item.as_u64().and_then(|n| u8::try_from(n).ok());
        let bytes: Vec<u8> = bytes.iter().filter_map(byte).collect();
        return Value::bytes(arena.copy_bytes(&bytes));
    }
    if let Some(float) = value.get("$float").and_then(Value::as_str) {
        return Value::from(float.parse::<f64>().expect("a float"));
    }
    match value.view() {
        View::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| special(item, arena)).collect();
            arena.array(&items)
        }
        View::Object(record) => {
            let fields = record.iter();
            let fields = fields.map(|(key, value)| Field::new(key, special(value, arena)));
            arena.object(&fields.collect::<Vec<_>>())
        }
        _ => value,
    }
}

fn show(value: Value<'_>) -> String {
    match value.view() {
        View::Bytes(bytes) => format!("bytes {bytes:?}"),
        View::F64(number) if !number.is_finite() => format!("{number}"),
        _ => value.to_json(),
    }
}

#[test]
fn modules_are_sorted_and_names_are_unique() {
    let names: Vec<_> = native_modules().iter().map(|module| module.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for module in native_modules() {
        let mut names: Vec<_> = module.functions.iter().map(|f| f.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        for function in module.functions {
            assert!(native(module.name, function.name).is_some());
            assert!(function.min_args <= function.max_args);
        }
    }
    assert!(native("array", "nope").is_none());
    assert!(native("nope", "len").is_none());
}

/// What the reference says in 3.10.
#[test]
fn functions_are_pure_but_for_the_known_ones() {
    for module in native_modules() {
        let is_impure = ["origin", "otel", "random", "system", "url", "win"].contains(&module.name);
        for function in module.functions {
            let is_impure = is_impure || (module.name, function.name) == ("test", "assert");
            assert_eq!(
                function.is_pure, !is_impure,
                "{}::{}",
                module.name, function.name
            );
        }
    }
}

/// No function panics, whatever it gets.
#[test]
fn arguments_of_any_type_are_survived() {
    let arena = Arena::new();
    let list = arena.array(&[Value::from(1), Value::NULL]);
    let values = [
        Value::NULL,
        Value::TRUE,
        Value::from(-1),
        Value::from(3),
        Value::from(u64::MAX),
        Value::from(f64::NAN),
        Value::from(f64::NEG_INFINITY),
        Value::from(""),
        Value::from("ä%Y{}$"),
        Value::bytes(b"\xff\x00"),
        list,
        arena.array(&[]),
        arena.object(&[Field::new("timestamp", list)]),
    ];
    for function in native_modules().iter().flat_map(|module| module.functions) {
        for first in values {
            for second in values {
                for third in [values[3], values[7], values[10]] {
                    let args = [first, second, third, third];
                    let most = usize::from(function.max_args).min(args.len());
                    for count in usize::from(function.min_args)..=most {
                        let _ = (function.call)(&call(&args[..count], &arena));
                    }
                }
            }
        }
    }
}
