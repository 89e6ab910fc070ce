//! Clauses that several statements share: directives, `args`, `with`.

use super::skip::Opened;
use super::{Parse, Parser};
use crate::ast::{Args, Assign, Expr, Ident, Instance, Modular, Param, With};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses the directives at the start of a text or body.
    pub(super) fn directives(&mut self) -> Vec<Assign> {
        let mut directives = Vec::new();
        while self.eat(&TokenKind::Config) {
            match self.directive() {
                Ok(directive) => directives.push(directive),
                Err(_) => self.skip(Vec::new()),
            }
        }
        directives
    }

    /// Parses what a directive says. `state` is a name here.
    fn directive(&mut self) -> Parse<Assign> {
        let span = self.span();
        if !self.eat_word(Keyword::State) {
            return self.assign();
        }
        let name = "state".into();
        self.assigned(Ident { name, span })
    }

    /// Parses `name = value`.
    pub(super) fn assign(&mut self) -> Parse<Assign> {
        let key = self.ident("a name")?;
        self.assigned(key)
    }

    fn assigned(&mut self, key: Ident) -> Parse<Assign> {
        self.expect(&TokenKind::Assign, "`=` and a value")?;
        let value = self.operators()?;
        Ok(Assign { key, value })
    }

    /// Parses an `args` clause, if there is one.
    pub(super) fn args(&mut self) -> Parse<Args> {
        let start = self.span();
        if !self.eat_word(Keyword::Args) {
            return Ok(Args::default());
        }
        let params = self.names_list(|p| {
            let name = p.ident("the name of an argument")?;
            let default = if p.eat(&TokenKind::Assign) {
                Some(p.operators()?)
            } else {
                None
            };
            Ok(Param { name, default })
        })?;
        let span = self.span_from(start);
        Ok(Args { params, span })
    }

    /// Parses items that start with a name, separated by commas, of which one may trail.
    pub(super) fn names_list<T>(&mut self, item: fn(&mut Self) -> Parse<T>) -> Parse<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(&TokenKind::Comma) && matches!(self.peek(), TokenKind::Ident(_)) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Parses a `with … end` clause, if there is one.
    pub(super) fn with(&mut self) -> Parse<With> {
        let start = self.span();
        if !self.eat_word(Keyword::With) {
            return Ok(With::default());
        }
        self.open(Opened::With);
        let assigns = self.names_list(Parser::assign)?;
        let span = self.span_from(start);
        self.expect_end("`,` or `end`")?;
        Ok(With { assigns, span })
    }

    /// Parses `name from template with … end`.
    pub(super) fn instance(&mut self, start: Span, wanted: &str) -> Parse<Instance> {
        let name = self.ident(wanted)?;
        let template = if self.eat_word(Keyword::From) {
            self.modular("the name of a definition")?
        } else {
            Modular {
                modules: Vec::new(),
                name: name.clone(),
            }
        };
        let with = self.with()?;
        let span = self.span_from(start);
        Ok(Instance {
            name,
            template,
            with,
            span,
        })
    }

    /// Takes the documentation comments in front of a statement. Only definitions can have any.
    pub(super) fn doc_comments(&mut self) -> Parse<()> {
        let documented = self.is(&TokenKind::DocComment);
        while self.eat(&TokenKind::DocComment) {}
        if documented
            && !matches!(
                self.peek(),
                TokenKind::Keyword(
                    Keyword::Define
                        | Keyword::Deploy
                        | Keyword::Const
                        | Keyword::Fn
                        | Keyword::Intrinsic
                )
            )
        {
            let finding = self.syntax_error("a definition behind a documentation comment");
            return self.report(finding.help("write other comments with one `#`"));
        }
        Ok(())
    }

    /// Parses a clause that starts with a word, if it stands here.
    pub(super) fn optional_clause(&mut self, word: Keyword) -> Parse<Option<Expr>> {
        if self.eat_word(word) {
            self.expression().map(Some)
        } else {
            Ok(None)
        }
    }
}
