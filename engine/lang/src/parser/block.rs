//! `match`, `for`, `merge` and `patch`.

use super::skip::Opened;
use super::{Parse, Parser};
use crate::ast::{
    BinaryOp, Expr, ExprKind, For, ForCase, Match, MatchClause, Merge, Patch, PatchKind,
    PatchOperation, Statement, StatementKind,
};
use crate::keyword::Keyword;
use crate::token::TokenKind;

/// What the bodies of a `match` or `for` hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bodies {
    /// Statements, separated by `;`.
    Statements,
    /// Expressions, separated by `,`.
    Expressions,
}

impl Parser<'_> {
    /// Parses a `match` or `for`; the cursor is at this word.
    pub(super) fn block(&mut self, bodies: Bodies) -> Parse<Expr> {
        self.nested(|p| match p.is_word(Keyword::Match) {
            true => p.match_block(bodies),
            false => p.for_block(bodies),
        })
    }

    fn match_block(&mut self, bodies: Bodies) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        self.open(Opened::Block);
        let target = self.expression()?;
        self.expect_word(Keyword::Of, "`of` and the clauses")?;
        let mut clauses = Vec::new();
        loop {
            let start = self.span();
            self.expect_word(Keyword::Case, "`case`")?;
            let pattern = self.pattern()?;
            let guard = self.optional_clause(Keyword::When)?;
            self.expect(&TokenKind::Arrow, "`=>` and what the clause yields")?;
            let body = self.body(bodies)?;
            clauses.push(MatchClause {
                pattern,
                guard,
                body,
                span: self.span_from(start),
            });
            if !self.is_word(Keyword::Case) {
                break;
            }
        }
        self.expect_end(separator_or_end(bodies))?;
        let kind = ExprKind::Match(Box::new(Match { target, clauses }));
        let span = self.span_from(start);
        Ok(Expr { kind, span })
    }

    fn for_block(&mut self, bodies: Bodies) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        self.open(Opened::Block);
        let target = self.expression()?;
        self.expect_word(Keyword::Of, "`of` and the cases")?;
        let mut cases = vec![self.for_case(bodies)?];
        while self.is_word(Keyword::Case) {
            cases.push(self.for_case(bodies)?);
        }
        let into = self.optional_clause(Keyword::Into)?;
        let mut fold = None;
        if into.is_some() && self.eat_word(Keyword::Use) {
            fold = Some(self.fold_operator()?);
        }
        self.expect_end(separator_or_end(bodies))?;
        let kind = ExprKind::For(Box::new(For {
            target,
            cases,
            into,
            fold,
        }));
        let span = self.span_from(start);
        Ok(Expr { kind, span })
    }

    fn for_case(&mut self, bodies: Bodies) -> Parse<ForCase> {
        let start = self.span();
        self.expect_word(Keyword::Case, "`case`")?;
        let head = self.span();
        self.expect(&TokenKind::ParenOpen, "`(` and two names")?;
        let key = self.ident("a name for the index or key")?;
        self.expect(&TokenKind::Comma, "`,` and a name for the value")?;
        let value = self.ident("a name for the value")?;
        self.expect(&TokenKind::ParenClose, "`)`")?;
        let head = self.span_from(head);
        let guard = self.optional_clause(Keyword::When)?;
        self.expect(&TokenKind::Arrow, "`=>` and what the case yields")?;
        let body = self.body(bodies)?;
        Ok(ForCase {
            key,
            value,
            head,
            guard,
            body,
            span: self.span_from(start),
        })
    }

    fn fold_operator(&mut self) -> Parse<BinaryOp> {
        match self.operator() {
            Some(op) if !matches!(op.level(), 6 | 7) => {
                self.bump();
                Ok(op)
            }
            _ => self.unexpected("an operator that computes"),
        }
    }

    /// Parses the body of a clause or case, up to the next one or what ends them.
    pub(super) fn body(&mut self, bodies: Bodies) -> Parse<Vec<Statement>> {
        match bodies {
            Bodies::Statements => {
                let mut body = vec![self.statement()?];
                while self.eat(&TokenKind::Semicolon) {
                    body.push(self.statement()?);
                }
                Ok(body)
            }
            Bodies::Expressions => {
                let mut body = vec![self.expression_statement()?];
                while self.eat(&TokenKind::Comma) {
                    body.push(self.expression_statement()?);
                }
                Ok(body)
            }
        }
    }

    fn expression_statement(&mut self) -> Parse<Statement> {
        let expr = self.expression()?;
        let span = self.last_outer(&expr);
        Ok(Statement {
            kind: StatementKind::Expr(expr),
            span,
        })
    }

    /// Parses a `merge`; the cursor is at this word.
    pub(super) fn merge_block(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        self.open(Opened::Block);
        let target = self.expression()?;
        self.expect_word(Keyword::Of, "`of` and the changes")?;
        let changes = self.expression()?;
        self.expect_end("`end` of the `merge`")?;
        let kind = ExprKind::Merge(Box::new(Merge { target, changes }));
        let span = self.span_from(start);
        Ok(Expr { kind, span })
    }

    /// Parses a `patch`; the cursor is at this word.
    pub(super) fn patch_block(&mut self) -> Parse<Expr> {
        let start = self.span();
        self.bump();
        self.open(Opened::Block);
        let target = self.expression()?;
        self.expect_word(Keyword::Of, "`of` and the operations")?;
        let mut operations = vec![self.patch_operation()?];
        while self.eat(&TokenKind::Semicolon) {
            operations.push(self.patch_operation()?);
        }
        self.expect_end("`;` or `end`")?;
        let kind = ExprKind::Patch(Box::new(Patch { target, operations }));
        let span = self.span_from(start);
        Ok(Expr { kind, span })
    }

    fn patch_operation(&mut self) -> Parse<PatchOperation> {
        let start = self.span();
        let TokenKind::Keyword(word) = *self.peek() else {
            return self.unexpected(OPERATIONS);
        };
        let is_whole = *self.peek_at(1) == TokenKind::Arrow;
        let kind = match word {
            Keyword::Merge | Keyword::Default if is_whole => {
                self.bump();
                self.bump();
                let value = self.expression()?;
                match word {
                    Keyword::Merge => PatchKind::MergeAll { value },
                    _ => PatchKind::DefaultAll { value },
                }
            }
            Keyword::Erase => {
                self.bump();
                let key = self.text()?;
                PatchKind::Erase { key }
            }
            Keyword::Move | Keyword::Copy => {
                self.bump();
                let from = self.text()?;
                self.expect(&TokenKind::Arrow, "`=>` and the new key")?;
                let to = self.text()?;
                match word {
                    Keyword::Move => PatchKind::Move { from, to },
                    _ => PatchKind::Copy { from, to },
                }
            }
            Keyword::Insert
            | Keyword::Update
            | Keyword::Upsert
            | Keyword::Merge
            | Keyword::Default => {
                self.bump();
                let key = self.text()?;
                self.expect(&TokenKind::Arrow, "`=>` and a value")?;
                let value = self.expression()?;
                match word {
                    Keyword::Insert => PatchKind::Insert { key, value },
                    Keyword::Update => PatchKind::Update { key, value },
                    Keyword::Upsert => PatchKind::Upsert { key, value },
                    Keyword::Merge => PatchKind::Merge { key, value },
                    _ => PatchKind::Default { key, value },
                }
            }
            _ => return self.unexpected(OPERATIONS),
        };
        let span = self.span_from(start);
        Ok(PatchOperation { kind, span })
    }
}

const OPERATIONS: &str =
    "`insert`, `update`, `upsert`, `erase`, `move`, `copy`, `merge` or `default`";

fn separator_or_end(bodies: Bodies) -> &'static str {
    match bodies {
        Bodies::Statements => "`;`, `case` or `end`",
        Bodies::Expressions => "`,`, `case` or `end`",
    }
}
