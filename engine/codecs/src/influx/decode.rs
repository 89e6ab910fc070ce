//! From a line to a record.

use temblor_pdk::{Arena, Field, Value};

/// What is wrong with a line, and where.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// What is being read.
struct Line<'l, 'a> {
    text: &'a str,
    at: usize,
    arena: &'a Arena,
    unescaped: &'l mut String,
}

/// Decodes a line that is neither empty nor a comment.
pub(super) fn line<'a>(
    text: &'a str,
    now: impl FnOnce() -> u64,
    arena: &'a Arena,
    fields: &mut Vec<Field<'a>>,
    unescaped: &mut String,
) -> Result<Value<'a>, Fault> {
    let mut line = Line {
        text,
        at: 0,
        arena,
        unescaped,
    };
    let measurement = line.name(b", ", "the measurement is empty")?;
    while line.eat(b',') {
        let key = line.name(b"=, ", "a tag has no name")?;
        line.expect(b'=', "a tag needs `=` and a value")?;
        let value = line.name(b", =", "a tag has no value; leave it out")?;
        fields.push(Field::new(key, Value::from(value)));
    }
    let tags = arena.object(fields);
    fields.clear();
    line.expect(b' ', "fields are expected, behind one blank")?;
    loop {
        let key = line.name(b"=, ", "a field has no name")?;
        line.expect(b'=', "a field needs `=` and a value")?;
        fields.push(Field::new(key, line.value()?));
        if !line.eat(b',') {
            break;
        }
    }
    let timestamp = line.timestamp(now)?;
    Ok(arena.object(&[
        Field::new("measurement", Value::from(measurement)),
        Field::new("tags", tags),
        Field::new("fields", arena.object(fields)),
        Field::new("timestamp", timestamp),
    ]))
}

impl<'a> Line<'_, 'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, what })
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.eat(byte) {
            Ok(())
        } else {
            self.fault(what)
        }
    }

    /// A name up to one of the ends. A backslash takes the meaning from a comma, an equals sign or a blank behind it,
    /// and stands for itself elsewhere.
    fn name(&mut self, ends: &[u8], if_empty: &'static str) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let (mut end, mut is_escaped) = (0, false);
        while let Some(byte) = bytes.get(end).filter(|byte| !ends.contains(byte)) {
            let is_backslash = *byte == b'\\';
            is_escaped |= is_backslash;
            end += 1 + usize::from(is_backslash);
        }
        let name = rest.get(..end).unwrap_or(rest);
        if name.is_empty() {
            return self.fault(if_empty);
        }
        self.at += name.len();
        Ok(if is_escaped {
            self.unescape(name, &[',', '=', ' '])
        } else {
            name
        })
    }

    fn value(&mut self) -> Result<Value<'a>, Fault> {
        if self.eat(b'"') {
            return self.string();
        }
        let rest = self.rest();
        let text = rest.split([',', ' ']).next().unwrap_or_default();
        let value = match text {
            "t" | "T" | "true" | "True" | "TRUE" => Value::TRUE,
            "f" | "F" | "false" | "False" | "FALSE" => Value::FALSE,
            "" => return self.fault("a field has no value"),
            _ => match number(text) {
                Some(number) => number,
                None => {
                    return self.fault(
                        "the value is no number within range and no boolean; strings need quotes, integers end with `i`",
                    );
                }
            },
        };
        self.at += text.len();
        Ok(value)
    }

    /// A string whose quote was taken.
    fn string(&mut self) -> Result<Value<'a>, Fault> {
        let rest = self.rest();
        let mut bytes = rest.bytes().enumerate();
        let mut is_escaped = false;
        while let Some((at, byte)) = bytes.next() {
            if byte == b'\\' {
                is_escaped = true;
                bytes.next();
            } else if byte == b'"' {
                let text = rest.get(..at).unwrap_or_default();
                self.at += at + 1;
                let text = if is_escaped {
                    self.unescape(text, &['"', '\\'])
                } else {
                    text
                };
                return Ok(Value::from(text));
            }
        }
        self.fault("the string has no end; write `\"` behind it")
    }

    fn timestamp(&mut self, now: impl FnOnce() -> u64) -> Result<Value<'a>, Fault> {
        if self.rest().is_empty() {
            return Ok(Value::from(now()));
        }
        self.expect(
            b' ',
            "a comma and a field, or a blank and a time is expected",
        )?;
        match self.rest().parse::<i64>() {
            Ok(timestamp) => Ok(Value::from(timestamp)),
            Err(_) => self.fault("the time is no integer of 64 bits"),
        }
    }

    /// Removes the backslashes in front of the characters that they take the meaning from.
    fn unescape(&mut self, text: &str, special: &[char]) -> &'a str {
        self.unescaped.clear();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                self.unescaped.push(c);
                continue;
            }
            let next = chars.next();
            if !next.is_some_and(|next| special.contains(&next)) {
                self.unescaped.push(c);
            }
            self.unescaped.extend(next);
        }
        self.arena.str(self.unescaped)
    }
}

fn number<'a>(text: &str) -> Option<Value<'a>> {
    if let Some(integer) = text.strip_suffix('i') {
        return integer.parse::<i64>().ok().map(Value::from);
    }
    // `inf` and `nan` are words of Rust, not of the protocol.
    let is_number = |byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())?;
    text.bytes().all(is_number).then(|| Value::from(number))
}
