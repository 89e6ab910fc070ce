//! From pulls that settle in any order to ranges that a source can be told.

use std::collections::BTreeMap;

use temblor_pdk::{Fate, FateRange, Lane};

use super::Settled;

/// Turns pulls that settle in any order into ranges in order, lane by lane, without gaps.
#[derive(Default)]
pub(crate) struct Prefix {
    lanes: BTreeMap<Lane, LanePrefix>,
}

#[derive(Default)]
struct LanePrefix {
    /// Pulls that were opened and not told yet, in order; settled ones carry what became of them.
    open: BTreeMap<u64, Option<Settled>>,
}

impl Prefix {
    /// Notes a pull before anything can settle it.
    pub(crate) fn opened(&mut self, lane: Lane, pull: u64) {
        self.lanes.entry(lane).or_default().open.insert(pull, None);
    }

    /// Notes what became of a pull.
    pub(crate) fn settled(&mut self, settled: Settled) {
        let lane = self.lanes.entry(settled.lane).or_default();
        lane.open.insert(settled.pull, Some(settled));
    }

    /// The pulls that can be told now: of each lane, all before the first open one.
    pub(crate) fn take(&mut self) -> Vec<FateRange> {
        let mut ranges = Vec::new();
        for lane in self.lanes.values_mut() {
            while let Some(entry) = lane.open.first_entry() {
                if entry.get().is_none() {
                    break;
                }
                if let Some(settled) = entry.remove() {
                    push_ranges(&mut ranges, &settled);
                }
            }
        }
        ranges
    }
}

fn push_ranges(ranges: &mut Vec<FateRange>, settled: &Settled) {
    let last = settled
        .events
        .saturating_sub(1)
        .max(if settled.events == u32::MAX {
            u32::MAX
        } else {
            0
        });
    let mut next = 0;
    for &(first, end) in &settled.failed {
        if first > next {
            push(ranges, settled, Fate::Acked, next, first - 1);
        }
        push(ranges, settled, Fate::Failed, first, end);
        next = end.saturating_add(1);
        if end == u32::MAX {
            return;
        }
    }
    if next <= last {
        push(ranges, settled, Fate::Acked, next, last);
    }
}

/// Adds a range, or makes the last one longer.
fn push(ranges: &mut Vec<FateRange>, settled: &Settled, fate: Fate, first: u32, last: u32) {
    if let Some(range) = ranges.last_mut() {
        let joins = range.lane == settled.lane && range.fate == fate;
        if joins && (range.last_pull < settled.pull || range.last_event.wrapping_add(1) == first) {
            (range.last_pull, range.last_event) = (settled.pull, last);
            return;
        }
    }
    ranges.push(FateRange {
        lane: settled.lane,
        fate,
        first_pull: settled.pull,
        last_pull: settled.pull,
        first_event: first,
        last_event: last,
    });
}
