//! Getting past what could not be parsed or is not supported.

use super::{Parse, Parser};
use crate::keyword::Keyword;
use crate::token::TokenKind;

/// Whether `with` opens something that an `end` closes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// In `create … with … end`.
    Opens,
    /// In windows and functions, whose `end` closes more than the `with`.
    IsPart,
}

impl Parser<'_> {
    /// Parses statements that are separated by `;`, up to the `end` of the body or the end of the text.
    ///
    /// A statement that could not be parsed, or that yields nothing, is left out.
    pub(super) fn statements<T>(
        &mut self,
        in_body: bool,
        statement: fn(&mut Self) -> Parse<Option<T>>,
    ) -> Vec<T> {
        let mut statements = Vec::new();
        while !self.at_body_end(in_body) {
            let (at, open) = (self.at, self.open);
            let parsed = statement(self);
            let failed = parsed.is_err();
            statements.extend(parsed.ok().flatten());
            if failed {
                self.recover(at, open, in_body);
            }
            if self.eat(&TokenKind::Semicolon) || self.at_body_end(in_body) || failed {
                continue;
            }
            if self.missing_separator(in_body).is_err() && !self.at_statement() {
                self.recover(self.at, open, in_body);
                self.eat(&TokenKind::Semicolon);
            }
        }
        statements
    }

    fn missing_separator(&mut self, in_body: bool) -> Parse<()> {
        self.unexpected(if in_body { "`;` or `end`" } else { "`;`" })
    }

    fn at_body_end(&self, in_body: bool) -> bool {
        self.is(&TokenKind::End) || (in_body && self.is_word(Keyword::End))
    }

    /// Whether the cursor is at a word that starts a statement and stands nowhere else.
    fn at_statement(&self) -> bool {
        use Keyword::{Connect, Create, Define, Deploy, Select};
        matches!(
            self.peek(),
            TokenKind::Keyword(Define | Create | Select | Connect | Deploy)
        )
    }

    /// Skips the rest of a statement that started at token `at`, when `open` constructs were open around it.
    fn recover(&mut self, at: usize, open: u32, in_body: bool) {
        if self.at == at {
            self.bump();
        }
        let depth = self.open - open;
        self.open = open;
        self.skip(depth, With::Opens);
        // An `end` that ends nothing is skipped like anything else.
        while !in_body && self.eat_word(Keyword::End) {
            self.skip(0, With::Opens);
        }
    }

    /// Skips to the next `;`, `end`, or start of a statement that is not inside of something that ends in `end`.
    /// So many such constructs are open already.
    pub(super) fn skip(&mut self, mut depth: u32, with: With) {
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Semicolon if depth == 0 => return,
                TokenKind::Keyword(Keyword::End) if depth == 0 => return,
                TokenKind::Keyword(Keyword::End) => depth -= 1,
                _ if depth == 0 && self.at_statement() => return,
                _ if self.opens(with) => depth += 1,
                _ => {}
            }
            self.bump();
        }
    }

    /// Skips a `match`, `for`, … from its first word up to and including its `end`.
    pub(super) fn skip_block(&mut self) {
        let mut depth = 0;
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Keyword(Keyword::End) => {
                    depth -= 1;
                    if depth <= 0 {
                        return self.bump();
                    }
                }
                _ if self.opens(With::IsPart) => depth += 1,
                _ => {}
            }
            self.bump();
        }
    }

    fn opens(&self, with: With) -> bool {
        match self.peek() {
            TokenKind::Keyword(Keyword::Match | Keyword::For | Keyword::Patch | Keyword::Fn) => {
                true
            }
            TokenKind::Keyword(Keyword::With) => with == With::Opens,
            TokenKind::Keyword(Keyword::Merge) => !self.at_merge_operation(),
            _ => false,
        }
    }

    /// Whether a `merge` is an operation of a `patch`, `merge => …` or `merge "key" => …`, which has no `end`.
    fn at_merge_operation(&self) -> bool {
        match self.peek_at(1) {
            TokenKind::Arrow => true,
            TokenKind::StringStart | TokenKind::HeredocStart => {
                let tokens = self.tokens[self.at..].iter();
                let mut after = tokens
                    .skip_while(|token| token.kind != TokenKind::StringEnd)
                    .skip(1);
                after
                    .next()
                    .is_some_and(|token| token.kind == TokenKind::Arrow)
            }
            _ => false,
        }
    }
}
