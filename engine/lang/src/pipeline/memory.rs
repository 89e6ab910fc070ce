//! Working memory of runs.

use std::fmt;

use temblor_pdk::value::Event;

use super::Target;
use crate::eval::Memory;
use crate::eval::stacks::recycle;
use crate::group::Groups;

/// Working memory of a run, to be kept from batch to batch. It serves any pipeline, one at a time.
#[derive(Default)]
pub struct Scratch(pub(super) Parts<'static>);

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) memory: Memory<'a>,
    /// Where events are still to go, the next one last.
    pub(super) pending: Vec<(Target, Event<'a>)>,
    /// What has arrived at the outputs, the first result last.
    pub(super) results: Vec<(usize, Event<'a>)>,
    /// What a select makes of one event.
    pub(super) made: Vec<Event<'a>>,
    pub(super) groups: Groups<'a>,
}

impl Parts<'_> {
    /// Forgets all values and keeps the memory for values that live elsewhere.
    pub(super) fn recycle<'b>(self) -> Parts<'b> {
        Parts {
            memory: self.memory.recycle(),
            pending: recycle(self.pending),
            results: recycle(self.results),
            made: recycle(self.made),
            groups: self.groups.recycle(),
        }
    }
}
