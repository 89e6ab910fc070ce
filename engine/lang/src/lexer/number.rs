//! Numbers.

use super::Lexer;
use crate::token::TokenKind;

impl Lexer<'_> {
    /// Lexes a number whose first digit has been taken.
    pub(super) fn number(&mut self, start: usize) {
        self.eat_while(is_digit);
        match self.peek() {
            Some('x') => self.hexadecimal(start),
            Some('.') => self.float(start),
            _ => self.integer(start),
        }
    }

    fn integer(&mut self, start: usize) {
        if let Some(c) = self.letter_after() {
            let at = self.at;
            self.error(
                at,
                at + c.len_utf8(),
                format!("unexpected character `{c}` in a number"),
            )
            .help = Some(letter_help(c).into());
            self.skip_word();
            return;
        }
        let digits = self.digits(start);
        match digits.parse() {
            Ok(value) => self.push(TokenKind::Int(value), start),
            Err(_) => {
                self.error(start, self.at, "integer is too large").help =
                    Some("the largest integer is 18446744073709551615; write a float".into());
            }
        }
    }

    fn hexadecimal(&mut self, start: usize) {
        let prefix = &self.text[start..self.at];
        self.bump();
        let digits_at = self.at;
        // The character behind the `x` belongs to the literal, whatever it is.
        let Some(first) = self.bump() else {
            self.error(
                self.at,
                self.at,
                "unexpected end of the text in a hexadecimal number",
            );
            return;
        };
        if !(first.is_ascii_hexdigit() || first == '_') || prefix != "0" {
            self.eat_while(|c| c.is_ascii_hexdigit() || c == '_');
            self.error(start, self.at, "invalid hexadecimal number")
                .help = Some("a hexadecimal number is `0x` and digits from 0 to f".into());
            return;
        }
        self.eat_while(|c| c.is_ascii_hexdigit() || c == '_');
        if self.number_runs_on(start) {
            return;
        }
        match u64::from_str_radix(&self.digits(digits_at), 16) {
            Ok(value) => self.push(TokenKind::Int(value), start),
            Err(_) => {
                self.error(start, self.at, "invalid hexadecimal number")
                    .help = Some("it needs 1 to 16 digits".into());
            }
        }
    }

    fn float(&mut self, start: usize) {
        self.bump();
        self.eat_while(is_digit);
        if self.peek() == Some('e') && !self.exponent(start) {
            return;
        }
        if self.number_runs_on(start) {
            return;
        }
        match self.digits(start).parse() {
            Ok(value) => self.push(TokenKind::Float(value), start),
            Err(_) => {
                self.error(start, self.at, "invalid float");
            }
        }
    }

    /// Takes an exponent; reports a bad one and returns false.
    fn exponent(&mut self, start: usize) -> bool {
        let before = self.at;
        self.bump();
        // The character behind the `e` belongs to the literal, whatever it is.
        let first = self.bump();
        let signed = matches!(first, Some('+' | '-'));
        let digits = match first {
            Some(c) if is_digit(c) && c != '_' => true,
            Some(_) if signed => self.peek().is_some_and(|c| c.is_ascii_digit()),
            _ => false,
        };
        if digits {
            self.eat_while(is_digit);
        } else {
            let end = if first.is_none() { before } else { self.at };
            self.error(start, end, "invalid exponent of a float").help =
                Some("an exponent is `e`, a sign if wanted, and digits".into());
        }
        digits
    }

    /// Reports letters directly behind a float or hexadecimal number.
    fn number_runs_on(&mut self, start: usize) -> bool {
        let letter = self.letter_after();
        if let Some(c) = letter {
            self.error(start, self.at, format!("number is followed by `{c}`"))
                .help = Some(letter_help(c).into());
            self.skip_word();
        }
        letter.is_some()
    }

    fn letter_after(&self) -> Option<char> {
        self.peek().filter(|c| unicode_ident::is_xid_continue(*c))
    }

    fn skip_word(&mut self) {
        self.eat_while(unicode_ident::is_xid_continue);
    }

    fn digits(&self, start: usize) -> String {
        self.text[start..self.at].replace('_', "")
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || c == '_'
}

fn letter_help(c: char) -> &'static str {
    match c {
        'e' | 'E' => "a float needs a dot and a lower-case `e`, as in `1.0e5`",
        'b' | 'o' => "there are decimal and hexadecimal (`0x`) numbers only",
        _ => "put a blank between the number and the word",
    }
}
