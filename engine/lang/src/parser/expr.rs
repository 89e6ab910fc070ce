//! Expressions.

use super::block::Bodies;
use super::{Parse, Parser};
use crate::ast::{BinaryOp, BytesPart, Expr, ExprKind, Operation, UnaryOp};
use crate::keyword::Keyword;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses an expression where also a bare `match` or `for` may stand.
    pub(super) fn expression(&mut self) -> Parse<Expr> {
        if let TokenKind::Keyword(Keyword::Match | Keyword::For) = self.peek() {
            return self.block(Bodies::Expressions);
        }
        self.operators()
    }

    /// Parses an expression of operators and operands.
    pub(super) fn operators(&mut self) -> Parse<Expr> {
        self.chain(1)
    }

    /// Parses operators that bind at least as tightly as `level`.
    fn chain(&mut self, level: u8) -> Parse<Expr> {
        self.nested(|p| p.chain_here(level))
    }

    fn chain_here(&mut self, level: u8) -> Parse<Expr> {
        let start = self.span();
        let mut first = self.sign()?;
        // Operators of one level are collected into one chain, then looser ones around it.
        while let Some(here) = self.operator().map(BinaryOp::level).filter(|l| *l >= level) {
            let mut rest = Vec::new();
            while let Some(op) = self.operator().filter(|op| op.level() == here) {
                self.bump();
                let right = self.chain(here + 1)?;
                let end = self.last_span().end;
                rest.push(Operation { op, right, end });
            }
            let span = self.span_from(start);
            let kind = ExprKind::Chain {
                first: Box::new(first),
                rest,
            };
            first = Expr { kind, span };
        }
        Ok(first)
    }

    pub(super) fn operator(&self) -> Option<BinaryOp> {
        let op = match self.peek() {
            TokenKind::Keyword(Keyword::Or) => BinaryOp::Or,
            TokenKind::Keyword(Keyword::Xor) => BinaryOp::Xor,
            TokenKind::Keyword(Keyword::And) => BinaryOp::And,
            TokenKind::Caret => BinaryOp::BitXor,
            TokenKind::Ampersand => BinaryOp::BitAnd,
            TokenKind::Equal => BinaryOp::Equal,
            TokenKind::NotEqual => BinaryOp::NotEqual,
            TokenKind::Less => BinaryOp::Less,
            TokenKind::LessEqual => BinaryOp::LessEqual,
            TokenKind::Greater => BinaryOp::Greater,
            TokenKind::GreaterEqual => BinaryOp::GreaterEqual,
            TokenKind::ShiftLeft => BinaryOp::ShiftLeft,
            TokenKind::ShiftRight => BinaryOp::ShiftRight,
            TokenKind::ShiftRightUnsigned => BinaryOp::ShiftRightUnsigned,
            TokenKind::Plus => BinaryOp::Add,
            TokenKind::Minus => BinaryOp::Subtract,
            TokenKind::Star => BinaryOp::Multiply,
            TokenKind::Slash => BinaryOp::Divide,
            TokenKind::Percent => BinaryOp::Remainder,
            _ => return None,
        };
        Some(op)
    }

    fn sign(&mut self) -> Parse<Expr> {
        let op = match self.peek() {
            TokenKind::Plus => UnaryOp::Plus,
            TokenKind::Minus => UnaryOp::Minus,
            _ => return self.negation(),
        };
        self.unary(op, Parser::sign)
    }

    fn negation(&mut self) -> Parse<Expr> {
        let op = match self.peek() {
            TokenKind::Keyword(Keyword::Not) => UnaryOp::Not,
            TokenKind::Bang => UnaryOp::Complement,
            _ => return self.presence(),
        };
        self.unary(op, |p| {
            if matches!(p.peek(), TokenKind::Plus | TokenKind::Minus) {
                let finding = p.syntax_error("an operand without a sign");
                return p.report(finding.help("put the operand into parentheses"));
            }
            p.negation()
        })
    }

    fn unary(&mut self, op: UnaryOp, operand: fn(&mut Self) -> Parse<Expr>) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        let operand = Box::new(self.nested(operand)?);
        let span = self.span_from(start);
        Ok(Expr {
            kind: ExprKind::Unary { op, operand },
            span,
        })
    }

    fn presence(&mut self) -> Parse<Expr> {
        let start = self.span();
        let negated = self.is_word(Keyword::Absent);
        if !negated && !self.is_word(Keyword::Present) {
            return self.operand();
        }
        self.bump();
        let path = self.path()?;
        let span = self.span_from(start);
        Ok(Expr {
            kind: ExprKind::Present { path, negated },
            span,
        })
    }

    /// Parses a primary expression or one in parentheses, with the segments behind it.
    pub(super) fn operand(&mut self) -> Parse<Expr> {
        let start = self.span();
        let kind = match self.peek() {
            TokenKind::Keyword(Keyword::Null) => ExprKind::Null,
            TokenKind::Keyword(Keyword::True) => ExprKind::Bool(true),
            TokenKind::Keyword(Keyword::False) => ExprKind::Bool(false),
            TokenKind::Int(value) => ExprKind::Int(*value),
            TokenKind::Float(value) => ExprKind::Float(*value),
            TokenKind::StringStart | TokenKind::HeredocStart => {
                let text = self.text()?;
                return Ok(Expr {
                    span: text.span,
                    kind: ExprKind::Text(text),
                });
            }
            TokenKind::ParenOpen => return self.parenthesised(),
            TokenKind::BracketOpen => return self.list(),
            TokenKind::BraceOpen => return self.record(),
            TokenKind::ShiftLeft => return self.binary_literal(),
            TokenKind::Keyword(Keyword::Patch) => return self.nested(Parser::patch_block),
            TokenKind::Keyword(Keyword::Merge) => return self.nested(Parser::merge_block),
            TokenKind::Keyword(Keyword::Recur) => return self.recur(),
            TokenKind::Keyword(Keyword::Match | Keyword::For) => {
                let finding = self.syntax_error("an expression");
                return self.report(finding.help("put it into parentheses"));
            }
            TokenKind::Dollar | TokenKind::Ident(_) => return self.rooted(),
            TokenKind::Keyword(
                Keyword::Event | Keyword::State | Keyword::Args | Keyword::Group | Keyword::Window,
            ) => return self.rooted(),
            _ => return self.unexpected("an expression"),
        };
        self.bump();
        Ok(Expr { kind, span: start })
    }

    fn parenthesised(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        let inner = self.nested(Parser::expression)?;
        self.expect(&TokenKind::ParenClose, "`)`")?;
        self.segments_behind(inner, start)
    }

    fn list(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        let items = self.list_of(&TokenKind::BracketClose, "`]`", Parser::expression)?;
        let list = Expr {
            kind: ExprKind::List(items),
            span: self.span_from(start),
        };
        self.segments_behind(list, start)
    }

    fn record(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        let fields = self.list_of(&TokenKind::BraceClose, "`}`", |p| {
            if let TokenKind::Ident(name) = p.peek() {
                let help = format!("the keys of a record are strings: \"{name}\"");
                let finding = p.syntax_error("a string");
                return p.report(finding.help(help));
            }
            let key = p.text()?;
            p.expect(&TokenKind::Colon, "`:` and the value")?;
            Ok((key, p.expression()?))
        })?;
        let record = Expr {
            kind: ExprKind::Record(fields),
            span: self.span_from(start),
        };
        self.segments_behind(record, start)
    }

    /// Parses items up to `close`, separated by commas, of which one may trail.
    pub(super) fn list_of<T>(
        &mut self,
        close: &TokenKind,
        wanted: &str,
        item: fn(&mut Self) -> Parse<T>,
    ) -> Parse<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(item(self)?);
            if !self.eat(&TokenKind::Comma) {
                self.expect(close, &format!("`,` or {wanted}"))?;
                break;
            }
        }
        Ok(items)
    }

    /// Parses a binary literal.
    fn binary_literal(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        let mut parts = Vec::new();
        if !self.eat(&TokenKind::ShiftRight) {
            parts.push(self.nested(Parser::bytes_part)?);
            while self.eat(&TokenKind::Comma) {
                parts.push(self.nested(Parser::bytes_part)?);
            }
            self.expect(&TokenKind::ShiftRight, "`,` or `>>`")?;
        }
        Ok(Expr {
            kind: ExprKind::Bytes(parts),
            span: self.span_from(start),
        })
    }

    fn bytes_part(&mut self) -> Parse<BytesPart> {
        let start = self.span();
        if matches!(self.peek(), TokenKind::Plus | TokenKind::Minus) {
            let finding = self.syntax_error("a value without a sign");
            return self.report(finding.help("put the value into parentheses"));
        }
        let value = self.operand()?;
        let mut size = None;
        if self.eat(&TokenKind::Colon) {
            let TokenKind::Int(number) = *self.peek() else {
                return self.unexpected("the number of bits or bytes");
            };
            self.bump();
            size = Some(number);
        }
        let mut kind = None;
        if self.eat(&TokenKind::Slash) {
            kind = Some(self.ident("a type such as `integer` or `binary`")?);
        }
        Ok(BytesPart {
            value,
            size,
            kind,
            span: self.span_from(start),
        })
    }
}
