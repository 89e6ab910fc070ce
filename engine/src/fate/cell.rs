//! The fate of one pull, and the tickets that events hold on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use temblor_pdk::{EventId, Lane};

use super::ranges::Ranges;
use super::{Settled, SourceFates};
use crate::streams::OpenStream;

/// What has been said of the events of a pull so far.
#[derive(Default)]
struct Marks {
    delivered: Ranges,
    failed: Ranges,
    dead_ends: Ranges,
    empty: Ranges,
    absorbed: Ranges,
    /// An event failed that began in this pull and ended in a later one, which counts it.
    spanning_failed: bool,
    /// A share ended without a word, so that what nothing was said of has failed.
    lost: bool,
    /// The stream of the pull, which is open as long as the cell.
    stream: Option<Arc<OpenStream>>,
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

    /// Keeps the stream of the pull open until every event has its fate.
    pub(crate) fn keep(&self, stream: &Arc<OpenStream>) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.stream = Some(Arc::clone(stream));
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

    /// The events went into windows or operators, and nothing came out for themselves.
    pub(crate) fn absorbed<'a>(&self, ids: impl Iterator<Item = &'a EventId>) {
        self.mark_all(ids, |marks| &mut marks.absorbed);
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
            absorbed,
            spanning_failed,
            lost,
            stream: _,
        } = &mut *marks;
        if *lost {
            self.fail_the_rest(&[delivered, dead_ends, empty], failed);
        }
        for ranges in [
            &mut *delivered,
            &mut *failed,
            &mut *dead_ends,
            &mut *empty,
            &mut *absorbed,
        ] {
            ranges.normalise();
        }
        let events = u64::from(self.events);
        let failures = failed.count();
        let deliveries = delivered.without(&[failed]);
        let ends = dead_ends.without(&[failed, delivered]);
        let nothing = empty.without(&[failed, delivered, dead_ends]);
        let kept = absorbed.without(&[failed, delivered, dead_ends, empty]);
        let filtered = events.saturating_sub(failures + deliveries + ends + nothing + kept);
        let tally = &self.source.tally;
        let counts = [
            (&tally.failed, failures),
            (&tally.delivered, deliveries),
            (&tally.dead_ends, ends),
            (&tally.empty, nothing),
            (&tally.absorbed, kept),
            (&tally.filtered, filtered),
        ];
        for (cell, count) in counts {
            cell.fetch_add(count, Ordering::AcqRel);
        }
        if self.told {
            self.tell_source(failed, *lost, *spanning_failed);
        }
        if self.source.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.source.closed.notify(usize::MAX);
        }
    }

    /// Makes everything fail that nothing was said of, and what was absorbed and may still have been kept.
    fn fail_the_rest(&self, said: &[&mut Ranges; 3], failed: &mut Ranges) {
        let said = said.iter().map(|ranges| &ranges.0).chain([&failed.0]);
        let said: Vec<_> = said.flatten().copied().collect();
        for event in 0..self.events {
            if !said.iter().any(|&(from, to)| from <= event && event <= to) {
                failed.insert(event, event);
            }
        }
    }

    fn tell_source(&self, failed: &Ranges, lost: bool, spanning_failed: bool) {
        let Some(sender) = &self.source.settled else {
            return;
        };
        let all = self.source.whole_pulls || self.events == 0;
        let failed = match (all, lost || spanning_failed || !failed.0.is_empty()) {
            (true, true) => vec![(0, u32::MAX)],
            (true, false) => Vec::new(),
            // Events that stand for several cannot be told apart.
            (false, true) if spanning_failed => vec![(0, self.events - 1)],
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
