//! Scripts and modules: statements, constants, functions, imports.

use std::sync::Arc;

use super::block::Bodies;
use super::skip::{Body, Opened};
use super::{Parse, Parser};
use crate::ast::{
    Const, Expr, Function, FunctionBody, FunctionCase, Ident, Import, Intrinsic, Item, Module,
    Pattern, Script, Statement, StatementKind, Use,
};
use crate::keyword::Keyword;
use crate::span::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Parses a whole text as a script.
    pub(super) fn script(&mut self) -> Script {
        self.module_comments();
        self.script_body(Body::Text)
    }

    /// Parses a whole text as a module.
    pub(super) fn module(&mut self) -> Module {
        self.module_comments();
        if self.is(&TokenKind::End) {
            let _ = self.unexpected::<()>("a definition");
        }
        let items = self.statements(Body::Text, Parser::module_item);
        Module { items }
    }

    pub(super) fn module_comments(&mut self) {
        while self.eat(&TokenKind::ModuleComment) {}
    }

    /// Parses the items of a script.
    pub(super) fn script_body(&mut self, body: Body) -> Script {
        let start = self.span();
        if self.at_body_end(body) {
            let _ = self.unexpected::<()>("a statement");
        }
        let items = self.statements(body, Parser::script_item);
        Script {
            items,
            span: self.span_from(start),
        }
    }

    fn script_item(&mut self) -> Parse<Item> {
        self.doc_comments()?;
        match self.scope_item()? {
            Some(item) => Ok(item),
            None => self.statement().map(Item::Statement),
        }
    }

    fn module_item(&mut self) -> Parse<Item> {
        self.doc_comments()?;
        let start = self.span();
        if let Some(item) = self.scope_item()? {
            return Ok(item);
        }
        if self.eat_word(Keyword::Define) {
            return self
                .definition(start, super::define::Where::Module)
                .map(Item::Define);
        }
        self.unexpected("`use`, `const`, `fn`, `intrinsic` or `define`")
    }

    /// Parses `use`, `const`, `fn` or `intrinsic`, if one stands here.
    fn scope_item(&mut self) -> Parse<Option<Item>> {
        let start = self.span();
        let item = match self.peek() {
            TokenKind::Keyword(Keyword::Use) => Item::Use(self.use_statement()?),
            TokenKind::Keyword(Keyword::Const) => {
                self.bump();
                let name = self.ident("the name of the constant")?;
                self.expect(&TokenKind::Assign, "`=` and a value")?;
                let value = self.expression()?;
                let span = self.span_from(start);
                Item::Const(Const { name, value, span })
            }
            TokenKind::Keyword(Keyword::Fn) => Item::Function(Arc::new(self.function()?)),
            TokenKind::Keyword(Keyword::Intrinsic) => Item::Intrinsic(Arc::new(self.intrinsic()?)),
            _ => return Ok(None),
        };
        Ok(Some(item))
    }

    // --- statements ---

    pub(super) fn statement(&mut self) -> Parse<Statement> {
        self.nested(Parser::statement_here)
    }

    fn statement_here(&mut self) -> Parse<Statement> {
        let start = self.span();
        let kind = match self.peek() {
            TokenKind::Keyword(Keyword::Match | Keyword::For) => {
                StatementKind::Expr(self.block(Bodies::Statements)?)
            }
            TokenKind::Keyword(Keyword::Let) => {
                self.bump();
                let from = self.span();
                let path = self.assigned_path()?;
                self.expect(&TokenKind::Assign, "`=` and a value")?;
                let value = Box::new(self.statement()?);
                let assignment = self.span_from(from);
                StatementKind::Let {
                    path,
                    value,
                    assignment,
                }
            }
            TokenKind::Keyword(Keyword::Drop) => {
                self.bump();
                StatementKind::Drop
            }
            TokenKind::Keyword(Keyword::Emit) => {
                self.bump();
                self.emit()?
            }
            TokenKind::ModuleComment => return self.unexpected("a statement"),
            _ => StatementKind::Expr(self.operators()?),
        };
        let span = match &kind {
            StatementKind::Expr(expr) => self.last_outer(expr),
            _ => self.span_from(start),
        };
        Ok(Statement { kind, span })
    }

    /// The span of an expression, which leaves out parentheses around it.
    pub(super) fn last_outer(&self, expr: &Expr) -> Span {
        expr.span
    }

    fn assigned_path(&mut self) -> Parse<crate::ast::Path> {
        self.path_or("a path to assign to")
    }

    fn emit(&mut self) -> Parse<StatementKind> {
        let ends = matches!(
            self.peek(),
            TokenKind::Arrow
                | TokenKind::Semicolon
                | TokenKind::End
                | TokenKind::Keyword(
                    Keyword::End | Keyword::Case | Keyword::Script | Keyword::Into
                )
        );
        let value = if ends { None } else { Some(self.expression()?) };
        let port = if self.eat(&TokenKind::Arrow) {
            Some(self.text()?)
        } else {
            None
        };
        Ok(StatementKind::Emit { value, port })
    }

    // --- functions ---

    fn function(&mut self) -> Parse<Function> {
        let start = self.span();
        self.bump();
        self.open(Opened::Head);
        let name = self.ident("the name of the function")?;
        let (params, is_variadic) = self.function_params()?;
        let body = if self.eat_word(Keyword::With) {
            let statements = self.statements(Body::End, Parser::statement);
            if statements.is_empty() && self.is_word(Keyword::End) {
                return self.unexpected("a statement");
            }
            FunctionBody::With(statements)
        } else if is_variadic {
            return self.unexpected("`with`, since `of` takes no `...`");
        } else {
            self.expect_word(Keyword::Of, "`with` or `of`")?;
            self.function_cases()?
        };
        self.expect_end("`;` or `end` of the function")?;
        Ok(Function {
            name,
            params,
            is_variadic,
            body,
            span: self.span_from(start),
        })
    }

    fn function_params(&mut self) -> Parse<(Vec<Ident>, bool)> {
        self.expect(&TokenKind::ParenOpen, "`(` and the parameters")?;
        let mut params = Vec::new();
        let mut is_variadic = false;
        if !self.eat(&TokenKind::ParenClose) {
            loop {
                if self.eat_dots()? {
                    is_variadic = true;
                    break;
                }
                params.push(self.ident("the name of a parameter")?);
                if !self.eat(&TokenKind::Comma) {
                    break;
                }
            }
            let wanted = if is_variadic { "`)`" } else { "`,` or `)`" };
            self.expect(&TokenKind::ParenClose, wanted)?;
        }
        Ok((params, is_variadic))
    }

    fn function_cases(&mut self) -> Parse<FunctionBody> {
        let mut cases = Vec::new();
        loop {
            let start = self.span();
            self.expect_word(Keyword::Case, "`case`, of which the last is `case _`")?;
            if self.eat(&TokenKind::Underscore) {
                self.expect(&TokenKind::Arrow, "`=>` and what the function yields")?;
                let default = self.body(Bodies::Statements)?;
                return Ok(FunctionBody::Of { cases, default });
            }
            let elements = self.case_elements()?;
            let guard = self.optional_clause(Keyword::When)?;
            self.expect(&TokenKind::Arrow, "`=>` and what the function yields")?;
            let body = self.body(Bodies::Statements)?;
            cases.push(FunctionCase {
                elements,
                guard,
                body,
                span: self.span_from(start),
            });
        }
    }

    fn case_elements(&mut self) -> Parse<Vec<Pattern>> {
        self.expect(&TokenKind::ParenOpen, "`(` or `_`")?;
        let mut elements = vec![self.element()?];
        while self.eat(&TokenKind::Comma) {
            elements.push(self.element()?);
        }
        self.expect(&TokenKind::ParenClose, "`,` or `)`")?;
        Ok(elements)
    }

    fn intrinsic(&mut self) -> Parse<Intrinsic> {
        let start = self.span();
        self.bump();
        self.expect_word(Keyword::Fn, "`fn`")?;
        let name = self.ident("the name of the function")?;
        self.function_params()?;
        self.expect_word(Keyword::As, "`as` and a native function")?;
        let mut target = vec![self.ident("the name of a native module")?];
        while self.eat(&TokenKind::ColonColon) {
            target.push(self.ident("a name behind `::`")?);
        }
        Ok(Intrinsic {
            name,
            target,
            span: self.span_from(start),
        })
    }

    // --- imports ---

    /// Parses a `use`; the cursor is at this word.
    pub(super) fn use_statement(&mut self) -> Parse<Use> {
        let start = self.span();
        self.bump();
        let from = self.span();
        let mut imports = Vec::new();
        self.import(&mut Vec::new(), &mut imports)?;
        let target = self.span_from(from);
        for import in &mut imports {
            // Of a single name only the name is underlined, else all of the target.
            if import.path.len() > 1 {
                import.target = target;
            }
        }
        let span = self.span_from(start);
        Ok(Use { imports, span })
    }

    /// Parses one target of a `use`, inside of the modules that are named in front of it.
    fn import(&mut self, prefix: &mut Vec<Ident>, imports: &mut Vec<Import>) -> Parse<()> {
        let depth = prefix.len();
        loop {
            if prefix.len() > depth && self.eat(&TokenKind::BraceOpen) {
                self.nested(|p| {
                    p.import(prefix, imports)?;
                    while p.eat(&TokenKind::Comma) {
                        p.import(prefix, imports)?;
                    }
                    p.expect(&TokenKind::BraceClose, "`,` or `}`")
                })?;
                break;
            }
            prefix.push(self.ident("the name of a module")?);
            if self.eat(&TokenKind::ColonColon) {
                continue;
            }
            let mut alias = None;
            if self.eat_word(Keyword::As) {
                alias = Some(self.ident("a name for the module")?);
            }
            let target = prefix.last().map(|name| name.span).unwrap_or_default();
            imports.push(Import {
                path: prefix.clone(),
                alias,
                target,
            });
            break;
        }
        prefix.truncate(depth);
        Ok(())
    }
}
