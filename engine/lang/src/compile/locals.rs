//! Local variables and their slots.

use std::collections::HashMap;

/// The local variables of a script or function, or the names that patterns bind in the clauses of a select.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    /// The names of all slots.
    names: Vec<Box<str>>,
    slots: HashMap<Box<str>, usize>,
    /// The names that are bound around the place being compiled, innermost last, with their slots.
    bound: Vec<(Box<str>, usize)>,
    /// The slots for bound names, by how many names are bound around them: what is bound side by side shares them.
    bound_slots: Vec<usize>,
}

impl Locals {
    /// The slot of a variable. A name that is not known yet gets one: nobody can say where it is set.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        if let Some(slot) = self.bound_slot(name) {
            return slot;
        }
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = self.add(name);
        self.slots.insert(name.into(), slot);
        slot
    }

    /// The slot of a name that a pattern or a `for` binds, if there is one around this place.
    pub(super) fn bound_slot(&self, name: &str) -> Option<usize> {
        let mut bound = self.bound.iter().rev();
        bound
            .find(|(known, _)| **known == *name)
            .map(|(_, slot)| *slot)
    }

    /// Binds a name until [`Locals::unbind`] is called.
    pub(super) fn bind(&mut self, name: &str) -> usize {
        let depth = self.bound.len();
        let slot = match self.bound_slots.get(depth) {
            Some(slot) => *slot,
            None => {
                let slot = self.add(name);
                self.bound_slots.push(slot);
                slot
            }
        };
        self.bound.push((name.into(), slot));
        slot
    }

    /// Forgets the names that were bound last.
    pub(super) fn unbind(&mut self, count: usize) {
        self.bound.truncate(self.bound.len().saturating_sub(count));
    }

    fn add(&mut self, name: &str) -> usize {
        self.names.push(name.into());
        self.names.len() - 1
    }

    /// The names of all slots.
    pub(crate) fn into_names(self) -> Box<[Box<str>]> {
        self.names.into()
    }
}
