//! Reading the strings of JSON.

use super::parse::{Parser, Read};
use crate::library::{scratch, string};

impl<'a> Parser<'_, 'a> {
    /// Reads a string, whose opening quote comes next.
    pub(super) fn string(&mut self) -> Read<&'a str> {
        let start = self.at + 1;
        self.at = start;
        self.plain_part()?;
        if self.peek() == Some(b'"') {
            let text = self.part(start..self.at);
            self.at += 1;
            return Ok(self.arena.str(text));
        }
        scratch::with_bytes(|out| {
            out.extend_from_slice(self.part(start..self.at).as_bytes());
            while self.peek() == Some(b'\\') {
                self.at += 1;
                self.escape(out)?;
                let start = self.at;
                self.plain_part()?;
                out.extend_from_slice(self.part(start..self.at).as_bytes());
            }
            self.at += 1;
            Ok(scratch::text(self.arena, out).as_str().unwrap_or_default())
        })
    }

    /// Goes to the next quote or backslash.
    fn plain_part(&mut self) -> Read<()> {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
        let Some(len) = self.rest().iter().position(is_special) else {
            self.at = self.text.len();
            return self.fail("the text ends within a string");
        };
        self.at += len;
        match self.peek() {
            Some(byte @ ..0x20) => self.fail(&format!("byte {byte:#04x} has to be escaped")),
            _ => Ok(()),
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Read<()> {
        let escaped = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                string::push(self.unicode_escape()?, out);
                return Ok(());
            }
            _ => return self.fail("unknown escape"),
        };
        self.at += 1;
        out.push(escaped);
        Ok(())
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let start = self.at - 1;
        let first = self.code_unit()?;
        let mut units = [first, 0];
        let mut len = 1;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
            self.at += 1;
            units[1] = self.code_unit()?;
            len = 2;
        }
        match char::decode_utf16(units.into_iter().take(len)).next() {
            Some(Ok(character)) => Ok(character),
            _ => self.fail_at(start, "half of a surrogate pair"),
        }
    }

    /// Reads the `u` and the four digits of an escape.
    fn code_unit(&mut self) -> Read<u16> {
        let digits = self.rest().get(1..5).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        let text = std::str::from_utf8(digits).unwrap_or_default();
        match u16::from_str_radix(text, 16) {
            Ok(unit) if is_hex => {
                self.at += 5;
                Ok(unit)
            }
            _ => self.fail("expected four hexadecimal digits behind `\\u`"),
        }
    }
}
