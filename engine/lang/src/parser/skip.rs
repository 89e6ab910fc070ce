//! Sequences of statements, and getting past what could not be parsed.

use super::{Parse, Parser};
use crate::keyword::Keyword;
use crate::token::TokenKind;

/// What statements stand in, which decides where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The whole text.
    Text,
    /// A pipeline, which ends in `end`.
    Query,
    /// A flow, which ends in `end`.
    Flow,
    /// A script or a function, which ends in `end`.
    End,
    /// The same, in which a `script` may follow.
    Script,
}

/// The words that a statement can go on with.
const CONTINUE: &str = "`and` `args` `from` `group` `having` `into` `of` `or` `where` `with` `xor`";

/// A construct that has begun and ends in `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// A function or a window, in front of its body: a `with` that comes next has no `end` of its own.
    Head,
    /// A `with` clause.
    With,
    /// A pipeline, which holds statements of queries.
    Pipeline,
    /// A flow.
    Flow,
    /// Anything else.
    Block,
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
            let (at, open) = (self.at, self.open.len());
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
        let finding = self.syntax_error(match body {
            Body::Text => "`;`",
            Body::Query | Body::Flow | Body::End => "`;` or `end`",
            Body::Script => "`;`, `script` or `end`",
        });
        let help = match finding.help {
            None => self.meant(CONTINUE).or_else(|| self.meant_before()),
            Some(_) => None,
        };
        self.report(finding.maybe_help(help))
    }

    pub(super) fn at_body_end(&self, body: Body) -> bool {
        self.is(&TokenKind::End)
            || (body != Body::Text && self.is_word(Keyword::End))
            || self.is_behind(body)
            || (body == Body::Script && self.is_word(Keyword::Script))
    }

    /// Whether what stands here cannot stand in the body, but behind one whose `end` is missing.
    fn is_behind(&self, body: Body) -> bool {
        use Keyword::{Connect, Connector, Create, Define, Deploy, Select};
        let TokenKind::Keyword(word) = self.peek() else {
            return false;
        };
        let cannot_be = match body {
            Body::Text => false,
            Body::Flow => *word == Deploy,
            Body::Query => {
                matches!(word, Connect | Deploy) || *word == Create && self.is_word_at(1, Connector)
            }
            Body::End | Body::Script => {
                matches!(word, Connect | Create | Define | Deploy | Select)
            }
        };
        cannot_be && !self.is_part()
    }

    /// Whether the cursor is at a word that starts a statement and stands nowhere else.
    fn at_statement(&self) -> bool {
        use Keyword::{Connect, Const, Create, Define, Deploy, Emit, Fn, Intrinsic, Let, Select};
        let TokenKind::Keyword(word) = self.peek() else {
            return false;
        };
        match word {
            Define | Create | Select | Connect | Deploy | Let | Const | Intrinsic | Emit | Fn => {
                !self.is_part()
            }
            _ => false,
        }
    }

    /// Whether the word under the cursor goes on with what stands before it: the `fn` of `intrinsic fn`, and keywords
    /// that should have been written in back quotes, as in `event.create` and `let select = 1`.
    fn is_part(&self) -> bool {
        matches!(
            self.peek_before(),
            Some(
                TokenKind::Dot
                    | TokenKind::Keyword(Keyword::Intrinsic | Keyword::Let | Keyword::Const)
            )
        )
    }

    pub(super) fn peek_before(&self) -> Option<&TokenKind> {
        let before = self.at.checked_sub(1)?;
        Some(&self.tokens.get(before)?.kind)
    }

    /// Skips the rest of a statement that started at token `at`, when `open` constructs were open around it.
    fn recover(&mut self, at: usize, open: usize, body: Body) {
        if self.at == at {
            self.bump();
        }
        let inner = self.open.split_off(open.min(self.open.len()));
        self.skip(inner);
        // An `end` that ends nothing is skipped like anything else.
        while body == Body::Text && self.eat_word(Keyword::End) {
            self.skip(Vec::new());
        }
    }

    /// Skips to the next `;`, `end`, or start of a statement that is not inside of something that ends in `end`.
    /// Some such constructs are open already.
    pub(super) fn skip(&mut self, mut open: Vec<Opened>) {
        loop {
            self.close_unfinished(&mut open);
            let is_inside = !open.is_empty();
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Semicolon if !is_inside && self.goes_on_behind() => {}
                TokenKind::Semicolon | TokenKind::Keyword(Keyword::End) if !is_inside => return,
                _ if !is_inside && self.at_statement() => return,
                TokenKind::Keyword(Keyword::End) => {
                    open.pop();
                }
                TokenKind::Keyword(
                    Keyword::With | Keyword::Of | Keyword::Script | Keyword::State,
                ) if open.last() == Some(&Opened::Head) => {
                    open.pop();
                    open.push(Opened::Block);
                }
                TokenKind::Keyword(word) => open.extend(self.opens(*word)),
                _ => {}
            }
            self.bump();
        }
    }

    /// Whether the `;` under the cursor stands in the middle of a statement: no other one starts with what follows.
    fn goes_on_behind(&self) -> bool {
        use Keyword::{By, Case, From, Group, Having, Into, Of, To, When, Where, With};
        let TokenKind::Keyword(word) = self.peek_at(1) else {
            return false;
        };
        matches!(
            word,
            By | Case | From | Group | Having | Into | Of | To | When | Where | With
        )
    }

    /// Takes away constructs whose `end` was forgotten: those that cannot hold the word under the cursor.
    fn close_unfinished(&self, open: &mut Vec<Opened>) {
        use Keyword::{Connect, Create, Define, Deploy, Flow, Pipeline, Script, Select};
        let TokenKind::Keyword(word) = self.peek() else {
            return;
        };
        match word {
            Define | Create | Select | Connect | Deploy if !self.is_part() => {
                while open.last().is_some_and(|last| !self.holds(*last)) {
                    open.pop();
                }
            }
            // The body of a definition.
            Flow | Pipeline | Script if open.last() == Some(&Opened::With) => {
                open.pop();
            }
            _ => {}
        }
    }

    /// Whether the statement under the cursor can stand in what was opened.
    fn holds(&self, opened: Opened) -> bool {
        match opened {
            Opened::Pipeline => !self.is_behind(Body::Query),
            Opened::Flow => !self.is_behind(Body::Flow),
            Opened::Head | Opened::With | Opened::Block => false,
        }
    }

    /// What the word under the cursor opens that ends in `end`.
    fn opens(&self, word: Keyword) -> Option<Opened> {
        match word {
            Keyword::Match | Keyword::For | Keyword::Patch => Some(Opened::Block),
            Keyword::With => Some(Opened::With),
            Keyword::Fn if !self.is_part() => Some(Opened::Head),
            Keyword::Merge if !self.at_merge_operation() => Some(Opened::Block),
            Keyword::Define => match self.peek_at(1) {
                TokenKind::Keyword(Keyword::Window) => Some(Opened::Head),
                TokenKind::Keyword(Keyword::Script) => Some(Opened::Block),
                TokenKind::Keyword(Keyword::Pipeline) => Some(Opened::Pipeline),
                TokenKind::Keyword(Keyword::Flow) => Some(Opened::Flow),
                _ => None,
            },
            _ => None,
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
