//! Compiling and folding expressions.

use temblor_pdk::value::{Field, Value};

use super::{Compiled, Compiler, Context, Folded};
use crate::ast::{BinaryOp, Expr, ExprKind, Interpolated, Operation, Text};
use crate::eval::code::{Operation as OperationCode, RecordCode, TextCode};
use crate::eval::{Code, ops};
use crate::span::Span;

impl<'c> Compiler<'c, '_> {
    /// Compiles an expression and folds what is constant.
    ///
    /// # Errors
    /// Reports what can be seen to fail.
    pub(crate) fn fold(&mut self, expr: &Expr) -> Compiled<Folded<'c>> {
        let value = match &expr.kind {
            ExprKind::Null => Value::NULL,
            ExprKind::Bool(value) => Value::from(*value),
            ExprKind::Int(value) => Value::from(*value),
            ExprKind::Float(value) => Value::from(*value),
            ExprKind::Text(text) => return self.text(text),
            ExprKind::List(items) => return self.list(items),
            ExprKind::Record(fields) => return self.record(fields),
            ExprKind::Path(path) => return self.path(path),
            ExprKind::Present { path, negated } => {
                if self.context == Context::Constant {
                    return self.not_constant("whether something is present", expr.span);
                }
                let path = Box::new(self.unfolded_path(path)?);
                return Ok(Folded::Code(Code::Present {
                    path,
                    negated: *negated,
                }));
            }
            ExprKind::Unary { op, operand } => {
                let operand_span = operand.span;
                return match self.fold(operand)? {
                    Folded::Value(value) => {
                        let folded = ops::unary(*op, value, expr.span);
                        self.folded(folded)
                    }
                    Folded::Code(code) => {
                        let operand = Box::new(code);
                        Ok(Folded::Code(Code::Unary {
                            op: *op,
                            operand,
                            span: operand_span,
                        }))
                    }
                };
            }
            ExprKind::Chain { first, rest } => return self.chain(expr.span.start, first, rest),
            ExprKind::Bytes(_)
            | ExprKind::Call(_)
            | ExprKind::Recur(_)
            | ExprKind::Match(_)
            | ExprKind::For(_)
            | ExprKind::Merge(_)
            | ExprKind::Patch(_)
            | ExprKind::Invalid => return Err(super::Reported),
        };
        Ok(Folded::Value(value))
    }

    /// Compiles an expression to code.
    ///
    /// # Errors
    /// Reports what can be seen to fail.
    pub(crate) fn code(&mut self, expr: &Expr) -> Compiled<Code> {
        let folded = self.fold(expr)?;
        Ok(self.emit(folded))
    }

    /// Evaluates an expression that has to be constant.
    ///
    /// # Errors
    /// Reports it if it is not constant, or fails.
    pub(crate) fn constant(&mut self, expr: &Expr) -> Compiled<Value<'c>> {
        match self.fold(expr)? {
            Folded::Value(value) => Ok(value),
            Folded::Code(_) => self.not_constant("this", expr.span),
        }
    }

    /// Keeps a value that was computed while folding, or reports why there is none.
    pub(super) fn folded(&mut self, result: crate::eval::Eval<Value<'c>>) -> Compiled<Folded<'c>> {
        match result {
            Ok(value) => Ok(Folded::Value(value)),
            Err(finding) => self.report(*finding),
        }
    }

    // --- operators ---

    fn chain(&mut self, start: u32, first: &Expr, rest: &[Operation]) -> Compiled<Folded<'c>> {
        if rest
            .iter()
            .any(|operation| operation.op.level() <= BinaryOp::And.level())
        {
            return self.logic(start, first, rest);
        }
        // All operands are compiled, so that the errors of all are reported.
        let mut left = self.fold(first);
        let mut operations = Vec::new();
        for Operation { op, right, end } in rest {
            let span = Span::new(start, *end);
            let right = self.fold(right);
            left = match (left?, right?) {
                (Folded::Value(left), Folded::Value(right)) if operations.is_empty() => {
                    let value = ops::binary(*op, left, right, span, self.arena, &mut self.stacks);
                    self.folded(value)
                }
                (left, right) => {
                    let right = self.emit(right);
                    operations.push(OperationCode {
                        op: *op,
                        right,
                        span,
                    });
                    Ok(left)
                }
            };
        }
        if operations.is_empty() {
            return left;
        }
        let first = Box::new(left.map(|left| self.emit(left))?);
        Ok(Folded::Code(Code::Chain {
            first,
            rest: operations.into(),
        }))
    }

    /// Compiles operators of which all are `and`, all `or`, or all `xor`.
    fn logic(&mut self, start: u32, first: &Expr, rest: &[Operation]) -> Compiled<Folded<'c>> {
        let mut left = self.fold(first)?;
        let mut left_span = first.span;
        let mut operands: Vec<(Code, Span)> = Vec::new();
        let mut applied = BinaryOp::And;
        for Operation { op, right, end } in rest {
            applied = *op;
            let right_span = right.span;
            let right = self.fold(right)?;
            match (constant_bool(&left), constant_bool(&right)) {
                (Some(left_value), Some(right_value)) if operands.is_empty() => {
                    let value = match op {
                        BinaryOp::And => left_value & right_value,
                        BinaryOp::Or => left_value | right_value,
                        _ => left_value ^ right_value,
                    };
                    left = Folded::Value(Value::from(value));
                    left_span = Span::new(start, *end);
                }
                _ => {
                    let right = self.emit(right);
                    operands.push((right, right_span));
                }
            }
        }
        if operands.is_empty() {
            return Ok(left);
        }
        operands.insert(0, (self.emit(left), left_span));
        Ok(Folded::Code(Code::Logic {
            op: applied,
            operands: operands.into(),
        }))
    }

    // --- values that are built ---

    fn list(&mut self, items: &[Expr]) -> Compiled<Folded<'c>> {
        let folded: Vec<_> = items.iter().map(|item| self.fold(item)).collect();
        let folded = folded.into_iter().collect::<Compiled<Vec<_>>>()?;
        let values: Vec<_> = folded.iter().filter_map(constant_value).collect();
        if values.len() == folded.len() {
            return Ok(Folded::Value(self.arena.array(&values)));
        }
        let codes = folded.into_iter().map(|item| self.emit(item)).collect();
        Ok(Folded::Code(Code::List(codes)))
    }

    fn record(&mut self, fields: &[(Text, Expr)]) -> Compiled<Folded<'c>> {
        let folded: Vec<_> = fields
            .iter()
            .map(|(key, value)| (self.text(key), self.fold(value)))
            .collect();
        let mut constant = Vec::new();
        let mut computed = Vec::new();
        for (key, value) in folded {
            match (key?, value?) {
                (Folded::Value(key), Folded::Value(value)) => {
                    constant.push(Field::new(key.as_str().unwrap_or_default(), value));
                }
                (key, value) => computed.push((self.emit(key), self.emit(value))),
            }
        }
        let base = Folded::Value(self.arena.object(&constant));
        if computed.is_empty() {
            return Ok(base);
        }
        let base = match self.emit(base) {
            Code::Constant(id) if !constant.is_empty() => Some(id),
            _ => None,
        };
        let record = RecordCode {
            base,
            fields: computed.into(),
        };
        Ok(Folded::Code(Code::Record(Box::new(record))))
    }

    pub(super) fn text(&mut self, text: &Text) -> Compiled<Folded<'c>> {
        let mut parts = Vec::new();
        let base = self.stacks.bytes.len();
        for part in &text.parts {
            let value = match part {
                Interpolated::Text(text) => {
                    self.stacks.bytes.extend_from_slice(text.as_bytes());
                    continue;
                }
                Interpolated::Value(value) => value,
            };
            match self.fold(value)? {
                Folded::Value(value) => self.stacks.write(value),
                Folded::Code(code) => {
                    parts.extend(self.fixed_text(base));
                    parts.push(TextCode::Value(code));
                }
            }
        }
        if parts.is_empty() {
            return Ok(Folded::Value(Value::from(
                self.stacks.text(base, self.arena),
            )));
        }
        parts.extend(self.fixed_text(base));
        Ok(Folded::Code(Code::Text(parts.into())))
    }

    /// Takes the text that was collected since the last part that is not constant.
    fn fixed_text(&mut self, base: usize) -> Option<TextCode> {
        let text = self.stacks.text(base, self.arena);
        (!text.is_empty()).then(|| TextCode::Text(text.into()))
    }
}

fn constant_value<'c>(folded: &Folded<'c>) -> Option<Value<'c>> {
    match folded {
        Folded::Value(value) => Some(*value),
        Folded::Code(_) => None,
    }
}

fn constant_bool(folded: &Folded<'_>) -> Option<bool> {
    constant_value(folded).and_then(Value::as_bool)
}
