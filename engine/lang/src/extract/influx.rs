//! `influx`: one line of influx line protocol.
//!
//! The codec of the same name reads the same format with a parser of its own: crates of the engine do not share code
//! but through the PDK, and the codec has to say where a line is wrong, while this one only has to be quick.

use memchr::{memchr, memchr2};
use temblor_pdk::value::{Field, Value};

use super::Context;

/// A record of measurement, tags, fields and time; none if the line is empty, a comment or wrong.
pub(super) fn extract<'a>(input: &'a str, context: &mut Context<'_, 'a>) -> Option<Value<'a>> {
    let bases = (context.stacks.fields.len(), context.stacks.bytes.len());
    let value = Line { rest: input }.parse(context);
    context.stacks.fields.truncate(bases.0);
    context.stacks.bytes.truncate(bases.1);
    value
}

/// What has not been read yet.
struct Line<'a> {
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn parse(mut self, context: &mut Context<'_, 'a>) -> Option<Value<'a>> {
        self.rest = self.rest.trim_end_matches(['\r', '\n', ' ', '\t']);
        if self.rest.starts_with('#') {
            return None;
        }
        let measurement = self.name(b", ", context)?;
        let base = context.stacks.fields.len();
        while self.eat(',') {
            let key = self.name(b"=, ", context)?;
            self.expect('=')?;
            let value = self.name(b", =", context)?;
            context.stacks.fields.push(Field::new(key, value.into()));
        }
        let tags = context.stacks.record(base, context.arena);
        self.expect(' ')?;
        loop {
            let key = self.name(b"=, ", context)?;
            self.expect('=')?;
            let value = self.value(context)?;
            context.stacks.fields.push(Field::new(key, value));
            if !self.eat(',') {
                break;
            }
        }
        let fields = context.stacks.record(base, context.arena);
        let timestamp = match self.rest.strip_prefix(' ') {
            Some(digits) => Value::from(digits.parse::<i64>().ok()?),
            None if self.rest.is_empty() => Value::from(context.ingest_ns),
            None => return None,
        };
        Some(context.arena.object(&[
            Field::new("measurement", Value::from(measurement)),
            Field::new("tags", tags),
            Field::new("fields", fields),
            Field::new("timestamp", timestamp),
        ]))
    }

    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.eat(c).then_some(())
    }

    /// A name up to one of the ends, not empty. A backslash takes the meaning from a comma, an equals sign or a blank
    /// behind it, and stands for itself elsewhere.
    fn name(&mut self, ends: &[u8], context: &mut Context<'_, 'a>) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let (mut at, mut is_escaped) = (0, false);
        while let Some(byte) = bytes.get(at).filter(|byte| !ends.contains(byte)) {
            let is_backslash = *byte == b'\\';
            is_escaped |= is_backslash;
            at += 1 + usize::from(is_backslash);
        }
        let name = self.take(at.min(bytes.len()))?;
        match name {
            "" => None,
            _ if is_escaped => Some(unescape(name, b",= ", context)),
            _ => Some(name),
        }
    }

    /// What is left up to a place.
    fn take(&mut self, end: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(taken)
    }

    fn value(&mut self, context: &mut Context<'_, 'a>) -> Option<Value<'a>> {
        if self.eat('"') {
            return self.string(context).map(Value::from);
        }
        let end = memchr2(b',', b' ', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let text = self.take(end)?;
        match text {
            "t" | "T" | "true" | "True" | "TRUE" => return Some(Value::TRUE),
            "f" | "F" | "false" | "False" | "FALSE" => return Some(Value::FALSE),
            _ => {}
        }
        if let Some(integer) = text.strip_suffix('i') {
            return integer.parse::<i64>().ok().map(Value::from);
        }
        // `inf` and `nan` are words of Rust, not of the protocol.
        let is_number = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let number = text.parse::<f64>().ok()?;
        (is_number && number.is_finite()).then(|| Value::from(number))
    }

    /// A string whose quote was taken.
    fn string(&mut self, context: &mut Context<'_, 'a>) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        let end = loop {
            let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
            if bytes.get(found) == Some(&b'"') {
                break found;
            }
            at = found + 2;
        };
        let text = self.take(end)?;
        self.expect('"')?;
        if memchr(b'\\', text.as_bytes()).is_none() {
            return Some(text);
        }
        Some(unescape(text, b"\"\\", context))
    }
}

/// Removes the backslashes in front of the characters that they take the meaning from.
fn unescape<'a>(text: &str, special: &[u8], context: &mut Context<'_, 'a>) -> &'a str {
    let base = context.stacks.bytes.len();
    let out = &mut context.stacks.bytes;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let next = bytes.next();
        if !next.is_some_and(|next| special.contains(&next)) {
            out.push(byte);
        }
        out.extend(next);
    }
    context.stacks.text(base, context.arena)
}
