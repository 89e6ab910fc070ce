//! `string::format`: filling values into the placeholders of a string.

use std::iter::Peekable;
use std::str::Chars;

use temblor_pdk::value::Value;
use temblor_pdk::{Call, FunctionError, FunctionResult};

use super::scratch;
use super::string::push;

/// Fills the arguments behind the first into the first.
///
/// # Errors
/// Fails if the first argument is no string or not well formed, or if placeholders and arguments are not equally many.
pub(super) fn format<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let template = call.arg(0);
    let Some(text) = template.as_str() else {
        return Err(FunctionError::Failed(format!(
            "the format is of type {}, expected a string",
            template.type_name()
        )));
    };
    scratch::with_bytes(|out| {
        let mut filling = Filling {
            chars: text.chars().peekable(),
            at: 0,
            args: call.args.get(1..).unwrap_or_default(),
            used: 0,
            out,
        };
        while let Some(character) = filling.next() {
            filling.take(character)?;
        }
        let (used, given) = (filling.used, filling.args.len());
        if used < given {
            return Err(FunctionError::Failed(format!(
                "too many arguments: the format ends at position {} with {used} placeholders for {given} values",
                filling.at
            )));
        }
        Ok(scratch::text(call.arena, out))
    })
}

/// A template that is being filled.
struct Filling<'t, 'a> {
    chars: Peekable<Chars<'t>>,
    /// The position of the character that comes next.
    at: usize,
    args: &'t [Value<'a>],
    used: usize,
    out: &'t mut Vec<u8>,
}

impl Filling<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let character = self.chars.next()?;
        self.at += 1;
        Some(character)
    }

    /// Handles a character that was just read, and the one behind it if the two belong together.
    fn take(&mut self, character: char) -> Result<(), FunctionError> {
        let at = self.at - 1;
        let next = self.chars.peek().copied();
        match (character, next) {
            ('{', Some('}')) => self.placeholder(at)?,
            ('{', Some('{')) | ('\\', Some('{')) => self.out.push(b'{'),
            ('}', Some('}')) | ('\\', Some('}')) => self.out.push(b'}'),
            ('{', _) => {
                return fail(
                    at,
                    "`{` has to be followed by `}` or `{`; write `{{` for a brace",
                );
            }
            ('}', _) => return fail(at, "`}` stands alone; write `}}` for a brace"),
            ('\\', None) => return fail(at, "nothing follows the backslash"),
            ('\\', Some(next)) => {
                self.out.push(b'\\');
                push(next, self.out);
            }
            (other, _) => {
                push(other, self.out);
                return Ok(());
            }
        }
        self.next();
        Ok(())
    }

    fn placeholder(&mut self, at: usize) -> Result<(), FunctionError> {
        let Some(value) = self.args.get(self.used) else {
            let given = self.args.len();
            return fail(
                at,
                &format!("too few arguments: there is no value for this placeholder, only {given}"),
            );
        };
        self.used += 1;
        match value.as_str() {
            Some(text) => self.out.extend_from_slice(text.as_bytes()),
            None => super::json::write_json(*value, self.out),
        }
        Ok(())
    }
}

fn fail<T>(at: usize, what: &str) -> Result<T, FunctionError> {
    Err(FunctionError::Failed(format!(
        "the format is wrong at position {at}: {what}"
    )))
}
