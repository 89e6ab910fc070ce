//! How many events came within a time range: a window that slides on in slices.

use std::collections::VecDeque;

/// Lets a number of events through per time range.
///
/// Only slices with events in them are kept, so the memory is bounded by the rate as well as by the number of slices.
pub(super) struct Slices {
    rate: u64,
    /// The number of slices.
    count: u64,
    slice_ns: u64,
    /// The time of the first event.
    start_ns: u64,
    /// The number of the newest slice, counted from that time.
    newest: u64,
    /// The number of each slice with events, and how many.
    taken: VecDeque<(u64, u64)>,
    total: u64,
}

impl Slices {
    /// Makes a window that begins now, in which nothing has come yet.
    pub(super) fn new(rate: u64, range_ns: u64, count: u64, now_ns: u64) -> Self {
        // Where a slice would be shorter than a nanosecond, there are fewer.
        let count = count.clamp(1, range_ns.max(1));
        Slices {
            rate,
            count,
            slice_ns: (range_ns / count).max(1),
            start_ns: now_ns,
            newest: 0,
            taken: VecDeque::new(),
            total: 0,
        }
    }

    /// Whether an event that comes now is within the rate; then it is counted. Time that goes back stands still.
    pub(super) fn takes(&mut self, now_ns: u64) -> bool {
        let slice = now_ns.saturating_sub(self.start_ns) / self.slice_ns;
        self.newest = self.newest.max(slice);
        while let Some((old, events)) = self.taken.front() {
            if self.newest - old < self.count {
                break;
            }
            self.total -= events;
            self.taken.pop_front();
        }
        if self.total >= self.rate {
            return false;
        }
        self.total += 1;
        match self.taken.back_mut() {
            Some((slice, events)) if *slice == self.newest => *events += 1,
            _ => self.taken.push_back((self.newest, 1)),
        }
        true
    }
}
