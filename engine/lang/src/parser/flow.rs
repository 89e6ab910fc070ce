//! Deployments and flows.

use std::sync::Arc;

use super::{Parse, Parser};
use crate::ast::{
    Connect, ConnectorDefinition, Definition, DeployStatement, Deployment, Endpoint, EndpointKind,
    FlowDefinition, FlowStatement, Ident,
};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses a whole text as a deployment.
    pub(super) fn deployment(&mut self) -> Deployment {
        let directives = self.directives();
        while self.eat(&TokenKind::ModuleComment) {}
        if self.is(&TokenKind::End) {
            let _ = self.unexpected::<()>("`define flow`, `deploy flow` or `use`");
        }
        let statements = self.statements(false, Parser::deploy_statement);
        Deployment {
            directives,
            statements,
        }
    }

    fn deploy_statement(&mut self) -> Parse<Option<DeployStatement>> {
        self.doc_comments()?;
        let start = self.span();
        if self.unsupported_statement() {
            return Ok(None);
        }
        if self.eat_word(Keyword::Define) {
            if !self.is_word(Keyword::Flow) {
                return self.not_at_top(start);
            }
            self.bump();
            return self
                .define_flow(start)
                .map(|flow| Some(DeployStatement::Define(Definition::Flow(Arc::new(flow)))));
        }
        if self.eat_word(Keyword::Deploy) {
            self.expect_word(Keyword::Flow, "`flow`")?;
            let instance = self.instance(start, "the name of the flow")?;
            return Ok(Some(DeployStatement::Deploy(instance)));
        }
        self.unexpected("`define flow`, `deploy flow` or `use`")
    }

    /// Reports a definition that belongs into a flow, and skips it.
    fn not_at_top(&mut self, start: Span) -> Parse<Option<DeployStatement>> {
        let finding = self
            .syntax_error("`flow`")
            .help("connectors and pipelines are defined inside of a flow");
        self.push(finding);
        match self.peek() {
            TokenKind::Keyword(Keyword::Pipeline) => {
                self.bump();
                self.define_pipeline(start)?;
            }
            TokenKind::Keyword(Keyword::Connector) => {
                self.bump();
                self.define_connector(start)?;
            }
            _ => return Err(super::Reported),
        }
        Ok(None)
    }

    /// Parses `define flow` behind these two words.
    fn define_flow(&mut self, start: Span) -> Parse<FlowDefinition> {
        self.open();
        let name = self.ident("the name of the flow")?;
        let args = self.args()?;
        self.expect_word(Keyword::Flow, "`flow` and its body")?;
        if self.is_word(Keyword::End) {
            return self.unexpected("a statement");
        }
        let body = self.statements(true, Parser::flow_statement);
        self.expect_end("`end` of the flow")?;
        Ok(FlowDefinition {
            name,
            args,
            body,
            span: self.span_from(start),
        })
    }

    fn flow_statement(&mut self) -> Parse<Option<FlowStatement>> {
        self.doc_comments()?;
        let start = self.span();
        if self.unsupported_statement() {
            return Ok(None);
        }
        let statement = if self.eat_word(Keyword::Define) {
            self.define_in_flow(start)?
        } else if self.eat_word(Keyword::Create) {
            self.create_in_flow(start)?
        } else if self.eat_word(Keyword::Connect) {
            FlowStatement::Connect(self.connect(start)?)
        } else {
            return self.unexpected("`define`, `create`, `connect` or `use`");
        };
        Ok(Some(statement))
    }

    fn define_in_flow(&mut self, start: Span) -> Parse<FlowStatement> {
        if self.eat_word(Keyword::Connector) {
            self.define_connector(start)
                .map(|d| FlowStatement::Define(Definition::Connector(Arc::new(d))))
        } else if self.eat_word(Keyword::Pipeline) {
            self.define_pipeline(start)
                .map(|d| FlowStatement::Define(Definition::Pipeline(Arc::new(d))))
        } else {
            self.unexpected("`connector` or `pipeline`")
        }
    }

    fn create_in_flow(&mut self, start: Span) -> Parse<FlowStatement> {
        if self.eat_word(Keyword::Connector) {
            self.instance(start, "the name of the connector")
                .map(FlowStatement::CreateConnector)
        } else if self.eat_word(Keyword::Pipeline) {
            self.instance(start, "the name of the pipeline")
                .map(FlowStatement::CreatePipeline)
        } else {
            self.unexpected("`connector` or `pipeline`")
        }
    }

    /// Parses `define connector` behind these two words.
    fn define_connector(&mut self, start: Span) -> Parse<ConnectorDefinition> {
        let name = self.ident("the name of the connector")?;
        self.expect_word(Keyword::From, "`from` and the kind of the connector")?;
        let kind = self.connector_kind()?;
        let args = self.args()?;
        if !args.params.is_empty() && !self.is_word(Keyword::With) {
            return self.unexpected("`,` or `with`");
        }
        let with = self.with()?;
        Ok(ConnectorDefinition {
            name,
            kind,
            args,
            with,
            span: self.span_from(start),
        })
    }

    /// Parses the kind of a connector. `null` is a keyword and a kind; nothing else could be meant here.
    fn connector_kind(&mut self) -> Parse<Ident> {
        let span = self.span();
        if self.is_word(Keyword::Null) {
            self.bump();
            let name = "null".into();
            return Ok(Ident { name, span });
        }
        self.ident("the kind of the connector")
    }

    /// Parses `connect` behind this word.
    fn connect(&mut self, start: Span) -> Parse<Connect> {
        let from = self.endpoint()?;
        self.expect_word(Keyword::To, "`to` and where to connect to")?;
        let at = self.span();
        let to = self.endpoint()?;
        if from.kind == EndpointKind::Connector && to.kind == EndpointKind::Connector {
            let message = "a connector cannot be connected to a connector";
            let finding = crate::Finding::error(crate::Code::Syntax, at.to(to.span), message);
            return self.report(finding.help("connect both to a pipeline between them"));
        }
        Ok(Connect {
            from,
            to,
            span: self.span_from(start),
        })
    }

    fn endpoint(&mut self) -> Parse<Endpoint> {
        let start = self.span();
        let wanted = "`/connector/` or `/pipeline/` and a name";
        self.expect(&TokenKind::Slash, wanted)?;
        let kind = if self.eat_word(Keyword::Connector) {
            EndpointKind::Connector
        } else if self.eat_word(Keyword::Pipeline) {
            EndpointKind::Pipeline
        } else {
            return self.unexpected("`connector` or `pipeline`");
        };
        self.expect(&TokenKind::Slash, "`/` and a name")?;
        let name = self.ident("a name")?;
        let port = if self.eat(&TokenKind::Slash) {
            Some(self.ident("the name of a port")?)
        } else {
            None
        };
        Ok(Endpoint {
            kind,
            name,
            port,
            span: self.span_from(start),
        })
    }
}
