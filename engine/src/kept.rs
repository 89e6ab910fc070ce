//! Tickets of what came into a pipeline and is still kept by its operators.

use std::collections::VecDeque;

use temblor_lang::Progress;

use crate::parcel::Tickets;

/// What operators keep, oldest first: the tickets of a parcel, and how many events each operator had been given then.
#[derive(Default)]
pub(crate) struct Kept(VecDeque<(Tickets, Box<[u64]>)>);

impl Kept {
    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tickets of everything that may be kept.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = &Tickets> {
        self.0.iter().map(|(tickets, _)| tickets)
    }

    /// Takes the tickets of a parcel that was run through the pipeline, and gives back all that nothing is kept of
    /// any more.
    pub(crate) fn add(&mut self, tickets: Tickets, progress: impl Iterator<Item = Progress>) {
        let progress: Vec<Progress> = progress.collect();
        let given = progress.iter().map(|operator| operator.given).collect();
        self.0.push_back((tickets, given));
        self.settle(&progress);
    }

    /// Gives back the tickets of all that nothing is kept of any more.
    pub(crate) fn settle(&mut self, progress: &[Progress]) {
        let is_done = |given: &[u64]| {
            let mut operators = progress.iter().zip(given);
            operators.all(|(operator, given)| {
                operator.given - operator.held.min(operator.given) >= *given
            })
        };
        while self.0.front().is_some_and(|(_, given)| is_done(given)) {
            if let Some((tickets, _)) = self.0.pop_front() {
                tickets.release();
            }
        }
    }

    /// Gives back all tickets.
    pub(crate) fn release(&mut self) {
        self.0.drain(..).for_each(|(tickets, _)| tickets.release());
    }
}
