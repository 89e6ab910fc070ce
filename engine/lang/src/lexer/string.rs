//! Strings, heredocs, interpolations and extractors.

use super::{Lexer, Mode};
use crate::token::TokenKind;

const INTERPOLATION_HELP: &str = "write `\\#{` for the two characters `#{`";

impl Lexer<'_> {
    /// Lexes the opening of a string or heredoc, whose first quote has been taken.
    pub(super) fn string_start(&mut self, start: usize) {
        if !self.eat("\"\"") {
            self.push(TokenKind::StringStart, start);
            let heredoc = false;
            self.modes.push(Mode::Text { start, heredoc });
            return;
        }
        self.push(TokenKind::HeredocStart, start);
        if self.eat("\n") || self.eat("\r\n") {
            let heredoc = true;
            self.modes.push(Mode::Text { start, heredoc });
        } else if self.at == self.text.len() {
            self.error(start, start + 2, "heredoc is not closed");
        } else {
            self.error(
                start,
                start + 3,
                "characters after the opening of a heredoc",
            )
            .help = Some("the text of a heredoc starts on the next line".into());
            // What stands up to the closing quotes, if there are any, is text all the same.
            let end = self.rest().find("\"\"\"").map(|at| self.at + at + 3);
            self.at = end.unwrap_or_else(|| self.line_end(start));
            if end.is_none() {
                self.modes.clear();
            }
        }
    }

    /// Lexes one stretch of text, up to an interpolation or the end of the string.
    pub(super) fn string_text(&mut self, open: usize, heredoc: bool) {
        let start = self.at;
        let mut text = String::new();
        loop {
            let plain = self.at;
            self.eat_while(|c| !matches!(c, '"' | '\\' | '#' | '\n'));
            text.push_str(&self.text[plain..self.at]);
            let at = self.at;
            match self.peek() {
                Some('\n') if heredoc => {
                    self.at += 1;
                    text.push('\n');
                }
                None | Some('\n') => return self.unclosed_string(open, heredoc),
                Some('"') if !heredoc || self.rest().starts_with("\"\"\"") => {
                    self.push_text(text, start);
                    self.at += if heredoc { 3 } else { 1 };
                    self.push(TokenKind::StringEnd, at);
                    self.modes.pop();
                    return;
                }
                Some('#') if self.rest().starts_with("#{") => {
                    self.push_text(text, start);
                    return self.interpolation_start();
                }
                Some('\\') => text.extend(self.escape()),
                Some(c) => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
    }

    fn push_text(&mut self, text: String, start: usize) {
        if !text.is_empty() {
            self.push(TokenKind::Text(text.into()), start);
        }
    }

    fn interpolation_start(&mut self) {
        let start = self.at;
        self.at += 2;
        let blanks = self.rest().len() - self.rest().trim_start().len();
        if self.rest()[blanks..].starts_with('}') {
            self.at += blanks + 1;
            self.error(start, self.at, "empty interpolation").help =
                Some(INTERPOLATION_HELP.into());
        } else {
            self.push(TokenKind::InterpolationStart, start);
            self.modes.push(Mode::Interpolation { start, braces: 0 });
        }
    }

    /// Reports a string without an end. A quote that was meant to end an outer plain string opens an inner one, so
    /// inside of an interpolation the interpolation is what was not closed.
    fn unclosed_string(&mut self, open: usize, heredoc: bool) {
        let line_end = self.line_end(self.at);
        match self.modes.iter().rev().nth(1) {
            Some(Mode::Interpolation { start, .. }) if !heredoc && self.in_plain_string() => {
                self.unclosed_interpolation(*start);
            }
            _ if heredoc => {
                self.error(open, line_end, "heredoc is not closed").help =
                    Some("end it with `\"\"\"`".into());
            }
            _ => {
                self.error(open, line_end, "string is not closed").help =
                    Some("end it with `\"` on the same line, or write a heredoc (`\"\"\"`)".into());
            }
        }
        self.at = line_end;
        self.modes.clear();
    }

    /// Whether the string around the innermost interpolation is a plain one.
    fn in_plain_string(&self) -> bool {
        let outer = self.modes.iter().rev().nth(2);
        matches!(outer, Some(Mode::Text { heredoc: false, .. }))
    }

    pub(super) fn unclosed_interpolation_at_end(&mut self) {
        if let Some(Mode::Interpolation { start, .. }) = self.modes.last().copied() {
            self.unclosed_interpolation(start);
            self.modes.clear();
        }
    }

    fn unclosed_interpolation(&mut self, start: usize) {
        self.error(start, start + 2, "interpolation is not closed")
            .help = Some(format!("end it with `}}`, or {INTERPOLATION_HELP}"));
    }

    /// Takes an escape and returns what it stands for, or reports it.
    fn escape(&mut self) -> Option<char> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.bump() else {
            self.error(self.at, self.at, "unexpected end of the text in an escape");
            return None;
        };
        match c {
            '"' | '\\' | '#' => Some(c),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unicode_escape(start),
            _ => {
                // A line end is left for the string to find.
                if c == '\n' {
                    self.at -= 1;
                }
                let end = self.at;
                let shown = if c == '\n' {
                    "line end".into()
                } else {
                    format!("\\{c}")
                };
                self.error(start, end, format!("unknown escape `{shown}`"))
                    .help = Some("known are \\\" \\\\ \\# \\b \\f \\n \\r \\t \\uXXXX".into());
                None
            }
        }
    }

    fn unicode_escape(&mut self, start: usize) -> Option<char> {
        let digits = self.at;
        for _ in 0..4 {
            match self.peek() {
                Some(c) if c.is_ascii_hexdigit() => self.at += 1,
                other => {
                    let shown = other.filter(|c| *c != '\n').map_or(0, char::len_utf8);
                    let end = self.at + shown;
                    self.error(start, end, "invalid unicode escape").help =
                        Some("`\\u` is followed by exactly four hexadecimal digits".into());
                    return None;
                }
            }
        }
        let code = u32::from_str_radix(&self.text[digits..self.at], 16).ok()?;
        let c = char::from_u32(code);
        if c.is_none() {
            self.error(start, self.at, "surrogates cannot be escaped")
                .help = Some("write the character itself".into());
        }
        c
    }

    /// Lexes an extractor literal, whose opening pipe has been taken.
    pub(super) fn extractor(&mut self, start: usize) {
        let mut parts = vec![String::new()];
        loop {
            let part = self.at;
            self.eat_while(|c| !matches!(c, '|' | '\\' | '\n'));
            let text = &self.text[part..self.at];
            let Some(last) = parts.last_mut() else { return };
            last.push_str(text);
            let at = self.at;
            match self.bump() {
                Some('|') => break,
                Some('\\') => match self.bump() {
                    Some(c @ ('|' | '\\')) => last.push(c),
                    Some('\n') => parts.push(String::new()),
                    Some('\r') if self.eat("\n") => parts.push(String::new()),
                    Some(c) => {
                        self.error(
                            at + 1,
                            at + 1 + c.len_utf8(),
                            format!("unknown escape `\\{c}` in an extractor"),
                        )
                        .help = Some("write `\\\\` for a backslash, as in `re|\\\\d+|`".into());
                    }
                    None => {
                        self.error(self.at, self.at, "unexpected end of the text in an escape");
                        return;
                    }
                },
                _ => {
                    self.at = at;
                    self.error(start, at, "extractor is not closed").help =
                        Some("end it with `|`, or end the line with a backslash".into());
                    return;
                }
            }
        }
        self.push(TokenKind::Extractor(dedent(&parts).into()), start);
    }
}

/// Removes the smallest indentation of the non-empty parts from all of them and joins them.
fn dedent(parts: &[String]) -> String {
    let [single] = parts else {
        let filled = parts.iter().filter(|part| !part.is_empty());
        let blanks = |part: &String| part.chars().take_while(|c| c.is_whitespace()).count();
        let indent = filled.map(blanks).min().unwrap_or_default();
        return parts
            .iter()
            .flat_map(|part| part.chars().skip(indent))
            .collect();
    };
    single.clone()
}
