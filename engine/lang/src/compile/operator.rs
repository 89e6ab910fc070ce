//! Compiling and folding operators.

use temblor_pdk::value::Value;

use super::{Compiled, Compiler, Folded};
use crate::ast::{BinaryOp, Expr, ExprKind, Operation, UnaryOp};
use crate::eval::code::Operation as OperationCode;
use crate::eval::{Code, ops};
use crate::span::Span;

impl<'c> Compiler<'c, '_> {
    pub(super) fn unary(
        &mut self,
        op: UnaryOp,
        operand: &Expr,
        span: Span,
    ) -> Compiled<Folded<'c>> {
        match self.fold(operand)? {
            Folded::Value(value) => {
                let value = ops::unary(op, value, span);
                self.folded(value, span)
            }
            Folded::Code(code) => Ok(Folded::Code(Code::Unary {
                op,
                operand: Box::new(code),
                span: operand.span,
            })),
        }
    }

    pub(super) fn chain(
        &mut self,
        start: u32,
        first: &Expr,
        rest: &[Operation],
    ) -> Compiled<Folded<'c>> {
        // All operands are compiled, so that the errors of all are reported.
        let left = self.fold(first);
        let rights: Vec<_> = rest
            .iter()
            .map(|operation| self.fold(&operation.right))
            .collect();
        let mut left = left?;
        let rights = rights.into_iter().collect::<Compiled<Vec<_>>>()?;
        if rest
            .iter()
            .any(|operation| operation.op.level() <= BinaryOp::And.level())
        {
            return Ok(self.logic(start, first.span, left, rest, rights));
        }
        let mut operations = Vec::new();
        for (operation, right) in rest.iter().zip(rights) {
            let Operation { op, end, .. } = operation;
            let span = Span::new(start, *end);
            let is_list = matches!(operation.right.kind, ExprKind::List(_));
            left = match (left, right) {
                (Folded::Value(left), Folded::Value(right))
                    if operations.is_empty() && self.pool.may_fold() =>
                {
                    let memory = &mut self.pool.memory;
                    let value = ops::binary(*op, left, right, span, self.arena, memory);
                    self.folded(value, span)?
                }
                (left, right) => {
                    let right = self.emit(right);
                    operations.push(OperationCode {
                        op: *op,
                        right,
                        span,
                        is_list,
                    });
                    left
                }
            };
        }
        if operations.is_empty() {
            return Ok(left);
        }
        let first = Box::new(self.emit(left));
        Ok(Folded::Code(Code::Chain {
            first,
            rest: operations.into(),
        }))
    }

    /// Compiles operators of which all are `and`, all `or`, or all `xor`. Only booleans are folded: whatever else is
    /// wrong with the operands may never be looked at.
    fn logic(
        &mut self,
        start: u32,
        first: Span,
        left: Folded<'c>,
        rest: &[Operation],
        rights: Vec<Folded<'c>>,
    ) -> Folded<'c> {
        let (mut left, mut left_span) = (left, first);
        let mut operands: Vec<(Code, Span)> = Vec::new();
        let mut applied = BinaryOp::And;
        for (Operation { op, right, end }, value) in rest.iter().zip(rights) {
            applied = *op;
            match (constant_bool(&left), constant_bool(&value)) {
                (Some(left_value), Some(right_value)) if operands.is_empty() => {
                    let value = match op {
                        BinaryOp::And => left_value & right_value,
                        BinaryOp::Or => left_value | right_value,
                        _ => left_value ^ right_value,
                    };
                    left = Folded::Value(Value::from(value));
                    left_span = Span::new(start, *end);
                }
                _ => operands.push((self.emit(value), right.span)),
            }
        }
        if operands.is_empty() {
            return left;
        }
        operands.insert(0, (self.emit(left), left_span));
        Folded::Code(Code::Logic {
            op: applied,
            operands: operands.into(),
        })
    }
}

fn constant_bool(folded: &Folded<'_>) -> Option<bool> {
    folded.value().and_then(Value::as_bool)
}
