//! What keeps a script from taking all memory, all of the native stack, or all time.
//!
//! What a script can build within one expression is bounded by the length of its text. So it is enough to look at what
//! is kept: at assignments, at the arguments and results of functions, and at what a script emits.

use temblor_pdk::value::Value;

use super::failure::{self, Eval};
use super::machine::{Flow, Machine};
pub(crate) use crate::limits::VALUE_DEPTH as MAX_DEPTH;
pub(crate) use crate::limits::{
    BATCH_MEMORY as MAX_MEMORY, NESTED_CALLS as MAX_NESTED, STEPS as MAX_STEPS,
    VALUE_SIZE as MAX_SIZE,
};
use crate::span::Span;

impl<'a> Machine<'_, 'a> {
    /// Fails if a value, so many steps below where it is kept, is too deep or too large, or if there is no memory left
    /// for what comes.
    #[inline]
    pub(super) fn check(&self, value: Value<'a>, steps: usize, span: Span) -> Eval<()> {
        let depth = value.depth().saturating_add(steps);
        if depth > MAX_DEPTH || value.size() > MAX_SIZE || self.arena.bytes() > MAX_MEMORY {
            return Err(too_large(value, depth, span));
        }
        Ok(())
    }

    /// Checks the arguments that lie on the stack from here on.
    #[inline]
    pub(super) fn check_arguments(&self, base: usize, span: Span) -> Eval<()> {
        let given = self.memory.stacks.values.get(base..).unwrap_or_default();
        for value in given {
            self.check(*value, 0, span)?;
        }
        Ok(())
    }

    /// Counts a step of the evaluation.
    #[inline]
    pub(super) fn step_taken(&mut self) -> Flow<()> {
        match self.steps.checked_sub(1) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(failure::too_long(MAX_STEPS, self.outermost).into()),
        }
    }

    /// Counts an item of a loop, which may take memory without keeping anything.
    #[inline]
    pub(super) fn item_taken(&mut self, span: Span) -> Flow<()> {
        self.check(Value::NULL, 0, span)?;
        self.step_taken()
    }
}

#[cold]
fn too_large(value: Value<'_>, depth: usize, span: Span) -> Box<crate::finding::Finding> {
    if depth > MAX_DEPTH {
        failure::too_deep(MAX_DEPTH, span)
    } else if value.size() > MAX_SIZE {
        failure::too_large(span)
    } else {
        failure::no_memory(MAX_MEMORY, span)
    }
}
