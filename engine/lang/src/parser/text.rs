//! Strings, heredocs and their interpolations.

use super::{Parse, Parser};
use crate::ast::{Interpolated, Text};
use crate::token::TokenKind;

impl Parser<'_> {
    pub(super) fn at_text(&self) -> bool {
        matches!(
            self.peek(),
            TokenKind::StringStart | TokenKind::HeredocStart
        )
    }

    /// Parses a string or heredoc.
    pub(super) fn text(&mut self) -> Parse<Text> {
        let start = self.span();
        if !self.at_text() {
            return self.unexpected("a string");
        }
        self.bump();
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                TokenKind::Text(text) => {
                    parts.push(Interpolated::Text(text.clone()));
                    self.bump();
                }
                TokenKind::InterpolationStart => {
                    self.bump();
                    parts.push(Interpolated::Value(self.operators()?));
                    self.expect(&TokenKind::InterpolationEnd, "`}` to end the interpolation")?;
                }
                _ => break,
            }
        }
        self.expect(&TokenKind::StringEnd, "the end of the string")?;
        let span = self.span_from(start);
        Ok(Text { parts, span })
    }
}
