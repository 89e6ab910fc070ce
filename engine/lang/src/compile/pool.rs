//! The pool of a pipeline under construction.

use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::value::{Arena, OwnedValue, Value, View};

use super::{Compiled, Reported};
use crate::ast;
use crate::eval::code::FunctionCode;
use crate::eval::{Code, Constant, Eval, Machine, Memory, Pool};

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
        let place = self.add(Constant::Other(value.to_owned_value()));
        self.others.insert(address, place);
        Code::Constant(place)
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

    /// Evaluates code whose parts are all constant.
    pub(super) fn evaluate(&mut self, code: &Code) -> Eval<Value<'c>> {
        self.memory.grow(&self.pool);
        let mut state = OwnedValue::Null;
        let value = Machine::new(&self.pool, self.arena, &mut self.memory, &mut state).value(code);
        if value.is_err() {
            self.memory.clear();
        }
        value
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
