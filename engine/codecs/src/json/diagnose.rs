//! Finding what is wrong with a text that is not JSON. Slow and exact; only used for texts that the parser refused.

use crate::limits::JSON_DEPTH as DEPTH;

/// The first fault of a text.
pub(super) struct Fault {
    /// Its byte, counted from 0.
    pub(super) at: usize,
    /// What is wrong there.
    pub(super) what: String,
}

/// Finds the first fault; none if the text is JSON.
pub(super) fn first_fault(text: &[u8]) -> Option<Fault> {
    let found = match std::str::from_utf8(text) {
        Ok(_) => Scan::new(text).run(),
        // What is wrong before that byte comes first.
        Err(error) => match Scan::new(&text[..error.valid_up_to()]).run() {
            Err(fault) if fault.at < error.valid_up_to() => Err(fault),
            _ => fault(error.valid_up_to(), "the text is not UTF-8"),
        },
    };
    found.err()
}

fn fault<T>(at: usize, what: impl Into<String>) -> Result<T, Fault> {
    let what = what.into();
    Err(Fault { at, what })
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
    /// The closing brackets of all open containers.
    open: Vec<u8>,
}

impl<'t> Scan<'t> {
    fn new(text: &'t [u8]) -> Self {
        Scan {
            text,
            at: 0,
            open: Vec::new(),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn run(mut self) -> Result<(), Fault> {
        let mut next = Next::Value;
        loop {
            while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
                self.at += 1;
            }
            let Some(byte) = self.byte() else {
                return match next {
                    Next::Nothing => Ok(()),
                    _ => fault(
                        self.at,
                        format!("the text ends, expected {}", self.expected(next)),
                    ),
                };
            };
            next = self.step(next, byte)?;
        }
    }

    /// Takes one token.
    fn step(&mut self, next: Next, byte: u8) -> Result<Next, Fault> {
        let closes = self.open.last() == Some(&byte);
        match (next, byte) {
            (Next::ValueOrEnd | Next::KeyOrEnd | Next::CommaOrEnd, b'}' | b']') if closes => {
                self.at += 1;
                self.open.pop();
                Ok(self.behind_value())
            }
            (Next::Colon, b':') => {
                self.at += 1;
                Ok(Next::Value)
            }
            (Next::CommaOrEnd, b',') => {
                self.at += 1;
                let in_record = self.open.last() == Some(&b'}');
                Ok(if in_record { Next::Key } else { Next::Value })
            }
            (Next::Key | Next::KeyOrEnd, b'"') => {
                self.string()?;
                Ok(Next::Colon)
            }
            (Next::Value | Next::ValueOrEnd, _) => self.value(next, byte),
            _ => self.unexpected(next),
        }
    }

    fn value(&mut self, next: Next, byte: u8) -> Result<Next, Fault> {
        match byte {
            b'{' => return self.enter(b'}', Next::KeyOrEnd),
            b'[' => return self.enter(b']', Next::ValueOrEnd),
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' => self.word(next)?,
            _ => return self.unexpected(next),
        }
        Ok(self.behind_value())
    }

    fn enter(&mut self, end: u8, next: Next) -> Result<Next, Fault> {
        if self.open.len() == DEPTH {
            return fault(self.at, format!("nested more than {DEPTH} deep"));
        }
        self.open.push(end);
        self.at += 1;
        Ok(next)
    }

    fn behind_value(&self) -> Next {
        match self.open.last() {
            Some(_) => Next::CommaOrEnd,
            None => Next::Nothing,
        }
    }

    fn expected(&self, next: Next) -> &'static str {
        let in_record = self.open.last() == Some(&b'}');
        match next {
            Next::Value => "a value",
            Next::ValueOrEnd => "a value or `]`",
            Next::Key => "a key in quotes",
            Next::KeyOrEnd => "a key in quotes or `}`",
            Next::Colon => "`:`",
            Next::CommaOrEnd if in_record => "`,` or `}`",
            Next::CommaOrEnd => "`,` or `]`",
            Next::Nothing => "nothing more",
        }
    }

    fn unexpected<T>(&self, next: Next) -> Result<T, Fault> {
        if self.text[self.at..].starts_with("\u{feff}".as_bytes()) {
            return fault(self.at, "a byte order mark, which JSON does not have");
        }
        match next {
            Next::Nothing => fault(self.at, "expected nothing more behind the value"),
            _ => fault(self.at, format!("expected {}", self.expected(next))),
        }
    }

    fn word(&mut self, next: Next) -> Result<(), Fault> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let len = rest.iter().position(|byte| !is_part(byte));
        let word = &rest[..len.unwrap_or(rest.len())];
        if !matches!(word, b"true" | b"false" | b"null") {
            let what = self.expected(next);
            return fault(
                self.at,
                format!("expected {what}; words are `true`, `false` and `null`"),
            );
        }
        self.at += word.len();
        self.end_of_scalar()
    }

    /// What must hold behind a number or a word.
    fn end_of_scalar(&self) -> Result<(), Fault> {
        match self.byte() {
            None | Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'}' | b']' | b'{' | b'[') => {
                Ok(())
            }
            Some(_) => fault(
                self.at,
                format!("expected {}", self.expected(self.behind_value())),
            ),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            return fault(self.at, "expected a digit");
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
            if let Some(b'0'..=b'9') = self.byte() {
                return fault(self.at, "a number does not begin with 0 and another digit");
            }
        } else {
            self.digits()?;
        }
        let mut is_float = false;
        if self.byte() == Some(b'.') {
            is_float = true;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            is_float = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.in_range(start, is_float)?;
        self.end_of_scalar()
    }

    fn in_range(&self, start: usize, is_float: bool) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        if is_float {
            return match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(()),
                _ => fault(start, "the number is beyond the range of a 64-bit float"),
            };
        }
        if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
            return Ok(());
        }
        fault(start, "the integer does not fit 64 bits")
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(byte) if byte < 0x20 => {
                    let what = format!("byte {byte:#04x} must be escaped in a string");
                    return fault(self.at, what);
                }
                Some(_) => self.at += 1,
                None => {
                    let what = format!("the text ends in the string that begins at byte {start}");
                    return fault(self.at, what);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += 2;
        match self.text.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                let unit = self.hex(start)?;
                match unit {
                    0xd800..=0xdbff if self.text[self.at..].starts_with(b"\\u") => {
                        self.at += 2;
                        match self.hex(start)? {
                            0xdc00..=0xdfff => Ok(()),
                            _ => fault(start, "half of a surrogate pair"),
                        }
                    }
                    0xd800..=0xdfff => fault(start, "half of a surrogate pair"),
                    _ => Ok(()),
                }
            }
            Some(_) => fault(start, "there is no such escape sequence"),
            None => fault(self.text.len(), "the text ends in an escape sequence"),
        }
    }

    fn hex(&mut self, start: usize) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4);
        let unit = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        match unit {
            Some(unit) => Ok(unit),
            None => fault(start, "`\\u` takes four hexadecimal digits"),
        }
    }
}
