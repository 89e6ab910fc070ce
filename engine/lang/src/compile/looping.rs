//! Compiling `for`.

use super::statement::Position;
use super::{Compiled, Compiler};
use crate::ast::{BinaryOp, For, ForCase};
use crate::code::Code as FindingCode;
use crate::eval::Code;
use crate::eval::code::{ForCaseCode, ForCode};
use crate::finding::Finding;
use crate::span::Span;

impl Compiler<'_, '_> {
    pub(super) fn looping(
        &mut self,
        inner: &For,
        span: Span,
        position: Position,
    ) -> Compiled<Code> {
        let For {
            target,
            cases,
            into,
            fold,
        } = inner;
        if fold.is_some() {
            let message = "`use` with an operator may still change";
            let finding = Finding::warning(FindingCode::Experimental, span, message);
            self.findings.push(finding);
        }
        let target = self.code(target);
        let position = Position {
            is_tail: false,
            ..position
        };
        let cases: Vec<_> = cases
            .iter()
            .map(|case| self.for_case(case, position))
            .collect();
        let into = match into {
            Some(into) => self.code(into),
            None => Ok(self.pool.constant(self.arena.array(&[]))),
        };
        let code = ForCode {
            target: target?,
            cases: cases.into_iter().collect::<Compiled<_>>()?,
            into: Some(into?).filter(|_| position.is_needed),
            fold: fold.unwrap_or(BinaryOp::Add),
            span,
        };
        Ok(Code::For(Box::new(code)))
    }

    fn for_case(&mut self, case: &ForCase, position: Position) -> Compiled<ForCaseCode> {
        let key = self.locals.bind(&case.key.name);
        let value = self.locals.bind(&case.value.name);
        let guard = self.guard(case.guard.as_ref());
        let body = self.block(&case.body, position);
        self.locals.unbind(2);
        Ok(ForCaseCode {
            key,
            value,
            head: case.head,
            guard: guard?,
            body: body?,
            last: case.body.last().map_or(case.span, |last| last.span),
        })
    }
}
