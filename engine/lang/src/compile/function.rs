//! Compiling functions that are written in the language.

use std::sync::Arc;

use temblor_pdk::value::Value;

use super::statement::Position;
use super::{Compiled, Compiler, Context, PoolBuilder, Reported, check_now};
use crate::ast::{self, FunctionBody, FunctionCase};
use crate::eval::Code;
use crate::eval::code::{ClauseCode, FunctionCode, PatternCode};
use crate::finding::{Finding, Severity};
use crate::scope::{FoundFunction, Scope};

/// Compiles a function into a pool. It sees what stands before it in its scope.
///
/// # Errors
/// Reports what is wrong with it.
pub(crate) fn compile_function(
    function: &Arc<ast::Function>,
    scope: &Scope,
    at: usize,
    pool: &mut PoolBuilder<'_>,
    findings: &mut Vec<Finding>,
) -> Compiled<usize> {
    let first = findings.len();
    let mut compiler = Compiler::new(Context::Function, None, scope, pool, findings);
    compiler.before = at;
    compiler.params = Some((function.params.len(), function.is_variadic));
    let code = compiler.function(function);
    check_now(findings, first);
    let is_right = !has_errors(findings, first);
    pool.add_function(
        function,
        code.and_then(|code| is_right.then_some(code).ok_or(Reported)),
    )
}

fn has_errors(findings: &[Finding], first: usize) -> bool {
    let mut found = findings.iter().skip(first);
    found.any(|finding| finding.severity == Severity::Error)
}

impl Compiler<'_, '_> {
    fn function(mut self, function: &ast::Function) -> Compiled<FunctionCode> {
        for param in &function.params {
            self.locals.slot(&param.name);
        }
        let body = match &function.body {
            FunctionBody::With(statements) => self.block(statements, Position::TAIL),
            FunctionBody::Of { cases, default } => self.cases(function, cases, default),
        }?;
        Ok(FunctionCode {
            name: function.name.name.clone(),
            params: function.params.len(),
            locals: self.locals.into_names(),
            body,
        })
    }

    fn cases(
        &mut self,
        function: &ast::Function,
        cases: &[FunctionCase],
        default: &[ast::Statement],
    ) -> Compiled<Code> {
        let codes: Vec<_> = cases.iter().map(|case| self.case(function, case)).collect();
        let default = self.block(default, Position::TAIL);
        let codes = codes.into_iter().collect::<Compiled<Vec<_>>>()?;
        let mut clauses: Vec<_> = codes.into_iter().flatten().collect();
        clauses.push(ClauseCode {
            pattern: PatternCode::Ignore,
            binding: None,
            guard: None,
            body: default?,
            span: function.span,
        });
        Ok(self.match_code(Code::NULL, clauses, function.span))
    }

    /// Compiles a case; none if it has another number of elements than there are parameters, so that it never matches.
    fn case(
        &mut self,
        function: &ast::Function,
        case: &FunctionCase,
    ) -> Compiled<Option<ClauseCode>> {
        let elements = self.elements(&case.elements, function.span);
        let guard = self.guard(case.guard.as_ref());
        let body = self.block(&case.body, Position::TAIL);
        let (elements, guard, body) = (elements?, guard?, body?);
        if elements.len() != function.params.len() {
            return Ok(None);
        }
        let slots = function
            .params
            .iter()
            .map(|param| self.locals.slot(&param.name));
        let params = slots.zip(elements).collect();
        Ok(Some(ClauseCode {
            pattern: PatternCode::Params(params),
            binding: None,
            guard,
            body,
            span: case.span,
        }))
    }

    /// The place of a function that is called. It is compiled now if nobody has called it from this pipeline yet.
    pub(super) fn function_place(
        &mut self,
        function: &Arc<ast::Function>,
        found: FoundFunction<'_>,
    ) -> Compiled<usize> {
        if let Some(known) = self.pool.function(function) {
            return known;
        }
        let scope = found.scope;
        let before = scope.written();
        let end = before.partition_point(|(_, at)| *at < found.at);
        let before = before.get(..end).unwrap_or_default();
        // Those that stand before it come first, so that a long row of functions that call each other does not nest.
        // Of modules that come along only what is called is compiled.
        let start = if scope.is_library() {
            end
        } else {
            let known = |(function, _): &(Arc<_>, usize)| self.pool.function(function).is_some();
            before.iter().rposition(known).map_or(0, |known| known + 1)
        };
        // They were checked when their module was loaded.
        let mut unseen = Vec::new();
        for (function, at) in before.iter().skip(start) {
            compile_function(function, scope, *at, self.pool, &mut unseen).ok();
        }
        let place = compile_function(function, scope, found.at, self.pool, &mut unseen);
        unseen.retain(|finding| finding.severity == Severity::Error);
        self.findings.append(&mut unseen);
        place
    }
}

impl Code {
    /// Null.
    pub(super) const NULL: Code = Code::Scalar(Value::NULL);
}
