//! Working memory of the evaluator, kept from batch to batch.

use temblor_pdk::value::{Draft, Value};

use super::Pool;
use super::stacks::{Stacks, recycle};

/// Everything that a [`super::Machine`] needs beside the values themselves. It serves any pipeline, one at a time.
#[derive(Default)]
pub(crate) struct Memory<'a> {
    pub(crate) stacks: Stacks<'a>,
    /// The constants that have been copied into the arena.
    pub(super) bound: Vec<Option<Value<'a>>>,
    /// For each step into a field, its place in the record that was met last. Events of one source mostly have the
    /// same fields in the same order, so a look at that place saves the search. Those of another pipeline are wrong
    /// at worst.
    pub(super) guesses: Vec<usize>,
    /// The local variables of all calls that are running, the innermost last. What is not set is none.
    pub(super) locals: Vec<Option<Value<'a>>>,
    /// The event while a script assigns to its fields.
    pub(super) event: Draft<'a>,
    /// Drafts that nobody uses now.
    drafts: Vec<Draft<'a>>,
}

impl<'a> Memory<'a> {
    /// Makes room for the constants and guesses of a pool; to be called once a batch.
    pub(crate) fn prepare(&mut self, pool: &Pool) {
        self.bound.clear();
        self.grow(pool);
    }

    /// Makes room for what a pool under construction has grown by. What has been copied so far stays.
    pub(crate) fn grow(&mut self, pool: &Pool) {
        self.bound.resize(pool.constants.len(), None);
        self.guesses.resize(pool.guesses.max(self.guesses.len()), 0);
    }

    /// Forgets what a failed evaluation has left behind.
    pub(crate) fn clear(&mut self) {
        self.stacks.clear();
        self.locals.clear();
    }

    /// Takes an empty draft, which [`Memory::give_back`] is to get when it is not needed any more.
    pub(crate) fn draft(&mut self) -> Draft<'a> {
        self.drafts.pop().unwrap_or_default()
    }

    /// Takes a draft back, with its memory.
    pub(crate) fn give_back(&mut self, mut draft: Draft<'a>) {
        draft.clear();
        self.drafts.push(draft);
    }

    /// Forgets all values and keeps the memory for values that live elsewhere.
    pub(crate) fn recycle<'b>(mut self) -> Memory<'b> {
        self.locals.clear();
        Memory {
            stacks: self.stacks.recycle(),
            bound: recycle(self.bound),
            guesses: self.guesses,
            locals: recycle(self.locals),
            event: self.event.recycle(),
            drafts: self.drafts.into_iter().map(Draft::recycle).collect(),
        }
    }
}
