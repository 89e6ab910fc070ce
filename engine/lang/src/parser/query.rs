//! Queries: the bodies of pipelines, and `.trickle` files.

use super::define::Where;
use super::skip::Body;
use super::{Parse, Parser};
use crate::ast::{GroupBy, Modular, NodeKind, Port, Query, QueryStatement, Select};
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
        let statements = self.statements(Body::Text, Parser::query_statement);
        Query {
            directives,
            statements,
            ..Query::default()
        }
    }

    pub(super) fn query_statement(&mut self) -> Parse<QueryStatement> {
        self.doc_comments()?;
        let start = self.span();
        if self.is_word(Keyword::Use) {
            return self.use_statement().map(QueryStatement::Use);
        }
        if self.eat_word(Keyword::Select) {
            return self.select(start);
        }
        if self.eat_word(Keyword::Create) {
            return self.create_node(start);
        }
        if self.eat_word(Keyword::Define) {
            return self
                .definition(start, Where::Query)
                .map(QueryStatement::Define);
        }
        self.unexpected("`select`, `create`, `define` or `use`")
    }

    fn create_node(&mut self, start: Span) -> Parse<QueryStatement> {
        if self.eat_word(Keyword::Stream) {
            let name = self.ident("the name of the stream")?;
            let span = self.span_from(start);
            return Ok(QueryStatement::CreateStream { name, span });
        }
        let (kind, wanted) = match self.peek() {
            TokenKind::Keyword(Keyword::Operator) => {
                (NodeKind::Operator, "the name of the operator")
            }
            TokenKind::Keyword(Keyword::Script) => (NodeKind::Script, "the name of the script"),
            TokenKind::Keyword(Keyword::Pipeline) => {
                (NodeKind::Pipeline, "the name of the pipeline")
            }
            _ => return self.unexpected("`stream`, `script`, `operator` or `pipeline`"),
        };
        self.bump();
        let instance = self.instance(start, wanted)?;
        Ok(QueryStatement::Create { kind, instance })
    }

    /// Parses a select behind this word, which stands at `start`.
    fn select(&mut self, start: Span) -> Parse<QueryStatement> {
        let target = self.expression()?;
        self.expect_word(Keyword::From, "`from` and a node")?;
        let from = self.port()?;
        let windows = self.windows()?;
        let filter = self.optional_clause(Keyword::Where)?;
        let group = self.grouping()?;
        if !self.is_word(Keyword::Into) {
            self.misplaced_clause()?;
        }
        self.expect_word(
            Keyword::Into,
            match (&filter, &group) {
                (None, None) => "`where`, `group by` or `into` and a node",
                (Some(_), None) => "`group by` or `into` and a node",
                (_, Some(_)) => "`into` and a node",
            },
        )?;
        let into = self.port()?;
        let having = self.optional_clause(Keyword::Having)?;
        self.misplaced_clause()?;
        let select = Select {
            target,
            from,
            windows,
            filter,
            group,
            into,
            having,
            span: self.span_from(start),
        };
        Ok(QueryStatement::Select(Box::new(select)))
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

    fn windows(&mut self) -> Parse<Vec<Modular>> {
        if !self.eat(&TokenKind::BracketOpen) {
            return Ok(Vec::new());
        }
        if self.is(&TokenKind::BracketClose) {
            return self.unexpected("the name of a window");
        }
        self.list_of(&TokenKind::BracketClose, "`]`", |p| {
            p.modular("the name of a window")
        })
    }

    fn grouping(&mut self) -> Parse<Option<GroupBy>> {
        if !self.eat_word(Keyword::Group) {
            return Ok(None);
        }
        self.expect_word(Keyword::By, "`by`")?;
        self.group_by().map(Some)
    }

    fn group_by(&mut self) -> Parse<GroupBy> {
        self.nested(Parser::group_by_here)
    }

    fn group_by_here(&mut self) -> Parse<GroupBy> {
        let start = self.span();
        if self.eat_word(Keyword::Set) {
            self.expect(&TokenKind::ParenOpen, "`(` and what to group by")?;
            if self.is(&TokenKind::ParenClose) {
                return self.unexpected("what to group by");
            }
            let items = self.list_of(&TokenKind::ParenClose, "`)`", Parser::group_by)?;
            let span = self.span_from(start);
            return Ok(GroupBy::Set { items, span });
        }
        if self.eat_word(Keyword::Each) {
            self.expect(&TokenKind::ParenOpen, "`(` and an array")?;
            let expr = self.operators()?;
            self.expect(&TokenKind::ParenClose, "`)`")?;
            let span = self.span_from(start);
            return Ok(GroupBy::Each { expr, span });
        }
        self.operators().map(GroupBy::Expr)
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
