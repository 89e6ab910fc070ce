//! Tickets of what came into a pipeline and is still kept by its windows and operators.

use std::collections::VecDeque;

use temblor_lang::Progress;

use crate::parcel::Tickets;

/// So many batches are kept from being acked because of what windows hold. A group to which nothing comes any more could
/// keep its window open for ever.
const MAX_OF_WINDOWS: usize = 16 * 1024;

/// What windows and operators keep, oldest first: the tickets of a parcel, and how much each of them had been given then.
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

    /// Gives back the tickets of all that nothing is kept of any more. What windows have kept for too long is given
    /// back too.
    pub(crate) fn settle(&mut self, progress: &[Progress]) {
        while let Some((_, given)) = self.0.front() {
            let is_late = self.0.len() > MAX_OF_WINDOWS;
            let mut nodes = progress.iter().zip(given);
            let is_done = nodes.all(|(node, given)| {
                (node.is_windows && is_late) || node.given - node.held.min(node.given) >= *given
            });
            if !is_done {
                return;
            }
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

impl Drop for Kept {
    fn drop(&mut self) {
        // What is still kept when a flow is stopped has failed, and nothing else of those pulls.
        for (tickets, _) in self.0.drain(..) {
            tickets.all_failed();
            tickets.release();
        }
    }
}
