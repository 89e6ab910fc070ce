//! The pool of a pipeline under construction.

use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::value::{Arena, OwnedValue, Value, View};

use super::{Compiled, Reported};
use crate::ast;
use crate::eval::code::FunctionCode;
use crate::eval::{Code, Constant, Eval, MAX_DEPTH, Machine, Memory, Pool};

/// How much may be done to compute constants, in expressions and in what they write, 16 bytes each. What is beyond that
/// is left for the run time: calls of functions may go on for very long, and a long sum of strings writes far more than
/// what comes out in the end.
const FUEL: u64 = 4_000_000;

/// How large all constants may be together, in values and bytes. Constants that hold each other several times grow
/// beyond all bounds in a few lines.
const CONSTANT_WEIGHT: usize = 8 << 20;

/// Collects what the compiled expressions of one pipeline share. Constants are kept once, and functions of the
/// language are compiled when something calls them.
pub(crate) struct PoolBuilder<'c> {
    /// Where constants are computed.
    pub(crate) arena: &'c Arena,
    pub(super) pool: Pool,
    pub(super) memory: Memory<'c>,
    /// The place of each function by its address; none if it has an error.
    functions: HashMap<usize, (Arc<ast::Function>, Option<usize>)>,
    /// The named constants that are in the arena, by their address.
    values: HashMap<usize, (Arc<OwnedValue>, Value<'c>)>,
    /// The places of strings.
    texts: HashMap<&'c str, usize>,
    /// The places of other constants, by the address and length of what they hold in the arena.
    others: HashMap<(usize, usize), usize>,
    /// What is left of [`FUEL`].
    fuel: u64,
    /// What is left of [`CONSTANT_WEIGHT`]; none if a constant was too large.
    weight: Option<usize>,
    /// Whether it was reported that they take too much.
    pub(super) is_overflow_reported: bool,
}

impl<'c> PoolBuilder<'c> {
    pub(crate) fn new(arena: &'c Arena) -> Self {
        PoolBuilder {
            arena,
            pool: Pool::default(),
            memory: Memory::default(),
            functions: HashMap::new(),
            values: HashMap::new(),
            texts: HashMap::new(),
            others: HashMap::new(),
            fuel: FUEL,
            weight: Some(CONSTANT_WEIGHT),
            is_overflow_reported: false,
        }
    }

    /// Ends the construction.
    pub(crate) fn finish(self) -> Pool {
        self.pool
    }

    /// Turns a constant into code.
    pub(crate) fn constant(&mut self, value: Value<'c>) -> Code {
        let address = match value.view() {
            View::Null => return Code::Scalar(Value::NULL),
            View::Bool(value) => return Code::Scalar(Value::from(value)),
            View::I64(value) => return Code::Scalar(Value::from(value)),
            View::U64(value) => return Code::Scalar(Value::from(value)),
            View::F64(value) => return Code::Scalar(Value::from(value)),
            View::Str(text) => return self.text(text),
            View::Bytes(bytes) => (bytes.as_ptr() as usize, bytes.len()),
            View::Array(array) => (array.as_slice().as_ptr() as usize, array.len()),
            View::Object(record) => (record.fields().as_ptr() as usize, record.len()),
        };
        // Empty ones have no memory of their own to be known by.
        if let Some(place) = self.others.get(&address)
            && address.1 > 0
        {
            return Code::Constant(*place);
        }
        if !self.charge(value) {
            return Code::Scalar(Value::NULL);
        }
        let place = self.add(Constant::Other(value.to_owned_value()));
        self.others.insert(address, place);
        Code::Constant(place)
    }

    /// Counts a constant that is kept. Returns whether there was room for it.
    pub(super) fn charge(&mut self, value: Value<'c>) -> bool {
        let Some(left) = self.weight else {
            return false;
        };
        self.weight = weigh(value, left);
        self.weight.is_some()
    }

    /// Whether there was room for all constants so far.
    pub(super) fn has_room(&self) -> bool {
        self.weight.is_some()
    }

    /// Whether constants are still computed.
    pub(super) fn may_fold(&self) -> bool {
        self.fuel > 0
    }

    /// Counts what was written to compute a constant.
    pub(super) fn note_folded(&mut self, value: Value<'c>) {
        let bytes = match value.view() {
            View::Str(text) => text.len(),
            View::Bytes(bytes) => bytes.len(),
            View::Array(array) => size_of_val(array.as_slice()),
            View::Object(record) => size_of_val(record.fields()),
            _ => 0,
        };
        self.fuel = self.fuel.saturating_sub(bytes as u64 / 16);
    }

    fn text(&mut self, text: &'c str) -> Code {
        if let Some(place) = self.texts.get(text) {
            return Code::Constant(*place);
        }
        let place = self.add(Constant::Text(text.into()));
        self.texts.insert(text, place);
        Code::Constant(place)
    }

    fn add(&mut self, constant: Constant) -> usize {
        self.pool.constants.push(constant);
        self.pool.constants.len() - 1
    }

    /// Returns a named constant, which is copied into the arena once.
    pub(super) fn named(&mut self, constant: &Arc<OwnedValue>) -> Value<'c> {
        let arena = self.arena;
        let address = Arc::as_ptr(constant) as usize;
        let (_, value) = self
            .values
            .entry(address)
            .or_insert_with(|| (Arc::clone(constant), arena.value(constant)));
        *value
    }

    /// Evaluates code whose parts are all constant; none if that takes too long.
    pub(super) fn evaluate(&mut self, code: &Code) -> Option<Eval<Value<'c>>> {
        self.memory.grow(&self.pool);
        let mut state = OwnedValue::Null;
        let mut machine = Machine::new(&self.pool, self.arena, &mut self.memory, &mut state);
        machine.fuel = self.fuel;
        let value = machine.value(code);
        self.fuel = machine.fuel;
        if value.is_err() {
            self.memory.clear();
        }
        (self.fuel > 0).then_some(value)
    }

    /// The number of the next step into a field.
    pub(super) fn next_guess(&mut self) -> usize {
        self.pool.guesses += 1;
        self.pool.guesses - 1
    }

    /// The place of a function, if somebody has compiled it.
    pub(super) fn function(&self, function: &Arc<ast::Function>) -> Option<Compiled<usize>> {
        let (_, place) = self.functions.get(&(Arc::as_ptr(function) as usize))?;
        Some(place.ok_or(Reported))
    }

    /// Adds a compiled function, or the knowledge that it cannot be compiled.
    pub(super) fn add_function(
        &mut self,
        function: &Arc<ast::Function>,
        code: Compiled<FunctionCode>,
    ) -> Compiled<usize> {
        let place = code.ok().map(|code| {
            self.pool.functions.push(code);
            self.pool.functions.len() - 1
        });
        let address = Arc::as_ptr(function) as usize;
        self.functions
            .insert(address, (Arc::clone(function), place));
        place.ok_or(Reported)
    }
}

/// Takes the weight of a value from what is left; none if that is not enough, or the value is too deep to be walked
/// through.
fn weigh(value: Value<'_>, left: usize) -> Option<usize> {
    if value.depth() > MAX_DEPTH {
        return None;
    }
    let mut left = left;
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        let own = match value.view() {
            View::Str(text) => text.len(),
            View::Bytes(bytes) => bytes.len(),
            View::Array(array) => {
                pending.extend(array.iter());
                0
            }
            View::Object(record) => {
                pending.extend(record.iter().map(|(_, value)| value));
                record.iter().map(|(key, _)| key.len()).sum()
            }
            _ => 0,
        };
        left = left.checked_sub(own + 1)?;
    }
    Some(left)
}
