//! What became of the events of a flow, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of the events of a flow so far.
///
/// Always: `events_in = delivered + failed + dropped + in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that came in.
    pub events_in: u64,
    /// Events that every sink they reached has taken.
    pub delivered: u64,
    /// Events that failed on one of their ways.
    pub failed: u64,
    /// Events of which a record was delivered in their place, for they were refused.
    pub dead_lettered: u64,
    /// Events that were refused, and dropped as their connector says.
    pub refused: u64,
    /// Events that every path left out.
    pub filtered: u64,
    /// Events that came to a port that nothing is connected to.
    pub dead_ends: u64,
    /// Frames in which the codec found no event.
    pub empty: u64,
    /// Events that went into windows or operators, of which nothing came out for themselves.
    pub absorbed: u64,
    /// Events whose fate is open.
    pub in_flight: u64,
}

impl Counts {
    /// Events that were dropped, for any reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dead_lettered
            + self.refused
            + self.filtered
            + self.dead_ends
            + self.empty
            + self.absorbed
    }
}

/// The running counts of a flow.
#[derive(Default)]
pub(crate) struct Tally {
    pub(super) events_in: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) dead_lettered: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) filtered: AtomicU64,
    pub(super) dead_ends: AtomicU64,
    pub(super) empty: AtomicU64,
    pub(super) absorbed: AtomicU64,
}

impl Tally {
    pub(crate) fn counts(&self) -> Counts {
        // What came in is read last, so that an event that settles meanwhile cannot make the difference negative.
        let read = |cell: &AtomicU64| cell.load(Ordering::Acquire);
        let mut counts = Counts {
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            dead_lettered: read(&self.dead_lettered),
            refused: read(&self.refused),
            filtered: read(&self.filtered),
            dead_ends: read(&self.dead_ends),
            empty: read(&self.empty),
            absorbed: read(&self.absorbed),
            ..Counts::default()
        };
        counts.events_in = read(&self.events_in);
        let settled = counts.delivered + counts.failed + counts.dropped();
        counts.in_flight = counts.events_in.saturating_sub(settled);
        counts
    }
}
