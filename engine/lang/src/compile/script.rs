//! Compiling scripts.

use temblor_pdk::value::Value;

use super::statement::{Position, block_of};
use super::{Compiled, Compiler, Context, Locals, PoolBuilder};
use crate::ast::{self, Item, Root, Statement};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::ScriptCode;
use crate::finding::Finding;
use crate::scope::{Loader, Scope};
use crate::span::Span;

/// What a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScriptKind {
    /// It handles events, on its own or in a query.
    Event,
    /// It decides about windows; holds the definition of the window.
    Window(Span),
    /// It decides about windows when there is no event; holds the definition of the window.
    Tick(Span),
}

/// Compiles a script, which has a scope of its own.
///
/// # Errors
/// Reports what is wrong with it.
pub(crate) fn script<'c>(
    script: &ast::Script,
    kind: ScriptKind,
    args: Option<Value<'c>>,
    loader: &mut Loader,
    pool: &mut PoolBuilder<'c>,
    findings: &mut Vec<Finding>,
) -> Compiled<ScriptCode> {
    let mut scope = Scope::new(loader);
    let mut body = Body {
        kind,
        args,
        pool,
        findings,
        locals: Locals::default(),
    };
    let is_value = |item: &Item| matches!(item, Item::Statement(_) | Item::Const(_));
    let last = script.items.iter().rposition(is_value);
    let mut codes = Vec::new();
    for (at, item) in script.items.iter().enumerate() {
        let is_last = Some(at) == last;
        codes.push(match item {
            Item::Statement(statement) => body.statement(statement, is_last, &scope),
            Item::Const(constant) => {
                scope.define_constant(constant, body.pool, body.findings);
                body.constant(constant, is_last, &scope)
            }
            definition => {
                body.define(definition, &mut scope, loader);
                Ok(None)
            }
        });
    }
    let codes = codes.into_iter().collect::<Compiled<Vec<_>>>()?;
    let last = last.and_then(|last| script.items.get(last));
    Ok(ScriptCode {
        locals: body.locals.into_names(),
        body: match last {
            Some(_) => block_of(codes.into_iter().flatten().collect()),
            None => Code::Event,
        },
    })
}

/// A script that is being compiled, item by item.
struct Body<'b, 'c> {
    kind: ScriptKind,
    args: Option<Value<'c>>,
    pool: &'b mut PoolBuilder<'c>,
    findings: &'b mut Vec<Finding>,
    locals: Locals,
}

impl<'c> Body<'_, 'c> {
    fn with_compiler<T>(
        &mut self,
        scope: &Scope,
        compile: impl FnOnce(&mut Compiler<'c, '_>) -> T,
    ) -> T {
        let context = match self.kind {
            ScriptKind::Event => Context::Script,
            ScriptKind::Window(definition) => Context::WindowScript(definition),
            ScriptKind::Tick(definition) => Context::TickScript(definition),
        };
        let mut compiler = Compiler::new(context, self.args, scope, self.pool, self.findings);
        compiler.locals = std::mem::take(&mut self.locals);
        let result = compile(&mut compiler);
        self.locals = compiler.locals;
        result
    }

    fn statement(
        &mut self,
        statement: &Statement,
        is_last: bool,
        scope: &Scope,
    ) -> Compiled<Option<Code>> {
        let position = Position {
            is_needed: is_last,
            ..Position::STATEMENT
        };
        let kind = self.kind;
        self.with_compiler(scope, |compiler| {
            let code = compiler.statement(statement, position);
            if let ScriptKind::Tick(definition) = kind
                && std::mem::take(&mut compiler.event_use)
            {
                let message = "`event` and `$` are not accessible in this context";
                let finding = Finding::error(FindingCode::Misplaced, statement.span, message);
                let help = "there is no event when a window is asked from time to time";
                return compiler.report(finding.context(definition).help(help));
            }
            code
        })
    }

    /// A constant is an expression with its value.
    fn constant(
        &mut self,
        constant: &ast::Const,
        is_last: bool,
        scope: &Scope,
    ) -> Compiled<Option<Code>> {
        if !is_last {
            return Ok(None);
        }
        let span = constant.name.span;
        let root = Root::Local(constant.name.clone());
        self.with_compiler(scope, |compiler| {
            let value = compiler.root(&root, span)?;
            Ok(Some(compiler.emit(value)))
        })
    }

    fn define(&mut self, item: &Item, scope: &mut Scope, loader: &mut Loader) {
        match item {
            Item::Use(using) => scope.import(using, loader, self.findings),
            Item::Function(function) => scope.define_function(function, self.pool, self.findings),
            Item::Intrinsic(intrinsic) => scope.define_intrinsic(intrinsic, self.findings),
            // The parser lets definitions into modules only; the rest is compiled where its value is kept.
            Item::Define(_) | Item::Const(_) | Item::Statement(_) => {}
        }
    }
}
