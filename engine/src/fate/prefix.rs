//! From pulls that settle in any order to ranges that a source can be told.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use temblor_pdk::{Fate, FateRange, Lane};

use super::Settled;

/// Turns pulls that settle in any order into ranges in order, lane by lane, without gaps.
#[derive(Default)]
pub(crate) struct Prefix {
    /// Only lanes that something is open of: they come and go with connections.
    lanes: BTreeMap<Lane, LanePrefix>,
    /// Lanes of which a pull has been settled since they were looked at.
    changed: Vec<Lane>,
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
        let lane = settled.lane;
        let open = self.lanes.get_mut(&lane);
        // A pull that is not open has been told: nothing is told twice.
        let Some(place) = open.and_then(|open| open.open.get_mut(&settled.pull)) else {
            return;
        };
        *place = Some(settled);
        if self.changed.last() != Some(&lane) {
            self.changed.push(lane);
        }
    }

    /// The pulls that can be told now: of each lane, all before the first open one.
    pub(crate) fn take(&mut self) -> Vec<FateRange> {
        let mut ranges = Vec::new();
        self.changed.sort_unstable();
        self.changed.dedup();
        for lane in self.changed.drain(..) {
            let Entry::Occupied(mut lane) = self.lanes.entry(lane) else {
                continue;
            };
            let open = &mut lane.get_mut().open;
            while let Some(entry) = open.first_entry() {
                if entry.get().is_none() {
                    break;
                }
                if let Some(settled) = entry.remove() {
                    push_ranges(&mut ranges, &settled);
                }
            }
            if open.is_empty() {
                lane.remove();
            }
        }
        ranges
    }

    /// Whether something of a lane was not told yet.
    pub(crate) fn has(&self, lane: Lane) -> bool {
        self.lanes.contains_key(&lane)
    }

    /// The first pull of a lane that was not told yet.
    pub(crate) fn first_open(&self, lane: Lane) -> Option<u64> {
        let open = &self.lanes.get(&lane)?.open;
        open.first_key_value().map(|(pull, _)| *pull)
    }

    /// What was pulled of a lane is not told any more, whatever becomes of it.
    pub(crate) fn forget(&mut self, lane: Lane) {
        self.lanes.remove(&lane);
    }

    /// How many lanes are kept.
    #[cfg(test)]
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
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
