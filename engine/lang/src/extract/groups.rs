//! Working memory of the extractors that search with regular expressions.

use regex_automata::util::primitives::NonMaxUsize;

use super::grok::Threads;

/// Where the groups of a match begin and end, kept from search to search.
#[derive(Default)]
pub(crate) struct Groups {
    pub(super) slots: Vec<Option<NonMaxUsize>>,
    pub(super) threads: Threads,
}

impl Groups {
    /// Empty slots for `groups` groups.
    pub(super) fn slots(&mut self, groups: usize) -> &mut [Option<NonMaxUsize>] {
        self.slots.clear();
        self.slots.resize(groups * 2, None);
        &mut self.slots
    }
}

/// The text of a group; none if it took no part.
pub(super) fn group<'a>(
    input: &'a str,
    slots: &[Option<NonMaxUsize>],
    at: usize,
) -> Option<&'a str> {
    let start = slots.get(at * 2).copied().flatten()?;
    let end = slots.get(at * 2 + 1).copied().flatten()?;
    input.get(start.get()..end.get())
}
