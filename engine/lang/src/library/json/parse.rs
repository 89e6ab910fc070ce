//! Reading JSON straight into an arena.
//!
//! Not with a parser of the ecosystem: those build their values by recursion, so that the allowed depth would not fit
//! the stack of a thread in every build, or refuse integers above 64 bits.

use std::ops::Range;

use temblor_pdk::value::{Arena, Field, Value};

use crate::library::scratch;
use crate::limits::JSON_DEPTH as MAX_DEPTH;

/// Reads a JSON text. Of equal keys the last wins; integers that do not fit 64 bits become floats.
///
/// # Errors
/// Says what is wrong and at which byte.
pub(crate) fn parse_json<'a>(text: &str, arena: &'a Arena) -> Result<Value<'a>, String> {
    scratch::with_values(|values| {
        scratch::with_fields(|fields| {
            let parser = Parser {
                text,
                at: 0,
                arena,
                open: Vec::new(),
                values,
                fields,
            };
            parser.document()
        })
    })
}

/// What was read: a value, or that something is wrong.
pub(super) type Read<T> = Result<T, String>;

pub(super) struct Parser<'t, 'a> {
    pub(super) text: &'t str,
    /// The byte that comes next.
    pub(super) at: usize,
    pub(super) arena: &'a Arena,
    open: Vec<Open<'a>>,
    /// The items of all open arrays.
    values: &'t mut Vec<Value<'a>>,
    /// The fields of all open records.
    fields: &'t mut Vec<Field<'a>>,
}

/// A container whose end has not been read, and where its items begin.
#[derive(Clone, Copy)]
enum Open<'a> {
    Array {
        base: usize,
    },
    /// A record, with the key whose value comes next.
    Record {
        base: usize,
        key: &'a str,
    },
}

impl<'t, 'a> Parser<'t, 'a> {
    fn document(mut self) -> Read<Value<'a>> {
        loop {
            let Some(mut value) = self.value()? else {
                continue;
            };
            // A complete value may complete the containers around it.
            loop {
                let Some(open) = self.open.pop() else {
                    return self.end(value);
                };
                match self.put(open, value)? {
                    Some(container) => value = container,
                    None => break,
                }
            }
        }
    }

    fn end(mut self, value: Value<'a>) -> Read<Value<'a>> {
        match self.token() {
            None => Ok(value),
            Some(_) => self.fail("expected nothing more behind the value"),
        }
    }

    /// Reads a scalar or an empty container; none if a container was opened, whose first value comes next.
    fn value(&mut self) -> Read<Option<Value<'a>>> {
        match self.token() {
            Some(b'{') => self.open_record(),
            Some(b'[') => self.open_array(),
            Some(b'"') => self.string().map(|text| Some(Value::from(text))),
            Some(b'-' | b'0'..=b'9') => self.number().map(Some),
            Some(b't') => self.word("true", Value::TRUE),
            Some(b'f') => self.word("false", Value::FALSE),
            Some(b'n') => self.word("null", Value::NULL),
            _ => self.fail("expected a value"),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Read<Option<Value<'a>>> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.fail("expected a value; words are `true`, `false` and `null`");
        }
        self.at += word.len();
        Ok(Some(value))
    }

    fn open_array(&mut self) -> Read<Option<Value<'a>>> {
        self.enter()?;
        if self.token() == Some(b']') {
            self.at += 1;
            return Ok(Some(self.arena.array(&[])));
        }
        let base = self.values.len();
        self.open.push(Open::Array { base });
        Ok(None)
    }

    fn open_record(&mut self) -> Read<Option<Value<'a>>> {
        self.enter()?;
        if self.token() == Some(b'}') {
            self.at += 1;
            return Ok(Some(self.arena.object(&[])));
        }
        let key = self.key()?;
        let base = self.fields.len();
        self.open.push(Open::Record { base, key });
        Ok(None)
    }

    fn enter(&mut self) -> Read<()> {
        if self.open.len() == MAX_DEPTH {
            return self.fail(&format!("nested more than {MAX_DEPTH} deep"));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Read<&'a str> {
        if self.token() != Some(b'"') {
            return self.fail("expected a key in quotes");
        }
        let key = self.string()?;
        if self.token() != Some(b':') {
            return self.fail("expected `:`");
        }
        self.at += 1;
        Ok(key)
    }

    /// Puts a value into a container and reads what is behind it; gives the container if that was its end.
    fn put(&mut self, open: Open<'a>, value: Value<'a>) -> Read<Option<Value<'a>>> {
        match open {
            Open::Array { base } => {
                self.values.push(value);
                if self.ends(b']', "expected `,` or `]`")? {
                    let array = self.arena.array(&self.values[base..]);
                    self.values.truncate(base);
                    return Ok(Some(array));
                }
                self.open.push(open);
            }
            Open::Record { base, key } => {
                self.fields.push(Field::new(key, value));
                if self.ends(b'}', "expected `,` or `}`")? {
                    let record = self.arena.object(&self.fields[base..]);
                    self.fields.truncate(base);
                    return Ok(Some(record));
                }
                let key = self.key()?;
                self.open.push(Open::Record { base, key });
            }
        }
        Ok(None)
    }

    /// Reads a comma or the end of a container.
    fn ends(&mut self, closing: u8, expected: &str) -> Read<bool> {
        match self.token() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == closing => {
                self.at += 1;
                Ok(true)
            }
            _ => self.fail(expected),
        }
    }

    fn number(&mut self) -> Read<Value<'a>> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        let mut is_float = false;
        if self.skip(b'.') {
            is_float = true;
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            is_float = true;
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        let text = self.part(start..self.at);
        if !is_float && let Ok(number) = text.parse::<i64>() {
            return Ok(Value::from(number));
        }
        if !is_float && let Ok(number) = text.parse::<u64>() {
            return Ok(Value::from(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => self.fail_at(start, "the number is beyond the range of a 64-bit float"),
        }
    }

    fn digits(&mut self) -> Read<()> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| !byte.is_ascii_digit());
        match end.unwrap_or(rest.len()) {
            0 => self.fail("expected a digit"),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    /// The byte that comes next, behind white space.
    fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn part(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn fail<T>(&self, what: &str) -> Read<T> {
        self.fail_at(self.at, what)
    }

    pub(super) fn fail_at<T>(&self, at: usize, what: &str) -> Read<T> {
        if at >= self.text.len() {
            return Err(format!("the JSON is wrong at its end: {what}"));
        }
        Err(format!("the JSON is wrong at byte {at}: {what}"))
    }
}
