//! Operators in a row, and values that are put together: lists, records, strings.

use temblor_pdk::value::{Field, Value};

use super::bounds::MAX_SIZE;
use super::code::{Code, EmitCode, Operation, RecordCode, TextCode};
use super::failure;
use super::machine::{Flow, Machine, Outcome};
use super::ops;
use crate::ast::BinaryOp;
use crate::span::Span;

impl<'a> Machine<'_, 'a> {
    pub(super) fn chain(&mut self, first: &Code, rest: &[Operation]) -> Flow<Value<'a>> {
        let mut left = self.eval(first)?;
        for operation in rest {
            left = self.operation(left, operation)?;
        }
        Ok(left)
    }

    #[inline]
    fn operation(&mut self, left: Value<'a>, operation: &Operation) -> Flow<Value<'a>> {
        let Operation {
            op, right, span, ..
        } = operation;
        if ops::is_comparison(*op)
            && let Some(text) = self.constant_text(right)
        {
            let result = ops::compare(*op, left, Value::from(text), *span);
            return Ok(Value::from(result?));
        }
        let value = self.eval(right)?;
        let result = ops::binary(*op, left, value, *span, self.arena, self.memory);
        result.map_err(|finding| {
            // A list is appended to a left side without looking at it first.
            if operation.is_list && *op == BinaryOp::Add && left.as_array().is_none() {
                return failure::not_appended(left, *span).into();
            }
            finding.into()
        })
    }

    pub(super) fn logic(&mut self, op: BinaryOp, operands: &[(Code, Span)]) -> Flow<Value<'a>> {
        let mut result = None;
        for (at, (code, _)) in operands.iter().enumerate() {
            let value = self.eval(code)?;
            let Some(right) = value.as_bool() else {
                return Err(failure::logic(op, at, value, operands).into());
            };
            let so_far = match (op, result) {
                (BinaryOp::Xor, Some(left)) => left ^ right,
                _ => right,
            };
            result = Some(so_far);
            // The rest of an `and` matters only while all is true, that of an `or` while all is false.
            if (op == BinaryOp::And && !so_far) || (op == BinaryOp::Or && so_far) {
                break;
            }
        }
        Ok(Value::from(result.unwrap_or_default()))
    }

    pub(super) fn list(&mut self, items: &[Code]) -> Flow<Value<'a>> {
        let base = self.memory.stacks.values.len();
        for item in items {
            let value = self.eval(item)?;
            self.memory.stacks.values.push(value);
        }
        Ok(self.memory.stacks.array(base, self.arena))
    }

    pub(super) fn record(&mut self, record: &RecordCode) -> Flow<Value<'a>> {
        let base = self.memory.stacks.fields.len();
        if let Some(constant) = record.base.and_then(|id| self.constant(id).as_object()) {
            let fields = constant.fields();
            self.memory.stacks.fields.extend_from_slice(fields);
        }
        for (key, value) in &record.fields {
            let key = self.eval(key)?;
            let value = self.eval(value)?;
            let key = key.as_str().unwrap_or_default();
            self.memory.stacks.fields.push(Field::new(key, value));
        }
        // Of fields with one key the last wins.
        Ok(self.memory.stacks.record(base, self.arena))
    }

    pub(super) fn text(&mut self, parts: &[TextCode]) -> Flow<Value<'a>> {
        let base = self.memory.stacks.bytes.len();
        for part in parts {
            match part {
                TextCode::Text(text) => self.memory.stacks.bytes.extend_from_slice(text.as_bytes()),
                TextCode::Value(code) => {
                    let value = self.eval(code)?;
                    self.memory.stacks.write(value);
                }
            }
        }
        // A text is made all at once, so there has to be memory for it before. There is no place to point at.
        if let Err(finding) = self.check(Value::NULL, 0, Span::default()) {
            return Err(Box::new(finding.outside()).into());
        }
        if self.memory.stacks.bytes.len() - base > MAX_SIZE * 16 {
            let finding = failure::too_large(Span::default()).outside();
            return Err(Box::new(finding).into());
        }
        Ok(Value::from(self.memory.stacks.text(base, self.arena)))
    }

    pub(super) fn emit(&mut self, code: &EmitCode) -> Flow<Value<'a>> {
        let value = match &code.value {
            Some(value) => self.eval(value)?,
            None => self.event(),
        };
        let port = match &code.port {
            Some(port) => self.eval(port)?.as_str(),
            None => None,
        };
        self.end(Outcome::Emit { value, port })
    }
}
