//! Queries: the bodies of pipelines, and `.trickle` files.

use super::skip::With;
use super::{Parse, Parser};
use crate::ast::{Ident, PipelineDefinition, Port, Query, QueryStatement, Select};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses a whole text as a query.
    pub(super) fn query(&mut self) -> Query {
        let directives = self.directives();
        if self.is(&TokenKind::End) {
            let _ = self.unexpected::<()>("a statement");
        }
        let statements = self.statements(false, Parser::query_statement);
        Query {
            directives,
            statements,
            ..Query::default()
        }
    }

    /// Parses `define pipeline` behind these two words.
    pub(super) fn define_pipeline(&mut self, start: Span) -> Parse<PipelineDefinition> {
        self.open();
        let name = self.ident("the name of the pipeline")?;
        let inputs = self.ports(Keyword::From)?;
        let outputs = self.ports(Keyword::Into)?;
        let args = self.args()?;
        self.expect_word(Keyword::Pipeline, "`pipeline` and its body")?;
        let directives = self.directives();
        if self.is_word(Keyword::End) {
            return self.unexpected("a statement");
        }
        let statements = self.statements(true, Parser::query_statement);
        self.expect_end("`end` of the pipeline")?;
        let query = Query {
            directives,
            inputs,
            outputs,
            statements,
        };
        Ok(PipelineDefinition {
            name,
            args,
            query,
            span: self.span_from(start),
        })
    }

    fn ports(&mut self, word: Keyword) -> Parse<Option<Vec<Ident>>> {
        if self.eat_word(word) {
            self.names_list(|p| p.ident("the name of a port")).map(Some)
        } else {
            Ok(None)
        }
    }

    fn query_statement(&mut self) -> Parse<Option<QueryStatement>> {
        self.doc_comments()?;
        let start = self.span();
        if self.unsupported_statement() {
            return Ok(None);
        }
        if self.eat_word(Keyword::Select) {
            return self.select();
        }
        if self.eat_word(Keyword::Create) {
            return self.create_node(start);
        }
        if self.eat_word(Keyword::Define) {
            return self.define_template(start);
        }
        self.unexpected("`select`, `create` or `define`")
    }

    fn create_node(&mut self, start: Span) -> Parse<Option<QueryStatement>> {
        match self.peek() {
            TokenKind::Keyword(Keyword::Stream) => {
                self.bump();
                let name = self.ident("the name of the stream")?;
                let span = self.span_from(start);
                Ok(Some(QueryStatement::CreateStream { name, span }))
            }
            TokenKind::Keyword(Keyword::Script | Keyword::Operator) => {
                self.unsupported_kind(start);
                Ok(None)
            }
            TokenKind::Keyword(Keyword::Pipeline) => {
                let span = self.span_from(start).to(self.span());
                self.unsupported("`create pipeline` inside of a pipeline", span);
                self.bump();
                self.skip(0, With::Opens);
                Ok(None)
            }
            _ => self.unexpected("`stream`, `script`, `operator` or `pipeline`"),
        }
    }

    fn define_template(&mut self, start: Span) -> Parse<Option<QueryStatement>> {
        match self.peek() {
            TokenKind::Keyword(Keyword::Window | Keyword::Script | Keyword::Operator) => {
                self.unsupported_kind(start);
                Ok(None)
            }
            TokenKind::Keyword(Keyword::Pipeline) => {
                self.bump();
                let span = self.span_from(start);
                self.unsupported("`define pipeline` inside of a pipeline", span);
                self.nested(|p| p.define_pipeline(start))?;
                Ok(None)
            }
            _ => self.unexpected("`window`, `script`, `operator` or `pipeline`"),
        }
    }

    /// Parses a select behind this word.
    fn select(&mut self) -> Parse<Option<QueryStatement>> {
        let start = self.last_span();
        let target = self.expression()?;
        self.expect_word(Keyword::From, "`from` and a node")?;
        let from = self.port()?;
        self.windows()?;
        let filter = self.optional_clause(Keyword::Where)?;
        self.grouping();
        self.expect_word(Keyword::Into, "`into` and a node")?;
        let into = self.port()?;
        let having = self.optional_clause(Keyword::Having)?;
        self.misplaced_clause()?;
        let select = Select {
            target,
            from,
            windows: Vec::new(),
            filter,
            group: None,
            into,
            having,
            span: self.span_from(start),
        };
        Ok(Some(QueryStatement::Select(Box::new(select))))
    }

    fn port(&mut self) -> Parse<Port> {
        let node = self.ident("the name of a node")?;
        let port = if self.eat(&TokenKind::Slash) {
            Some(self.ident("the name of a port")?)
        } else {
            None
        };
        Ok(Port { node, port })
    }

    fn optional_clause(&mut self, word: Keyword) -> Parse<Option<crate::ast::Expr>> {
        if self.eat_word(word) {
            self.expression().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reports the windows of a select.
    fn windows(&mut self) -> Parse<()> {
        let start = self.span();
        if self.eat(&TokenKind::BracketOpen) {
            self.list_of(&TokenKind::BracketClose, "`]`", |p| {
                p.ident("the name of a window")?;
                while p.eat(&TokenKind::ColonColon) {
                    p.ident("a name behind `::`")?;
                }
                Ok(())
            })?;
            let span = self.span_from(start);
            self.unsupported("selecting from a window", span);
        }
        Ok(())
    }

    /// Reports `group by` and skips it up to the `into` behind it.
    fn grouping(&mut self) {
        let start = self.span();
        if !self.eat_word(Keyword::Group) {
            return;
        }
        self.eat_word(Keyword::By);
        let span = self.span_from(start);
        self.unsupported("`group by`", span);
        loop {
            match self.peek() {
                TokenKind::End | TokenKind::Semicolon => return,
                TokenKind::Keyword(Keyword::Into | Keyword::End) => return,
                TokenKind::Keyword(
                    Keyword::Match | Keyword::For | Keyword::Patch | Keyword::Merge,
                ) => self.skip_block(),
                _ => self.bump(),
            }
        }
    }

    /// Reports a clause that stands behind its place.
    fn misplaced_clause(&mut self) -> Parse<()> {
        let order = "the order is `select … from … where … group by … into … having …`";
        match self.peek() {
            TokenKind::Keyword(Keyword::Where | Keyword::Group | Keyword::Having) => {
                let finding = self.syntax_error("`;`");
                self.report(finding.help(order))
            }
            _ => Ok(()),
        }
    }
}
