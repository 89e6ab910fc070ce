//! Paths: a root and the segments behind it.

use super::{Parse, Parser};
use crate::ast::{Call, Expr, ExprKind, Modular, Path, Root, Segment};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses what can stand behind `present` and `absent`.
    pub(super) fn path(&mut self) -> Parse<Path> {
        self.path_or("a path behind `present` or `absent`")
    }

    /// Parses a path where nothing else can stand.
    pub(super) fn path_or(&mut self, wanted: &str) -> Parse<Path> {
        use Keyword::{Args, Event, Group, State, Window};
        let is_root = |word: &Keyword| matches!(word, Event | State | Args | Group | Window);
        match self.peek() {
            TokenKind::Keyword(word) if !is_root(word) => {
                self.ident(wanted)?;
            }
            TokenKind::StringStart => {
                self.ident(wanted)?;
            }
            _ => {}
        }
        let at = self.at;
        let operand = self.operand()?;
        match operand.kind {
            ExprKind::Path(path) => Ok(path),
            _ => {
                // What stands there instead is an expression from its first token on.
                self.at = at;
                let finding = self.syntax_error(wanted);
                let help = "a path is a name, `event`, `state`, `args` or `$`, and what follows it";
                self.report(finding.help(help))
            }
        }
    }

    /// Parses what starts with a word or `$`.
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

    /// Parses what starts with a name: a local variable or constant, a constant of a module, or a call.
    fn named(&mut self, start: Span) -> Parse<Expr> {
        let mut name = self.ident("an expression")?;
        let mut modules = Vec::new();
        while self.eat(&TokenKind::ColonColon) {
            modules.push(name);
            name = self.ident("a name behind `::`")?;
        }
        if self.is(&TokenKind::ParenOpen) {
            let args = self.arguments()?;
            let call = Expr {
                kind: ExprKind::Call(Call {
                    modules,
                    name,
                    args,
                }),
                span: self.span_from(start),
            };
            return self.segments_behind(call, start);
        }
        let root = match modules.is_empty() {
            true => Root::Local(name),
            false => Root::Constant { modules, name },
        };
        self.segments(root, Vec::new(), start)
    }

    /// Parses the arguments of a call; the cursor is at `(`.
    fn arguments(&mut self) -> Parse<Vec<Expr>> {
        self.bump();
        self.nested(|p| p.list_of(&TokenKind::ParenClose, "`)`", Parser::expression))
    }

    /// Parses `recur(…)`; the cursor is at this word.
    pub(super) fn recur(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        if !self.is(&TokenKind::ParenOpen) {
            return self.unexpected("`(` and the new arguments");
        }
        let args = self.arguments()?;
        Ok(Expr {
            kind: ExprKind::Recur(args),
            span: self.span_from(start),
        })
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

    /// Parses a name, with the modules that it is in.
    pub(super) fn modular(&mut self, wanted: &str) -> Parse<Modular> {
        let mut name = self.ident(wanted)?;
        let mut modules = Vec::new();
        while self.eat(&TokenKind::ColonColon) {
            modules.push(name);
            name = self.ident("a name behind `::`")?;
        }
        Ok(Modular { modules, name })
    }
}
