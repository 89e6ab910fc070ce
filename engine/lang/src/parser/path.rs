//! Paths: a root and the segments behind it.

use super::{Parse, Parser};
use crate::ast::{Expr, ExprKind, Ident, Modular, Path, Root, Segment};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses what can stand behind `present` and `absent`.
    pub(super) fn path(&mut self) -> Parse<Path> {
        let operand = self.operand()?;
        match operand.kind {
            ExprKind::Path(path) => Ok(path),
            ExprKind::Invalid => {
                let root = Root::Expr(Box::new(operand));
                Ok(Path {
                    root,
                    segments: Vec::new(),
                    span: self.last_span(),
                })
            }
            _ => {
                let finding = crate::Finding::error(
                    crate::Code::Syntax,
                    operand.span,
                    "`present` and `absent` take a path",
                );
                self.report(
                    finding.help(
                        "a path is a name such as `event`, `$` or `args` and what follows it",
                    ),
                )
            }
        }
    }

    /// Parses a path that starts with a word or `$`; anything else that starts so is not implemented.
    pub(super) fn rooted(&mut self) -> Parse<Expr> {
        let start = self.span();
        let root = match self.peek() {
            TokenKind::Dollar => return self.meta(start),
            TokenKind::Keyword(Keyword::Event) => Root::Event,
            TokenKind::Keyword(Keyword::State) => Root::State,
            TokenKind::Keyword(Keyword::Args) => Root::Args,
            TokenKind::Keyword(Keyword::Group) => Root::Group,
            TokenKind::Keyword(Keyword::Window) => Root::Window,
            _ => return self.named(start),
        };
        self.bump();
        self.segments(root, Vec::new(), start)
    }

    fn meta(&mut self, start: Span) -> Parse<Expr> {
        self.bump();
        let mut segments = Vec::new();
        if matches!(self.peek(), TokenKind::Ident(_)) {
            segments.push(Segment::Field(self.ident("a name")?));
        } else if matches!(self.peek(), TokenKind::Dot | TokenKind::BracketOpen) {
            let finding = self.syntax_error("a name behind `$`");
            return self.report(finding.help("a metadata field is written `$name`, without a dot"));
        }
        self.segments(Root::Meta, segments, start)
    }

    /// Parses a local variable, or reports a call or module constant.
    fn named(&mut self, start: Span) -> Parse<Expr> {
        let name = self.ident("an expression")?;
        let mut in_module = false;
        while self.eat(&TokenKind::ColonColon) {
            in_module = true;
            self.ident("a name behind `::`")?;
        }
        if self.is(&TokenKind::ParenOpen) {
            return self.call(start);
        }
        if in_module {
            let span = self.span_from(start);
            let shown = self.source.slice(span).to_owned();
            self.unsupported(&format!("the module constant `{shown}`"), span);
            return self.invalid(start);
        }
        self.segments(Root::Local(name), Vec::new(), start)
    }

    /// Parses the arguments of a call and reports it.
    pub(super) fn call(&mut self, start: Span) -> Parse<Expr> {
        let name = self.source.slice(self.span_from(start)).to_owned();
        self.bump();
        self.list_of(&TokenKind::ParenClose, "`)`", Parser::expression)?;
        let span = self.span_from(start);
        self.unsupported(&format!("calling a function, here `{name}`,"), span);
        self.invalid(start)
    }

    /// Returns what stands for something that was reported, with the segments behind it taken.
    pub(super) fn invalid(&mut self, start: Span) -> Parse<Expr> {
        let expr = Expr {
            kind: ExprKind::Invalid,
            span: self.span_from(start),
        };
        self.segments_behind(expr, start)
    }

    /// Parses segments behind an expression; without any, the expression stays what it is.
    pub(super) fn segments_behind(&mut self, expr: Expr, start: Span) -> Parse<Expr> {
        if matches!(self.peek(), TokenKind::Dot | TokenKind::BracketOpen) {
            self.segments(Root::Expr(Box::new(expr)), Vec::new(), start)
        } else {
            Ok(expr)
        }
    }

    fn segments(&mut self, root: Root, mut segments: Vec<Segment>, start: Span) -> Parse<Expr> {
        loop {
            if self.eat(&TokenKind::Dot) {
                segments.push(Segment::Field(self.ident("a field name behind the dot")?));
            } else if self.eat(&TokenKind::BracketOpen) {
                segments.push(self.bracket()?);
            } else {
                break;
            }
        }
        let span = self.span_from(start);
        let path = Path {
            root,
            segments,
            span,
        };
        Ok(Expr {
            kind: ExprKind::Path(path),
            span,
        })
    }

    /// Parses an index or a range behind its `[`.
    fn bracket(&mut self) -> Parse<Segment> {
        let start = self.span();
        let from = self.expression()?;
        if !self.eat(&TokenKind::Colon) {
            self.expect(
                &TokenKind::BracketClose,
                "`]`, or `:` and the end of a range",
            )?;
            return Ok(Segment::Index(from));
        }
        let to = self.expression()?;
        let span = self.span_from(start);
        self.expect(&TokenKind::BracketClose, "`]`")?;
        Ok(Segment::Range { from, to, span })
    }

    /// Takes the name of a template, which could be that of a module.
    pub(super) fn template(&mut self, wanted: &str) -> Parse<Modular> {
        let first = self.ident(wanted)?;
        let mut last = first.clone();
        let mut modules = Vec::new();
        while self.eat(&TokenKind::ColonColon) {
            modules.push(last);
            last = self.ident("a name behind `::`")?;
        }
        if first.span != last.span {
            let span = first.span.to(last.span);
            let shown = self.source.slice(span).to_owned();
            self.unsupported(&format!("the module path `{shown}`"), span);
        }
        Ok(Modular {
            modules,
            name: last,
        })
    }
}
