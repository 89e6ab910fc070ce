//! The evaluator of compiled expressions.

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::code::{
    Code, Constant, FieldCode, Operation, PathCode, Pool, RecordCode, ScriptCode, StepCode,
    StepKind, TextCode,
};
use super::failure::{self, Eval};
use super::memory::Memory;
use super::ops;
use super::path::{self, Bound, Missed, Place, Step};
use crate::ast::BinaryOp;
use crate::finding::Finding;
use crate::span::Span;

/// Evaluates expressions of one pipeline for one event.
pub(crate) struct Machine<'m, 'a> {
    pub(crate) pool: &'m Pool,
    pub(crate) arena: &'a Arena,
    pub(crate) memory: &'m mut Memory<'a>,
    /// What `state` is; assigned in place.
    pub(crate) state: &'m mut OwnedValue,
    /// What `event` is. After [`Machine::run`] it is what the script made of it.
    pub(crate) event: Value<'a>,
    /// What `$` is; null stands for an empty record. Assigned like `event`.
    pub(crate) meta: Value<'a>,
    pub(crate) group: Value<'a>,
    pub(crate) window: Value<'a>,
    /// The results of the aggregates of the select.
    pub(crate) aggregates: &'m [Value<'a>],
    /// When the event came in.
    pub(crate) ingest_ns: u64,
    /// The number of groups that the select keeps.
    pub(crate) groups: u64,
    /// The name of the running instance.
    pub(crate) instance: &'m str,
    /// What ended the script.
    outcome: Option<Outcome<'a>>,
}

/// What a script made of its event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    /// A value for an output port; none is `out`.
    Emit {
        value: Value<'a>,
        port: Option<&'a str>,
    },
    Drop,
}

/// Why the evaluation of an expression ended without a value.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(Box<Finding>),
    /// `emit` or `drop`.
    Ended,
    /// `recur`; the arguments lie on the stack.
    Recur,
}

impl From<Box<Finding>> for Stop {
    fn from(finding: Box<Finding>) -> Self {
        Stop::Failed(finding)
    }
}

/// The result of an expression or a statement.
pub(crate) type Flow<T> = Result<T, Stop>;

impl<'m, 'a> Machine<'m, 'a> {
    /// Makes a machine for which everything is null. The memory was prepared for the pool.
    pub(crate) fn new(
        pool: &'m Pool,
        arena: &'a Arena,
        memory: &'m mut Memory<'a>,
        state: &'m mut OwnedValue,
    ) -> Self {
        Machine {
            pool,
            arena,
            memory,
            state,
            event: Value::NULL,
            meta: Value::NULL,
            group: Value::NULL,
            window: Value::NULL,
            aggregates: &[],
            ingest_ns: 0,
            groups: 0,
            instance: "",
            outcome: None,
        }
    }

    /// Runs a script. What became of `event`, `meta` and `state` is read from the machine, also after a failure.
    pub(crate) fn run(&mut self, script: &'m ScriptCode) -> Eval<Outcome<'a>> {
        match self.eval(&script.body) {
            Ok(value) => Ok(Outcome::Emit { value, port: None }),
            Err(Stop::Failed(finding)) => Err(finding),
            Err(_) => Ok(self.outcome.take().unwrap_or(Outcome::Drop)),
        }
    }

    /// Evaluates an expression outside of scripts, or the call of a function.
    pub(crate) fn value(&mut self, code: &Code) -> Eval<Value<'a>> {
        match self.eval(code) {
            Ok(value) => Ok(value),
            Err(Stop::Failed(finding)) => Err(finding),
            Err(_) => Ok(Value::NULL),
        }
    }

    /// Evaluates a condition: the span is its own, the context is what is shown around it.
    pub(crate) fn condition(&mut self, code: &Code, span: Span, context: Span) -> Eval<bool> {
        let value = self.value(code)?;
        value.as_bool().ok_or_else(|| {
            let mut finding = failure::wrong_type(value, "bool", span);
            finding.context = context;
            finding
        })
    }

    /// Evaluates an expression or a statement.
    pub(crate) fn eval(&mut self, code: &Code) -> Flow<Value<'a>> {
        match code {
            Code::Scalar(value) => Ok(*value),
            Code::Constant(id) => Ok(self.constant(*id)),
            Code::Event => Ok(self.event),
            Code::Meta => Ok(self.meta()),
            Code::Path(path) => self.path(path),
            Code::Present { path, negated } => self.present(path, *negated),
            Code::Unary { op, operand, span } => {
                let operand = self.eval(operand)?;
                Ok(ops::unary(*op, operand, *span)?)
            }
            Code::Chain { first, rest } => self.chain(first, rest),
            Code::Logic { op, operands } => self.logic(*op, operands),
            Code::List(items) => self.list(items),
            Code::Record(record) => self.record(record),
            Code::Text(parts) => self.text(parts),
            _ => Ok(Value::NULL),
        }
    }

    fn constant(&mut self, id: usize) -> Value<'a> {
        if let Some(Some(value)) = self.memory.bound.get(id) {
            return *value;
        }
        let value = match self.pool.constants.get(id) {
            Some(Constant::Text(text)) => Value::from(self.arena.str(text)),
            Some(Constant::Other(owned)) => self.arena.value(owned),
            None => Value::NULL,
        };
        if let Some(slot) = self.memory.bound.get_mut(id) {
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

    fn path(&mut self, path: &PathCode) -> Flow<Value<'a>> {
        Ok(self.walk(path).map_err(Missed::failure)?)
    }

    fn present(&mut self, path: &PathCode, negated: bool) -> Flow<Value<'a>> {
        match self.walk(path) {
            Ok(_) => Ok(Value::from(!negated)),
            Err(Missed::Error(finding)) => Err(finding.into()),
            Err(_) => Ok(Value::from(negated)),
        }
    }

    fn walk<'c>(&mut self, path: &'c PathCode) -> Step<'a, 'c>
    where
        'a: 'c,
    {
        let mut value = self.value(&path.root).map_err(Missed::Error)?;
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
                let index = self.value(code).map_err(Missed::Error)?;
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
        let (Some(record), Some(guess)) =
            (base.as_object(), self.memory.guesses.get_mut(field.guess))
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
        let value = self.value(code)?;
        Ok(Bound { value, span: *span })
    }

    // --- operators ---

    fn chain(&mut self, first: &Code, rest: &[Operation]) -> Flow<Value<'a>> {
        let mut left = self.eval(first)?;
        for operation in rest {
            left = self.operation(left, operation)?;
        }
        Ok(left)
    }

    fn operation(&mut self, left: Value<'a>, operation: &Operation) -> Flow<Value<'a>> {
        let Operation { op, right, span } = operation;
        if let Code::Constant(id) = right
            && ops::is_comparison(*op)
            && let Some(Constant::Text(text)) = self.pool.constants.get(*id)
        {
            return Ok(ops::compare(*op, left, Value::from(&**text), *span).map(Value::from)?);
        }
        let right = self.eval(right)?;
        Ok(ops::binary(
            *op,
            left,
            right,
            *span,
            self.arena,
            &mut self.memory.stacks,
        )?)
    }

    fn logic(&mut self, op: BinaryOp, operands: &[(Code, Span)]) -> Flow<Value<'a>> {
        let mut result = None;
        for (code, span) in operands {
            let value = self.eval(code)?;
            let Some(right) = value.as_bool() else {
                return Err(failure::logic(op, result.is_none(), value, *span).into());
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

    fn list(&mut self, items: &[Code]) -> Flow<Value<'a>> {
        let base = self.memory.stacks.values.len();
        for item in items {
            let value = self.eval(item)?;
            self.memory.stacks.values.push(value);
        }
        Ok(self.memory.stacks.array(base, self.arena))
    }

    fn record(&mut self, record: &RecordCode) -> Flow<Value<'a>> {
        let base = self.memory.stacks.fields.len();
        if let Some(constant) = record.base.and_then(|id| self.constant(id).as_object()) {
            self.memory
                .stacks
                .fields
                .extend_from_slice(constant.fields());
        }
        for (key, value) in &record.fields {
            let key = self.eval(key)?;
            let value = self.eval(value)?;
            let key = key.as_str().unwrap_or_default();
            self.memory
                .stacks
                .fields
                .push(temblor_pdk::value::Field::new(key, value));
        }
        Ok(self.memory.stacks.record(base, self.arena))
    }

    fn text(&mut self, parts: &[TextCode]) -> Flow<Value<'a>> {
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
        Ok(Value::from(self.memory.stacks.text(base, self.arena)))
    }
}
