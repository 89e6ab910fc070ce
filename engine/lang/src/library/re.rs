//! Regular expressions. Patterns come as strings, so each thread keeps those it compiled last.

use std::borrow::Cow;
use std::cell::RefCell;

use regex::{Regex, RegexBuilder};
use temblor_pdk::value::{Arena, Value};
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use super::scratch;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("replace", 3, replace),
    Function::new("replace_all", 3, replace_all),
    Function::new("is_match", 2, is_match),
    Function::new("split", 2, split),
];

/// The patterns that a thread keeps.
const KEPT: usize = 32;
/// The size of a compiled pattern, and of what the search remembers, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;

thread_local! {
    /// The patterns used last, the latest at the end.
    static COMPILED: RefCell<Vec<(Box<str>, Regex)>> = const { RefCell::new(Vec::new()) };
}

fn replace<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (pattern, input, to) = (call.str(0)?, call.str(1)?, call.str(2)?);
    let replaced = with_regex(pattern, |regex| regex.replace(input, to))?;
    Ok(place(replaced, call.arena))
}

fn replace_all<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (pattern, input, to) = (call.str(0)?, call.str(1)?, call.str(2)?);
    let replaced = with_regex(pattern, |regex| regex.replace_all(input, to))?;
    Ok(place(replaced, call.arena))
}

fn place<'a>(text: Cow<'a, str>, arena: &'a Arena) -> Value<'a> {
    match text {
        Cow::Borrowed(text) => Value::from(text),
        Cow::Owned(text) => Value::from(arena.str(&text)),
    }
}

fn is_match<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (pattern, input) = (call.str(0)?, call.str(1)?);
    with_regex(pattern, |regex| Value::from(regex.is_match(input)))
}

fn split<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (pattern, input) = (call.str(0)?, call.str(1)?);
    with_regex(pattern, |regex| {
        scratch::array(call.arena, |parts| {
            parts.extend(regex.split(input).map(Value::from));
        })
    })
}

/// Lends the compiled pattern.
///
/// # Errors
/// Fails if it does not compile.
fn with_regex<T>(pattern: &str, work: impl FnOnce(&Regex) -> T) -> Result<T, FunctionError> {
    COMPILED.with_borrow_mut(|compiled| {
        match compiled.iter().rposition(|(key, _)| **key == *pattern) {
            Some(at) => compiled[at..].rotate_left(1),
            None => {
                let regex = compile(pattern)?;
                if compiled.len() == KEPT {
                    compiled.remove(0);
                }
                compiled.push((pattern.into(), regex));
            }
        }
        match compiled.last() {
            Some((_, regex)) => Ok(work(regex)),
            None => Err(FunctionError::failed("the pattern got lost")),
        }
    })
}

fn compile(pattern: &str) -> Result<Regex, FunctionError> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_BYTES)
        .dfa_size_limit(MAX_BYTES)
        .build()
        .map_err(FunctionError::failed)
}
