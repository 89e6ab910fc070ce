//! Definitions: windows, operators, scripts, pipelines, connectors, flows.

use std::sync::Arc;

use super::skip::{Body, Opened};
use super::{Parse, Parser};
use crate::ast::{
    ConnectorDefinition, Definition, FlowDefinition, Ident, OperatorDefinition, PipelineDefinition,
    PortScript, Query, ScriptDefinition, WindowDefinition, WindowKind, With,
};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

/// Where a definition stands, which decides what can be defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Module,
    Query,
    Flow,
    Deployment,
}

impl Where {
    fn takes(self, kind: Keyword) -> bool {
        use Keyword::{Connector, Flow, Operator, Pipeline, Script, Window};
        match self {
            Where::Module => matches!(
                kind,
                Window | Operator | Script | Pipeline | Connector | Flow
            ),
            Where::Query => matches!(kind, Window | Operator | Script | Pipeline),
            Where::Flow => matches!(kind, Connector | Pipeline),
            Where::Deployment => kind == Flow,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Where::Module => "`window`, `operator`, `script`, `pipeline`, `connector` or `flow`",
            Where::Query => "`window`, `operator`, `script` or `pipeline`",
            Where::Flow => "`connector` or `pipeline`",
            Where::Deployment => "`flow`",
        }
    }

    fn help(self) -> Option<&'static str> {
        match self {
            Where::Module => None,
            Where::Query => Some("connectors and flows are defined outside of pipelines"),
            Where::Flow => Some(
                "windows, operators and scripts are defined in the pipeline that uses them, or in a module",
            ),
            Where::Deployment => {
                Some("everything else is defined inside of a flow, or in a module")
            }
        }
    }
}

impl Parser<'_> {
    /// Parses a definition behind `define`, which stands at `start`.
    pub(super) fn definition(&mut self, start: Span, place: Where) -> Parse<Definition> {
        self.nested(|p| p.definition_here(start, place))
    }

    fn definition_here(&mut self, start: Span, place: Where) -> Parse<Definition> {
        let kind = match self.peek() {
            TokenKind::Keyword(kind) => *kind,
            _ => {
                let finding = self.syntax_error(place.wanted());
                let help = self.definition_help();
                return self.report(finding.maybe_help(help.map(str::to_owned)));
            }
        };
        if !place.takes(kind) {
            let finding = self.syntax_error(place.wanted());
            let help = self.definition_help().or(place.help());
            let finding = finding.maybe_help(help.map(str::to_owned));
            if Where::Module.takes(kind) {
                // What follows is read, so that the rest of the text makes sense.
                self.push(finding);
                self.definition_of(kind, start)?;
                return Err(super::Reported);
            }
            return self.report(finding);
        }
        self.definition_of(kind, start)
    }

    fn definition_of(&mut self, kind: Keyword, start: Span) -> Parse<Definition> {
        self.bump();
        let definition = match kind {
            Keyword::Window => Definition::Window(Arc::new(self.define_window(start)?)),
            Keyword::Operator => Definition::Operator(Arc::new(self.define_operator(start)?)),
            Keyword::Script => Definition::Script(Arc::new(self.define_script(start)?)),
            Keyword::Pipeline => Definition::Pipeline(Arc::new(self.define_pipeline(start)?)),
            Keyword::Connector => Definition::Connector(Arc::new(self.define_connector(start)?)),
            _ => Definition::Flow(Arc::new(self.define_flow(start)?)),
        };
        Ok(definition)
    }

    fn define_window(&mut self, start: Span) -> Parse<WindowDefinition> {
        self.open(Opened::Head);
        let name = self.ident("the name of the window")?;
        self.expect_word(Keyword::From, "`from` and `tumbling` or `sliding`")?;
        let kind = if self.eat_word(Keyword::Tumbling) {
            WindowKind::Tumbling
        } else if self.eat_word(Keyword::Sliding) {
            WindowKind::Sliding
        } else {
            return self.unexpected("`tumbling` or `sliding`");
        };
        let mut with = With::default();
        let at = self.span();
        if self.eat_word(Keyword::With) {
            let assigns = self.names_list(Parser::assign)?;
            let span = self.span_from(at);
            with = With { assigns, span };
        }
        let state = self.state()?;
        let mut tick = None;
        if self.is_word(Keyword::Script) && self.is_word_at(1, Keyword::From) {
            tick = Some(self.port_script()?);
        }
        let mut script = None;
        if self.eat_word(Keyword::Script) {
            script = Some(self.script_body(Body::Script));
        }
        self.expect_end("`end` of the window")?;
        Ok(WindowDefinition {
            name,
            kind,
            with,
            state,
            tick,
            script,
            span: self.span_from(start),
        })
    }

    fn state(&mut self) -> Parse<Option<crate::ast::Expr>> {
        if self.eat_word(Keyword::State) {
            self.operators().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Parses `script from port …`; the cursor is at `script`.
    fn port_script(&mut self) -> Parse<PortScript> {
        self.bump();
        self.bump();
        let port = self.ident("the name of a port")?;
        let script = self.script_body(Body::Script);
        Ok(PortScript { port, script })
    }

    fn define_script(&mut self, start: Span) -> Parse<ScriptDefinition> {
        self.open(Opened::Block);
        let name = self.ident("the name of the script")?;
        let args = self.args()?;
        self.misplaced_with("`script` and its body")?;
        let state = self.state()?;
        let mut ports = Vec::new();
        while self.is_word(Keyword::Script) && self.is_word_at(1, Keyword::From) {
            ports.push(self.port_script()?);
        }
        self.expect_word(Keyword::Script, "`script` and its body")?;
        let script = self.script_body(Body::End);
        self.expect_end("`;` or `end` of the script")?;
        Ok(ScriptDefinition {
            name,
            args,
            state,
            ports,
            script,
            span: self.span_from(start),
        })
    }

    /// Reports a `with` in front of a body, and passes over it.
    fn misplaced_with(&mut self, wanted: &str) -> Parse<()> {
        if !self.is_word(Keyword::With) {
            return Ok(());
        }
        let finding = self.syntax_error(wanted);
        self.push(finding);
        self.bump();
        self.open(Opened::With);
        self.names_list(Parser::assign)?;
        self.open.pop();
        self.eat_word(Keyword::End);
        Ok(())
    }

    fn define_operator(&mut self, start: Span) -> Parse<OperatorDefinition> {
        let name = self.ident("the name of the operator")?;
        self.expect_word(Keyword::From, "`from` and the kind of the operator")?;
        let module = self.ident("the module of the operator")?;
        self.expect(&TokenKind::ColonColon, "`::` and the kind of the operator")?;
        let kind = self.ident("the kind of the operator")?;
        let args = self.args()?;
        if !args.params.is_empty() && !self.is_word(Keyword::With) {
            return self.unexpected("`,` or `with`");
        }
        let with = self.with()?;
        Ok(OperatorDefinition {
            name,
            module,
            kind,
            args,
            with,
            span: self.span_from(start),
        })
    }

    fn define_pipeline(&mut self, start: Span) -> Parse<PipelineDefinition> {
        self.open(Opened::Pipeline);
        let name = self.ident("the name of the pipeline")?;
        let inputs = self.ports(Keyword::From)?;
        let outputs = self.ports(Keyword::Into)?;
        let args = self.args()?;
        self.misplaced_with("`pipeline` and its body")?;
        self.expect_word(Keyword::Pipeline, "`pipeline` and its body")?;
        let directives = self.directives();
        if self.is_word(Keyword::End) {
            return self.unexpected("a statement");
        }
        let statements = self.statements(Body::Query, Parser::query_statement);
        self.expect_end("`;` or `end` of the pipeline")?;
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
        if self.eat_word(Keyword::Null) {
            let name = "null".into();
            return Ok(Ident { name, span });
        }
        self.ident("the kind of the connector")
    }

    fn define_flow(&mut self, start: Span) -> Parse<FlowDefinition> {
        self.open(Opened::Flow);
        let name = self.ident("the name of the flow")?;
        let args = self.args()?;
        self.misplaced_with("`flow` and its body")?;
        self.expect_word(Keyword::Flow, "`flow` and its body")?;
        if self.is_word(Keyword::End) {
            return self.unexpected("a statement");
        }
        let body = self.statements(Body::Flow, Parser::flow_statement);
        self.expect_end("`;` or `end` of the flow")?;
        Ok(FlowDefinition {
            name,
            args,
            body,
            span: self.span_from(start),
        })
    }
}
