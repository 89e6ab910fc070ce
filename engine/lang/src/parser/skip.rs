//! Sequences of statements, and getting past what could not be parsed.

use super::{Parse, Parser};
use crate::keyword::Keyword;
use crate::token::TokenKind;

/// What statements stand in, which decides where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The whole text.
    Text,
    /// Something that ends in `end`.
    End,
    /// The same, in which a `script` may follow.
    Script,
}

impl Parser<'_> {
    /// Parses statements that are separated by `;`, up to the end of the body.
    ///
    /// A statement that could not be parsed is left out.
    pub(super) fn statements<T>(
        &mut self,
        body: Body,
        statement: fn(&mut Self) -> Parse<T>,
    ) -> Vec<T> {
        let mut statements = Vec::new();
        while !self.at_body_end(body) {
            let (at, open) = (self.at, self.open);
            let parsed = statement(self);
            let failed = parsed.is_err();
            statements.extend(parsed.ok());
            if failed {
                self.recover(at, open, body);
            }
            if self.eat(&TokenKind::Semicolon) || self.at_body_end(body) || failed {
                continue;
            }
            if self.missing_separator(body).is_err() && !self.at_statement() {
                self.recover(self.at, open, body);
                self.eat(&TokenKind::Semicolon);
            }
        }
        statements
    }

    fn missing_separator(&mut self, body: Body) -> Parse<()> {
        self.unexpected(match body {
            Body::Text => "`;`",
            Body::End => "`;` or `end`",
            Body::Script => "`;`, `script` or `end`",
        })
    }

    pub(super) fn at_body_end(&self, body: Body) -> bool {
        self.is(&TokenKind::End)
            || (body != Body::Text && self.is_word(Keyword::End))
            || (body == Body::Script && self.is_word(Keyword::Script))
    }

    /// Whether the cursor is at a word that starts a statement and stands nowhere else.
    fn at_statement(&self) -> bool {
        use Keyword::{Connect, Const, Create, Define, Deploy, Emit, Fn, Intrinsic, Let, Select};
        let TokenKind::Keyword(word) = self.peek() else {
            return false;
        };
        // `fn` is also a part of `intrinsic fn`, which is skipped as a whole.
        match word {
            Define | Create | Select | Connect | Deploy | Let | Const | Intrinsic | Emit => true,
            Fn => !matches!(self.peek_before(), Some(TokenKind::Keyword(Intrinsic))),
            _ => false,
        }
    }

    pub(super) fn peek_before(&self) -> Option<&TokenKind> {
        let before = self.at.checked_sub(1)?;
        Some(&self.tokens.get(before)?.kind)
    }

    /// Skips the rest of a statement that started at token `at`, when `open` constructs were open around it.
    fn recover(&mut self, at: usize, open: u32, body: Body) {
        if self.at == at {
            self.bump();
        }
        let depth = self.open.saturating_sub(open);
        self.open = open;
        self.skip(depth);
        // An `end` that ends nothing is skipped like anything else.
        while body == Body::Text && self.eat_word(Keyword::End) {
            self.skip(0);
        }
    }

    /// Skips to the next `;`, `end`, or start of a statement that is not inside of something that ends in `end`.
    /// So many such constructs are open already.
    pub(super) fn skip(&mut self, mut depth: u32) {
        // Whether the next `with` belongs to something whose `end` closes more than that.
        let mut with_is_part = false;
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Semicolon if depth == 0 => return,
                TokenKind::Keyword(Keyword::End) if depth == 0 => return,
                _ if depth == 0 && self.at_statement() => return,
                TokenKind::Keyword(Keyword::End) => {
                    depth -= 1;
                    with_is_part = false;
                }
                TokenKind::Keyword(Keyword::With) if with_is_part => with_is_part = false,
                TokenKind::Keyword(Keyword::Of | Keyword::Script | Keyword::State) => {
                    with_is_part = false;
                }
                TokenKind::Keyword(word) => {
                    let word = *word;
                    if self.opens(word) {
                        depth += 1;
                        with_is_part = matches!(word, Keyword::Fn | Keyword::Define)
                            && (word == Keyword::Fn || self.is_word_at(1, Keyword::Window));
                    }
                }
                _ => {}
            }
            self.bump();
        }
    }

    /// Whether the word under the cursor opens something that ends in `end`.
    fn opens(&self, word: Keyword) -> bool {
        match word {
            Keyword::Match | Keyword::For | Keyword::Patch | Keyword::With => true,
            Keyword::Fn => !matches!(
                self.peek_before(),
                Some(TokenKind::Keyword(Keyword::Intrinsic))
            ),
            Keyword::Merge => !self.at_merge_operation(),
            Keyword::Define => matches!(
                self.peek_at(1),
                TokenKind::Keyword(
                    Keyword::Window | Keyword::Script | Keyword::Pipeline | Keyword::Flow
                )
            ),
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
