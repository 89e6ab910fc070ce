//! The evaluator of compiled expressions and statements.

use temblor_pdk::value::{Arena, OwnedValue, Value, View};

use super::bounds::{MAX_NESTED, MAX_STEPS};
use super::code::{Code, Constant, Pool, ScriptCode};
use super::failure::{self, Eval};
use super::memory::Memory;
use super::ops;
use crate::finding::Finding;
use crate::span::Span;

/// The fuel of a machine that may do whatever it takes.
const UNBOUNDED: u64 = u64::MAX;

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
    /// Where the fields of the event are.
    pub(super) form: Form,
    pub(super) frame: Frame<'m, 'a>,
    /// How many expressions may still be evaluated.
    pub(super) steps: u64,
    /// How many expressions are being evaluated one inside the other.
    depth: u32,
    /// How much more may be done, in expressions and in what they write, where there is a bound: while constants are
    /// folded.
    pub(crate) fuel: u64,
    /// The outermost call of a function of the language that is running.
    pub(super) outermost: Span,
    /// What ended the script.
    pub(super) outcome: Option<Outcome<'a>>,
}

/// Where the fields of the event are. A script often assigns to several fields in a row, and the record is made once,
/// when somebody looks at all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In `event`.
    Whole,
    /// In the draft; `event` is out of date.
    Draft,
    /// In both.
    Both,
}

/// The function or the script that is running.
#[derive(Clone, Copy)]
pub(super) struct Frame<'m, 'a> {
    /// Where its local variables start.
    pub(super) base: usize,
    /// Their names.
    pub(super) names: &'m [Box<str>],
    /// An array of the surplus arguments; null if there are none.
    pub(super) surplus: Value<'a>,
    pub(super) is_function: bool,
    /// The number of parameters.
    pub(super) params: usize,
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
    /// `recur`; the arguments are in their places.
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
            form: Form::Whole,
            frame: Frame {
                base: 0,
                names: &[],
                surplus: Value::NULL,
                is_function: false,
                params: 0,
            },
            steps: MAX_STEPS,
            depth: 0,
            fuel: UNBOUNDED,
            outermost: Span::default(),
            outcome: None,
        }
    }

    /// Runs a script. What became of `event`, `meta` and `state` is read from the machine, also after a failure.
    pub(crate) fn run(&mut self, script: &'m ScriptCode) -> Eval<Outcome<'a>> {
        // Reading the state may copy all of it: scripts of later events of the batch do not get so far.
        self.check(Value::NULL, 0, Span::default())
            .map_err(|finding| Box::new(finding.outside()))?;
        self.frame.base = self.memory.locals.len();
        self.frame.names = &script.locals;
        let slots = self.frame.base + script.locals.len();
        self.memory.locals.resize(slots, None);
        let result = self.eval(&script.body);
        self.event();
        self.memory.locals.truncate(self.frame.base);
        let outcome = match (result, self.outcome.take()) {
            (Ok(value), _) => Ok(Outcome::Emit { value, port: None }),
            (Err(Stop::Ended), Some(outcome)) => Ok(outcome),
            (Err(stop), _) => Err(stop.failure()),
        };
        outcome.inspect_err(|_| self.memory.clear())
    }

    /// Evaluates an expression outside of scripts, or the call of a function.
    pub(crate) fn value(&mut self, code: &Code) -> Eval<Value<'a>> {
        self.eval(code).map_err(Stop::failure)
    }

    /// Evaluates a condition: the span is its own, the context is what is shown around it.
    pub(crate) fn condition(&mut self, code: &Code, span: Span, context: Span) -> Eval<bool> {
        self.holds(code, span, context).map_err(Stop::failure)
    }

    pub(super) fn holds(&mut self, code: &Code, span: Span, context: Span) -> Flow<bool> {
        let value = self.eval(code)?;
        match value.as_bool() {
            Some(holds) => Ok(holds),
            None => Err(failure::wrong_type_in(value, "bool", span, context).into()),
        }
    }

    /// Evaluates an expression or a statement.
    #[inline]
    pub(crate) fn eval(&mut self, code: &Code) -> Flow<Value<'a>> {
        match code {
            Code::Scalar(value) => Ok(*value),
            Code::Constant(id) => Ok(self.constant(*id)),
            Code::Event => Ok(self.event()),
            Code::Local(local) => self.local(local),
            Code::Path(path) => self.path(path),
            _ => self.nested(code),
        }
    }

    /// Evaluates what has parts of its own.
    #[inline(never)]
    pub(super) fn nested(&mut self, code: &Code) -> Flow<Value<'a>> {
        if self.depth == MAX_NESTED {
            return Err(failure::too_nested(self.outermost).into());
        }
        self.step_taken()?;
        self.depth += 1;
        let result = self.compound(code);
        self.depth -= 1;
        if self.fuel == UNBOUNDED {
            return result;
        }
        self.burn(result)
    }

    /// Counts an expression and what it has written.
    #[cold]
    fn burn(&mut self, result: Flow<Value<'a>>) -> Flow<Value<'a>> {
        let written = match result.as_ref().map(|value| value.view()) {
            Ok(View::Str(text)) => text.len(),
            Ok(View::Bytes(bytes)) => bytes.len(),
            Ok(View::Array(array)) => array.len(),
            Ok(View::Object(record)) => record.len(),
            _ => 0,
        };
        self.fuel = self.fuel.saturating_sub(1 + written as u64 / 16);
        if self.fuel == 0 {
            return Err(failure::too_nested(self.outermost).into());
        }
        result
    }

    #[inline(always)]
    fn compound(&mut self, code: &Code) -> Flow<Value<'a>> {
        match code {
            Code::Chain { first, rest } => self.chain(first, rest),
            Code::Logic { op, operands } => self.logic(*op, operands),
            Code::Match(code) => self.matching(code),
            Code::Block(statements) => self.block(statements),
            Code::Let(code) => self.assign(code),
            Code::Record(record) => self.record(record),
            Code::Call(call) => self.call(call),
            Code::Invoke(call) => self.invoke(call),
            Code::List(items) => self.list(items),
            Code::Text(parts) => self.text(parts),
            Code::Patch(code) => self.patch(code),
            Code::Merge(code) => self.merge(code),
            Code::For(code) => self.for_each(code),
            Code::Present { path, negated } => self.present(path, *negated),
            Code::Unary { op, operand, span } => {
                let operand = self.eval(operand)?;
                Ok(ops::unary(*op, operand, *span)?)
            }
            Code::Emit(code) => self.emit(code),
            Code::Drop => self.end(Outcome::Drop),
            Code::Recur(args) => self.recur(args),
            Code::Bytes(parts) => self.bytes(parts),
            Code::Unassignable(code) => self.unassignable(code),
            Code::Path(path) => self.path(path),
            leaf => Ok(self.leaf(leaf)),
        }
    }

    /// What needs no evaluation. What is left here is met rarely.
    fn leaf(&mut self, code: &Code) -> Value<'a> {
        match code {
            Code::Meta => self.meta(),
            Code::State => self.arena.value(self.state),
            Code::Args if self.frame.is_function => self.surplus(),
            Code::Group => self.group,
            Code::Window => self.window,
            Code::GroupItem(at) => {
                let items = self.group.as_array();
                items.and_then(|items| items.get(*at)).unwrap_or_default()
            }
            Code::Aggregate(at) => self.aggregates.get(*at).copied().unwrap_or_default(),
            _ => Value::NULL,
        }
    }

    fn block(&mut self, statements: &[Code]) -> Flow<Value<'a>> {
        let mut value = Value::NULL;
        for statement in statements {
            value = self.eval(statement)?;
        }
        Ok(value)
    }

    pub(super) fn constant(&mut self, id: usize) -> Value<'a> {
        if let Some(Some(value)) = self.memory.bound.get(id) {
            return *value;
        }
        self.bind(id)
    }

    /// Copies a constant into the arena.
    #[inline(never)]
    fn bind(&mut self, id: usize) -> Value<'a> {
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

    /// A constant string where it is; none for everything else.
    pub(super) fn constant_text(&self, code: &Code) -> Option<&'m str> {
        match code {
            Code::Constant(id) => match self.pool.constants.get(*id) {
                Some(Constant::Text(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The event as a whole.
    #[inline]
    pub(super) fn event(&mut self) -> Value<'a> {
        if self.form == Form::Draft {
            self.event = self.memory.event.finish(self.arena);
            self.form = Form::Both;
        }
        self.event
    }

    pub(super) fn meta(&self) -> Value<'a> {
        if self.meta.is_null() && !self.frame.is_function {
            self.arena.object(&[])
        } else {
            self.meta
        }
    }

    pub(super) fn end<T>(&mut self, outcome: Outcome<'a>) -> Flow<T> {
        self.outcome = Some(outcome);
        Err(Stop::Ended)
    }
}

impl Stop {
    /// What is reported where only a value can be used.
    #[cold]
    pub(super) fn failure(self) -> Box<Finding> {
        match self {
            Stop::Failed(finding) => finding,
            Stop::Ended | Stop::Recur => failure::internal(Span::default()),
        }
    }
}
