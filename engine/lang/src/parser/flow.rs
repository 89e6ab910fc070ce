//! Deployments and the bodies of flows.

use super::define::Where;
use super::skip::Body;
use super::{Parse, Parser};
use crate::ast::{Connect, DeployStatement, Deployment, Endpoint, EndpointKind, FlowStatement};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses a whole text as a deployment.
    pub(super) fn deployment(&mut self) -> Deployment {
        let directives = self.directives();
        self.module_comments();
        if self.is(&TokenKind::End) {
            let _ = self.unexpected::<()>("`define flow`, `deploy flow` or `use`");
        }
        let statements = self.statements(Body::Text, Parser::deploy_statement);
        Deployment {
            directives,
            statements,
        }
    }

    fn deploy_statement(&mut self) -> Parse<DeployStatement> {
        self.doc_comments()?;
        let start = self.span();
        if self.is_word(Keyword::Use) {
            return self.use_statement().map(DeployStatement::Use);
        }
        if self.eat_word(Keyword::Define) {
            return self
                .definition(start, Where::Deployment)
                .map(DeployStatement::Define);
        }
        if self.eat_word(Keyword::Deploy) {
            self.expect_word(Keyword::Flow, "`flow`")?;
            let instance = self.instance(start, "the name of the flow")?;
            return Ok(DeployStatement::Deploy(instance));
        }
        self.unexpected("`define flow`, `deploy flow` or `use`")
    }

    pub(super) fn flow_statement(&mut self) -> Parse<FlowStatement> {
        self.doc_comments()?;
        let start = self.span();
        if self.is_word(Keyword::Use) {
            return self.use_statement().map(FlowStatement::Use);
        }
        if self.eat_word(Keyword::Define) {
            return self
                .definition(start, Where::Flow)
                .map(FlowStatement::Define);
        }
        if self.eat_word(Keyword::Create) {
            return self.create_in_flow(start);
        }
        if self.eat_word(Keyword::Connect) {
            return self.connect(start).map(FlowStatement::Connect);
        }
        self.unexpected("`define`, `create`, `connect` or `use`")
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
