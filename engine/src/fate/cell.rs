//! The fate of one pull, and the tickets that events hold on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temblor_pdk::{EventId, Lane};

use super::ranges::{Ranges, claims};
use super::told::{Told, messages_of};
use super::{Settled, SourceFates};
use crate::streams::OpenStream;

/// What has been said of the events of a pull so far.
#[derive(Default)]
struct Marks {
    delivered: Ranges,
    failed: Ranges,
    dead_lettered: Ranges,
    refused: Ranges,
    dead_ends: Ranges,
    empty: Ranges,
    absorbed: Ranges,
    /// An event failed that began in this pull and ended in a later one, which counts it.
    spanning_failed: bool,
    /// What operators kept of this pull failed: what they took, and of which nothing else is known, has failed.
    kept_failed: bool,
    /// A share ended without a word: what was said of an event elsewhere may not be all, so that all have failed.
    lost: bool,
    /// The stream of the pull, which is open as long as the cell.
    stream: Option<Arc<OpenStream>>,
}

impl Marks {
    fn all(&mut self) -> [&mut Ranges; 7] {
        [
            &mut self.delivered,
            &mut self.failed,
            &mut self.dead_lettered,
            &mut self.refused,
            &mut self.dead_ends,
            &mut self.empty,
            &mut self.absorbed,
        ]
    }

    /// Makes all events fail if a share was lost, and else those that were kept and failed.
    fn fail_the_rest(&mut self, events: u32) {
        if self.lost {
            let all = events.checked_sub(1).map(|last| (0, last));
            self.failed.0 = all.into_iter().collect();
            return;
        }
        let said = [
            &self.delivered,
            &self.failed,
            &self.refused,
            &self.dead_ends,
            &self.empty,
        ];
        let failed = Ranges::rest(events, &said).common(&self.absorbed);
        self.failed.0.extend(failed.0);
        self.failed.normalise();
    }
}

/// The fate of one pull: how many tickets are out, and what was said.
struct Cell {
    source: Arc<SourceFates>,
    lane: Lane,
    pull: u64,
    events: u32,
    /// What the source is told.
    told: Told,
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
    pub(crate) fn open(
        source: &Arc<SourceFates>,
        lane: Lane,
        pull: u64,
        events: u32,
        told: Told,
    ) -> Self {
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

    /// Opens the cell of events that came of no pull, but of what a preprocessor kept to the end. The source is not
    /// told of them: they hold the tickets of the pulls that they began in.
    pub(crate) fn open_rest(source: &Arc<SourceFates>, lane: Lane, pull: u64, events: u32) -> Self {
        Ticket::open(source, lane, pull, events, Told::Nothing)
    }

    /// Keeps the stream of the pull open until every event has its fate.
    pub(crate) fn keep(&self, stream: &Arc<OpenStream>) {
        let Some(cell) = &self.cell else { return };
        cell.lock().stream = Some(Arc::clone(stream));
    }

    /// The name of the pull's source, if it has this number. Events that came of no pull are no source's.
    pub(crate) fn source(&self, number: u32) -> Option<&str> {
        let source = &self.cell.as_ref()?.source;
        (source.number == number && !source.name.is_empty()).then_some(&*source.name)
    }

    /// Whether the event is of the pull that this is a share in.
    pub(crate) fn is_of(&self, id: &EventId) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.is_of(id))
    }

    fn mark(&self, id: &EventId, set: impl FnOnce(&mut Marks) -> &mut Ranges) {
        let Some(cell) = &self.cell else { return };
        if cell.counts(id) {
            set(&mut cell.lock()).insert(id.event, id.event);
        }
    }

    /// The events are delivered.
    pub(crate) fn delivered<'a>(&self, ids: impl Iterator<Item = &'a EventId>) {
        self.mark_all(ids, |marks| &mut marks.delivered);
    }

    /// So many events from this one on are delivered, one behind the other.
    pub(crate) fn delivered_run(&self, first: &EventId, count: u32) {
        let Some(cell) = &self.cell else { return };
        let end = first.event.saturating_add(count).min(cell.events);
        if cell.counts(first) && first.event < end {
            cell.lock().delivered.insert(first.event, end - 1);
        }
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
        let (own, events) = ((cell.source.number, cell.lane, cell.pull), cell.events);
        let mut own = ids.filter_map(|id| {
            let is_own = (id.source, id.lane, id.pull) == own && id.event < events;
            is_own.then_some(id.event)
        });
        let Some(first) = own.next() else { return };
        let mut marks = cell.lock();
        let set = set(&mut marks);
        // Events of a pull mostly stand in order, so that they are one range, and are put there as one.
        let mut run = (first, first);
        for event in own {
            match event == run.1 + 1 {
                true => run.1 = event,
                false => {
                    set.insert(run.0, run.1);
                    run = (event, event);
                }
            }
        }
        set.insert(run.0, run.1);
    }

    /// A record takes the place of the event: where it is delivered, the event counts as dead-lettered.
    pub(crate) fn dead_lettered(&self, id: &EventId) {
        self.mark(id, |marks| &mut marks.dead_lettered);
    }

    /// A sink or codec refused the event, and it is dropped.
    pub(crate) fn refused(&self, id: &EventId) {
        self.mark(id, |marks| &mut marks.refused);
    }

    /// The codec found no event in the frame.
    pub(crate) fn empty(&self, id: &EventId) {
        self.mark(id, |marks| &mut marks.empty);
    }

    /// The event failed. One of another pull, which holds this ticket too, fails this pull as a whole.
    pub(crate) fn failed(&self, id: &EventId) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.lock();
        match cell.counts(id) {
            true => marks.failed.insert(id.event, id.event),
            false => marks.spanning_failed = true,
        }
    }

    /// An event failed that began in this pull, and that a later one counts.
    pub(crate) fn failed_later(&self) {
        let Some(cell) = &self.cell else { return };
        cell.lock().spanning_failed = true;
    }

    /// An event failed that may stand for any that operators kept of this pull.
    pub(crate) fn kept_failed(&self) {
        let Some(cell) = &self.cell else { return };
        let mut marks = cell.lock();
        (marks.spanning_failed, marks.kept_failed) = (true, true);
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
            cell.lock().lost = true;
            cell.give_back();
        }
    }
}

impl Cell {
    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the event is one of the pull's. Ids may come from anywhere: an operator can make up its own.
    fn counts(&self, id: &EventId) -> bool {
        self.is_of(id) && id.event < self.events
    }

    fn is_of(&self, id: &EventId) -> bool {
        (id.source, id.lane, id.pull) == (self.source.number, self.lane, self.pull)
    }

    fn give_back(&self) {
        if self.tickets.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settle();
        }
    }

    fn settle(&self) {
        let mut marks = self.lock();
        marks.all().into_iter().for_each(Ranges::normalise);
        if marks.lost || marks.kept_failed {
            marks.fail_the_rest(self.events);
        }
        self.count(&marks);
        self.tell_source(&marks);
        drop(marks);
        if self.source.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.source.closed.notify(usize::MAX);
        }
    }

    /// Adds to the tally: each event once, by the first of these that was said of it.
    fn count(&self, marks: &Marks) {
        let letters = marks.dead_lettered.common(&marks.delivered);
        let [
            failed,
            dead_lettered,
            refused,
            delivered,
            dead_ends,
            empty,
            absorbed,
        ] = claims([
            &marks.failed,
            &letters,
            &marks.refused,
            &marks.delivered,
            &marks.dead_ends,
            &marks.empty,
            &marks.absorbed,
        ]);
        let said = failed + dead_lettered + refused + delivered + dead_ends + empty + absorbed;
        let tally = &self.source.tally;
        let counts = [
            (&tally.failed, failed),
            (&tally.dead_lettered, dead_lettered),
            (&tally.refused, refused),
            (&tally.delivered, delivered),
            (&tally.dead_ends, dead_ends),
            (&tally.empty, empty),
            (&tally.absorbed, absorbed),
            (&tally.filtered, u64::from(self.events).saturating_sub(said)),
        ];
        for (cell, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            cell.fetch_add(count, Ordering::AcqRel);
        }
    }

    fn tell_source(&self, marks: &Marks) {
        let Some(sender) = &self.source.settled else {
            return;
        };
        let failed = match marks.spanning_failed {
            // Events that stand for several cannot be told apart.
            true => Ranges(vec![(0, self.events.saturating_sub(1))]),
            false => Ranges(marks.failed.0.clone()),
        };
        let (events, failed) = match &self.told {
            Told::Nothing => return,
            Told::Events if self.events > 0 => (self.events, failed.0),
            Told::Messages(ends) => (ends.len() as u32, messages_of(&failed, ends).0),
            // All of the pull has one fate.
            Told::Events | Told::Pull => {
                let is_failed = marks.lost || !failed.0.is_empty();
                let all = is_failed.then_some((0, u32::MAX));
                (u32::MAX, all.into_iter().collect())
            }
        };
        // A source that has ended does not listen any more.
        let _ = sender.send(Settled {
            lane: self.lane,
            pull: self.pull,
            events,
            failed,
        });
    }
}
