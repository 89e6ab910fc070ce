//! The evaluator of compiled expressions.

use temblor_pdk::value::{Arena, Value};

use super::code::{
    Code, Constant, FieldCode, Operation, PathCode, RecordCode, StepCode, StepKind, TextCode,
};
use super::failure::{self, Eval};
use super::ops;
use super::path::{self, Bound, Missed, Place, Step};
use super::stacks::Stacks;
use crate::ast::BinaryOp;
use crate::span::Span;

/// Evaluates expressions of one pipeline for one event.
pub(crate) struct Machine<'m, 'a> {
    pub(crate) constants: &'m [Constant],
    /// The constants that have been copied into the arena.
    pub(crate) bound: &'m mut [Option<Value<'a>>],
    /// For each step into a field, its place in the record that was met last. Events of one source mostly have the
    /// same fields in the same order, so a look at that place saves the search.
    pub(crate) guesses: &'m mut [usize],
    pub(crate) arena: &'a Arena,
    pub(crate) stacks: &'m mut Stacks<'a>,
    /// What `event` is.
    pub(crate) event: Value<'a>,
    /// What `$` is; null stands for an empty record.
    pub(crate) meta: Value<'a>,
}

impl<'a> Machine<'_, 'a> {
    /// Evaluates an expression.
    pub(crate) fn eval(&mut self, code: &Code) -> Eval<Value<'a>> {
        match code {
            Code::Scalar(value) => Ok(*value),
            Code::Constant(id) => Ok(self.constant(*id)),
            Code::Event => Ok(self.event),
            Code::Meta => Ok(self.meta()),
            Code::Path(path) => self.path(path),
            Code::Present { path, negated } => self.present(path, *negated),
            Code::Unary { op, operand, span } => {
                let operand = self.eval(operand)?;
                ops::unary(*op, operand, *span)
            }
            Code::Chain { first, rest } => self.chain(first, rest),
            Code::Logic { op, operands } => self.logic(*op, operands),
            Code::List(items) => self.list(items),
            Code::Record(record) => self.record(record),
            Code::Text(parts) => self.text(parts),
            _ => Ok(Value::NULL),
        }
    }

    /// Evaluates a condition.
    pub(crate) fn condition(&mut self, code: &Code, span: Span) -> Eval<bool> {
        let value = self.eval(code)?;
        value
            .as_bool()
            .ok_or_else(|| failure::wrong_type(value, "bool", span))
    }

    fn constant(&mut self, id: usize) -> Value<'a> {
        if let Some(Some(value)) = self.bound.get(id) {
            return *value;
        }
        let value = match self.constants.get(id) {
            Some(Constant::Text(text)) => Value::from(self.arena.str(text)),
            Some(Constant::Other(owned)) => self.arena.value(owned),
            None => Value::NULL,
        };
        if let Some(slot) = self.bound.get_mut(id) {
            *slot = Some(value);
        }
        value
    }

    fn meta(&self) -> Value<'a> {
        if self.meta.is_null() {
            self.arena.object(&[])
        } else {
            self.meta
        }
    }

    // --- paths ---

    fn path(&mut self, path: &PathCode) -> Eval<Value<'a>> {
        self.walk(path).map_err(Missed::failure)
    }

    fn present(&mut self, path: &PathCode, negated: bool) -> Eval<Value<'a>> {
        match self.walk(path) {
            Ok(_) => Ok(Value::from(!negated)),
            Err(Missed::Error(finding)) => Err(finding),
            Err(_) => Ok(Value::from(negated)),
        }
    }

    fn walk<'c>(&mut self, path: &'c PathCode) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let mut value = self.eval(&path.root).map_err(Missed::Error)?;
        for step in &path.steps {
            let place = Place {
                root: path.name,
                span: step.span,
            };
            value = self.step(value, step, place)?;
        }
        Ok(value)
    }

    fn step<'c>(&mut self, base: Value<'a>, step: &'c StepCode, place: Place) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        match &step.kind {
            StepKind::Field(field) => self.field(base, field, place),
            StepKind::Position(index) => path::position(base, *index, step.span),
            StepKind::Index(code) => {
                let index = self.eval(code).map_err(Missed::Error)?;
                path::index(base, index, place)
            }
            StepKind::Range { from, to } => {
                let from = self.bound(from).map_err(Missed::Error)?;
                let to = self.bound(to).map_err(Missed::Error)?;
                path::range(base, from, to, step.span, self.arena)
            }
        }
    }

    fn field<'c>(&mut self, base: Value<'a>, field: &'c FieldCode, place: Place) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let (Some(record), Some(guess)) = (base.as_object(), self.guesses.get_mut(field.guess))
        else {
            return path::field(base, &field.key, place);
        };
        let fields = record.fields();
        if let Some(guessed) = fields.get(*guess)
            && guessed.key() == &*field.key
        {
            return Ok(guessed.value());
        }
        match record
            .position(&field.key)
            .and_then(|at| Some((at, fields.get(at)?)))
        {
            Some((at, found)) => {
                *guess = at;
                Ok(found.value())
            }
            None => path::field(base, &field.key, place),
        }
    }

    fn bound(&mut self, (code, span): &(Code, Span)) -> Eval<Bound<'a>> {
        let value = self.eval(code)?;
        Ok(Bound { value, span: *span })
    }

    // --- operators ---

    fn chain(&mut self, first: &Code, rest: &[Operation]) -> Eval<Value<'a>> {
        let mut left = self.eval(first)?;
        for operation in rest {
            left = self.operation(left, operation)?;
        }
        Ok(left)
    }

    fn operation(&mut self, left: Value<'a>, operation: &Operation) -> Eval<Value<'a>> {
        let Operation { op, right, span } = operation;
        if let Code::Constant(id) = right
            && ops::is_comparison(*op)
            && let Some(Constant::Text(text)) = self.constants.get(*id)
        {
            return ops::compare(*op, left, Value::from(&**text), *span).map(Value::from);
        }
        let right = self.eval(right)?;
        ops::binary(*op, left, right, *span, self.arena, self.stacks)
    }

    fn logic(&mut self, op: BinaryOp, operands: &[(Code, Span)]) -> Eval<Value<'a>> {
        let mut result = None;
        for (code, span) in operands {
            let value = self.eval(code)?;
            let Some(right) = value.as_bool() else {
                return Err(failure::logic(op, result.is_none(), value, *span));
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

    // --- values that are built ---

    fn list(&mut self, items: &[Code]) -> Eval<Value<'a>> {
        let base = self.stacks.values.len();
        for item in items {
            let value = self.eval(item)?;
            self.stacks.values.push(value);
        }
        Ok(self.stacks.array(base, self.arena))
    }

    fn record(&mut self, record: &RecordCode) -> Eval<Value<'a>> {
        let base = self.stacks.fields.len();
        if let Some(constant) = record.base.and_then(|id| self.constant(id).as_object()) {
            self.stacks.fields.extend_from_slice(constant.fields());
        }
        for (key, value) in &record.fields {
            let key = self.eval(key)?;
            let value = self.eval(value)?;
            let key = key.as_str().unwrap_or_default();
            self.stacks
                .fields
                .push(temblor_pdk::value::Field::new(key, value));
        }
        Ok(self.stacks.record(base, self.arena))
    }

    fn text(&mut self, parts: &[TextCode]) -> Eval<Value<'a>> {
        let base = self.stacks.bytes.len();
        for part in parts {
            match part {
                TextCode::Text(text) => self.stacks.bytes.extend_from_slice(text.as_bytes()),
                TextCode::Value(code) => {
                    let value = self.eval(code)?;
                    self.stacks.write(value);
                }
            }
        }
        Ok(Value::from(self.stacks.text(base, self.arena)))
    }
}
