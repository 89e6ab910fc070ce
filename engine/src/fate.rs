//! What became of every event: one cell a pull, tickets that events hold on it, and the tally of a flow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_listener::Event as Notify;
use temblor_pdk::{EventId, Fate, FateRange, Lane};

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
    /// Events that every path left out.
    pub filtered: u64,
    /// Events that came to a port that nothing is connected to.
    pub dead_ends: u64,
    /// Frames in which the codec found no event.
    pub empty: u64,
    /// Events whose fate is open.
    pub in_flight: u64,
}

impl Counts {
    /// Events that were dropped, for any reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.filtered + self.dead_ends + self.empty
    }
}

/// The running counts of a flow.
#[derive(Default)]
pub(crate) struct Tally {
    events_in: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    filtered: AtomicU64,
    dead_ends: AtomicU64,
    empty: AtomicU64,
}

impl Tally {
    pub(crate) fn counts(&self) -> Counts {
        // What came in is read last, so that an event that settles meanwhile cannot make the difference negative.
        let read = |cell: &AtomicU64| cell.load(Ordering::Acquire);
        let mut counts = Counts {
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            filtered: read(&self.filtered),
            dead_ends: read(&self.dead_ends),
            empty: read(&self.empty),
            ..Counts::default()
        };
        counts.events_in = read(&self.events_in);
        let settled = counts.delivered + counts.failed + counts.dropped();
        counts.in_flight = counts.events_in.saturating_sub(settled);
        counts
    }
}

/// A set of event numbers as ranges, both ends included; mostly filled from below.
#[derive(Default)]
struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    fn insert(&mut self, first: u32, last: u32) {
        match self.0.last_mut() {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => self.0.push((first, last)),
        }
    }

    /// Sorts, and joins what touches or overlaps.
    fn normalise(&mut self) {
        self.0.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(self.0.len());
        for &(first, last) in &self.0 {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        self.0 = joined;
    }

    fn count(&self) -> u64 {
        let sizes = self
            .0
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1);
        sizes.sum()
    }

    /// The numbers of this set that are in none of `others`; all of them normalised.
    fn without(&self, others: &[&Ranges]) -> u64 {
        let mut taken = Ranges::default();
        for other in others {
            taken.0.extend_from_slice(&other.0);
        }
        taken.normalise();
        let overlap = |&(first, last): &(u32, u32)| {
            let within = taken.0.iter().map(|&(from, to)| {
                let (from, to) = (from.max(first), to.min(last));
                u64::from(to.saturating_add(1).saturating_sub(from))
            });
            within.sum::<u64>()
        };
        self.count() - self.0.iter().map(overlap).sum::<u64>()
    }
}

/// What has been said of the events of a pull so far.
#[derive(Default)]
struct Marks {
    delivered: Ranges,
    failed: Ranges,
    dead_ends: Ranges,
    empty: Ranges,
    /// An event failed that began in this pull and ended in a later one, which counts it.
    spanning_failed: bool,
    /// A share ended without a word, so that what nothing was said of has failed.
    lost: bool,
}

/// A pull whose every event has its fate.
pub(crate) struct Settled {
    lane: Lane,
    pull: u64,
    events: u32,
    failed: Vec<(u32, u32)>,
}

/// Where the fates of a source's pulls go.
pub(crate) struct SourceFates {
    tally: Arc<Tally>,
    /// None for a source that does not want to learn fates.
    settled: Option<flume::Sender<Settled>>,
    open: AtomicUsize,
    /// Notified when no pull is open any more.
    closed: Notify,
    /// Whether the source is told whole pulls.
    whole_pulls: bool,
}

impl SourceFates {
    /// Makes the place for the fates of a source, and the end at which a transactional one learns them.
    pub(crate) fn new(
        tally: Arc<Tally>,
        transactional: bool,
        whole_pulls: bool,
    ) -> (Arc<Self>, flume::Receiver<Settled>) {
        // Bounded by what is in flight, which queues and sinks bound.
        let (settled, receiver) = flume::unbounded();
        let fates = SourceFates {
            tally,
            settled: transactional.then_some(settled),
            open: AtomicUsize::new(0),
            closed: Notify::new(),
            whole_pulls,
        };
        (Arc::new(fates), receiver)
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

/// The fate of one pull: how many tickets are out, and what was said.
struct Cell {
    source: Arc<SourceFates>,
    lane: Lane,
    pull: u64,
    events: u32,
    /// Whether the source is told.
    told: bool,
    tickets: AtomicUsize,
    marks: Mutex<Marks>,
}

/// A share in the fate of a pull. When the last one is gone, what was not marked was filtered.
///
/// A ticket that is dropped without [`Ticket::release`], as when a task is cancelled or panics, fails its pull: no
/// event is acked by accident.
pub(crate) struct Ticket {
    cell: Option<Arc<Cell>>,
}

impl Ticket {
    /// Opens the cell of a pull of `events` events.
    pub(crate) fn open(source: &Arc<SourceFates>, lane: Lane, pull: u64, events: u32) -> Self {
        Ticket::new(source, lane, pull, events, true)
    }

    /// Opens the cell of events that came of no pull, but of what a preprocessor kept to the end. The source is not
    /// told of them: they hold the tickets of the pulls that they began in.
    pub(crate) fn open_rest(source: &Arc<SourceFates>, lane: Lane, pull: u64, events: u32) -> Self {
        Ticket::new(source, lane, pull, events, false)
    }

    fn new(source: &Arc<SourceFates>, lane: Lane, pull: u64, events: u32, told: bool) -> Self {
        source.open.fetch_add(1, Ordering::AcqRel);
        source
            .tally
            .events_in
            .fetch_add(u64::from(events), Ordering::AcqRel);
        Ticket {
            cell: Some(Arc::new(Cell {
                source: Arc::clone(source),
                lane,
                pull,
                events,
                told,
                tickets: AtomicUsize::new(1),
                marks: Mutex::new(Marks::default()),
            })),
        }
    }

    fn mark(&self, id: &EventId, set: impl FnOnce(&mut Marks) -> &mut Ranges) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if id.pull == cell.pull && id.lane == cell.lane {
            set(&mut marks).insert(id.event, id.event);
        }
    }

    /// The events are delivered.
    pub(crate) fn delivered<'a>(&self, ids: impl Iterator<Item = &'a EventId>) {
        self.mark_all(ids, |marks| &mut marks.delivered);
    }

    /// The events came to a port that nothing is connected to.
    pub(crate) fn dead_end<'a>(&self, ids: impl Iterator<Item = &'a EventId>) {
        self.mark_all(ids, |marks| &mut marks.dead_ends);
    }

    fn mark_all<'a>(
        &self,
        ids: impl Iterator<Item = &'a EventId>,
        set: impl FnOnce(&mut Marks) -> &mut Ranges,
    ) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let set = set(&mut marks);
        for id in ids.filter(|id| id.pull == cell.pull && id.lane == cell.lane) {
            set.insert(id.event, id.event);
        }
    }

    /// The codec found no event in the frame.
    pub(crate) fn empty(&self, id: &EventId) {
        self.mark(id, |marks| &mut marks.empty);
    }

    /// The event failed. One of another pull, which holds this ticket too, fails this pull as a whole.
    pub(crate) fn failed(&self, id: &EventId) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if id.pull == cell.pull && id.lane == cell.lane {
            marks.failed.insert(id.event, id.event);
        } else {
            marks.spanning_failed = true;
        }
    }

    /// An event failed that began in this pull, and that a later one counts.
    pub(crate) fn failed_later(&self) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.spanning_failed = true;
    }

    /// Ends the share: everything that can be said through it has been said.
    pub(crate) fn release(mut self) {
        if let Some(cell) = self.cell.take() {
            cell.give_back();
        }
    }
}

impl Clone for Ticket {
    fn clone(&self) -> Self {
        if let Some(cell) = &self.cell {
            cell.tickets.fetch_add(1, Ordering::Relaxed);
        }
        Ticket {
            cell: self.cell.clone(),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            cell.marks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .lost = true;
            cell.give_back();
        }
    }
}

impl Cell {
    fn give_back(&self) {
        if self.tickets.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settle();
        }
    }

    fn settle(&self) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Marks {
            delivered,
            failed,
            dead_ends,
            empty,
            spanning_failed,
            lost,
        } = &mut *marks;
        if *lost {
            self.fail_the_rest(delivered, failed, dead_ends, empty);
        }
        for ranges in [&mut *delivered, &mut *failed, &mut *dead_ends, &mut *empty] {
            ranges.normalise();
        }
        let events = u64::from(self.events);
        let failures = failed.count();
        let deliveries = delivered.without(&[failed]);
        let ends = dead_ends.without(&[failed, delivered]);
        let nothing = empty.without(&[failed, delivered, dead_ends]);
        let filtered = events.saturating_sub(failures + deliveries + ends + nothing);
        let tally = &self.source.tally;
        let counts = [
            (&tally.failed, failures),
            (&tally.delivered, deliveries),
            (&tally.dead_ends, ends),
            (&tally.empty, nothing),
            (&tally.filtered, filtered),
        ];
        for (cell, count) in counts {
            cell.fetch_add(count, Ordering::AcqRel);
        }
        let pull_failed = *lost || *spanning_failed;
        if self.told {
            self.tell_source(failed, pull_failed);
        }
        if self.source.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.source.closed.notify(usize::MAX);
        }
    }

    /// Makes everything that nothing was said of fail.
    fn fail_the_rest(
        &self,
        delivered: &Ranges,
        failed: &mut Ranges,
        dead_ends: &Ranges,
        empty: &Ranges,
    ) {
        let said = [&delivered.0, &failed.0, &dead_ends.0, &empty.0];
        let said: Vec<_> = said.into_iter().flatten().copied().collect();
        for event in 0..self.events {
            if !said.iter().any(|&(from, to)| from <= event && event <= to) {
                failed.insert(event, event);
            }
        }
    }

    fn tell_source(&self, failed: &Ranges, pull_failed: bool) {
        let Some(sender) = &self.source.settled else {
            return;
        };
        let all = self.source.whole_pulls || self.events == 0;
        let failed = match (all, pull_failed || !failed.0.is_empty()) {
            (true, true) => vec![(0, u32::MAX)],
            (true, false) => Vec::new(),
            (false, _) => failed.0.clone(),
        };
        // A source that has ended does not listen any more.
        let _ = sender.send(Settled {
            lane: self.lane,
            pull: self.pull,
            events: if all { u32::MAX } else { self.events },
            failed,
        });
    }
}

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

#[cfg(test)]
mod tests;
