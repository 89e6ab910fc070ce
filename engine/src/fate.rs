//! What became of every event: one cell a pull, tickets that events hold on it, and the tally of a flow.

mod cell;
mod prefix;
mod ranges;
mod tally;
mod told;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_listener::Event as Notify;
use temblor_pdk::Lane;

pub(crate) use cell::Ticket;
pub(crate) use prefix::Prefix;
pub use tally::Counts;
pub(crate) use tally::Tally;
pub(crate) use told::Told;

use crate::parcel::NO_PULL;

/// A pull whose every event has its fate.
pub(crate) struct Settled {
    lane: Lane,
    pull: u64,
    /// How many the source handed over; the largest number where it is told one fate for all.
    events: u32,
    failed: Vec<(u32, u32)>,
}

impl Settled {
    /// The number of the pull.
    pub(crate) fn pull(&self) -> u64 {
        self.pull
    }
}

/// Where the fates of a source's pulls go.
pub(crate) struct SourceFates {
    /// The source's number in the ids of its events, and its name.
    number: u32,
    name: String,
    tally: Arc<Tally>,
    /// None for a source that does not want to learn fates.
    settled: Option<flume::Sender<Settled>>,
    open: AtomicUsize,
    /// Notified when no pull is open any more.
    closed: Notify,
}

impl SourceFates {
    /// Makes the place for the fates of a source, and the end at which a transactional one learns them.
    pub(crate) fn new(
        number: u32,
        name: &str,
        tally: Arc<Tally>,
        transactional: bool,
    ) -> (Arc<Self>, flume::Receiver<Settled>) {
        // Bounded by what is in flight, which queues and sinks bound.
        let (settled, receiver) = flume::unbounded();
        let fates = SourceFates {
            number,
            name: name.to_owned(),
            tally,
            settled: transactional.then_some(settled),
            open: AtomicUsize::new(0),
            closed: Notify::new(),
        };
        (Arc::new(fates), receiver)
    }

    /// Wakes a task that waits for fates, with one of no pull: where another has taken over from it, the next fate would
    /// wake it and not the other.
    pub(crate) fn wake_whoever_waits(&self) {
        if let Some(settled) = &self.settled {
            // A source that has ended does not listen any more.
            let _ = settled.send(Settled {
                lane: 0,
                pull: NO_PULL,
                events: 0,
                failed: Vec::new(),
            });
        }
    }

    /// Waits until no pull is open.
    pub(crate) async fn all_settled(&self) {
        while self.open.load(Ordering::Acquire) > 0 {
            let closed = self.closed.listen();
            // Looked at again, because it may have changed before the listener was there.
            if self.open.load(Ordering::Acquire) > 0 {
                closed.await;
            }
        }
    }
}
