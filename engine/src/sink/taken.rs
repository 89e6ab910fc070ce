//! What a sink has taken and not settled, and what it refused.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::{Event as Notify, EventListener};
use temblor_pdk::abi::FateSink;
use temblor_pdk::{Backoff, Batch, Error, ErrorKind};

use crate::letter::Stage;
use crate::limits::{UNSETTLED_BYTES, UNSETTLED_WRITES};
use crate::measure::Measures;
use crate::parcel::{Parcel, Tickets};

/// Events that are to be written.
pub(super) struct Pending {
    pub(super) parcel: Parcel,
    /// Whether they are bytes already: what the postprocessors kept to the end.
    pub(super) is_encoded: bool,
    /// The waits of events that were refused before; few are, so that all others are moved faster.
    pub(super) backoff: Option<Box<Backoff>>,
    /// How many frames the events became, where frames and events do not belong to each other one by one.
    pub(super) frames: Option<usize>,
}

impl Pending {
    /// What is no source's event, and is encoded already.
    pub(super) fn of_nobody(batch: Batch) -> Self {
        Pending {
            parcel: Parcel {
                tickets: Tickets::of_nobody(batch.len() as u32),
                batch,
            },
            is_encoded: true,
            backoff: None,
            frames: None,
        }
    }
}

/// Events of a parcel that were refused, by their places, each with the reason.
pub(super) struct Refused {
    pub(super) parcel: Parcel,
    pub(super) failures: Vec<(usize, Error)>,
    pub(super) stage: Stage,
    pub(super) backoff: Option<Box<Backoff>>,
}

/// Parcels that the sink has taken and whose fate is open, by the number of their write.
pub(super) struct Taken {
    state: Mutex<State>,
    /// Writes that are not open any more and whose tickets are not yet given back.
    settling: AtomicUsize,
    /// Notified when there is something new to see here.
    changed: Notify,
    /// Whether events that are refused just fail, so that nobody has to look at them.
    is_plain: bool,
    measures: Arc<Measures>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<u64, Open>,
    bytes: usize,
    refused: VecDeque<Refused>,
    /// Writes whose last handle is gone.
    let_go: Vec<u64>,
    /// The sink said through a fate that it cannot go on.
    trouble: Option<Error>,
}

struct Open {
    pending: Pending,
    /// Events that were told, so that each is told once; of a write as a whole, its frames.
    told: Vec<bool>,
    left: usize,
    bytes: usize,
}

/// What the sink's task has to look after.
pub(super) enum Notice {
    Refused(Refused),
    /// So many events of a write were let go of.
    LetGo(u64, usize),
    Trouble(Error),
}

/// One write of a sink that tells fates later. When all handles on it are gone, nobody can tell any more.
pub(super) struct Write {
    pub(super) taken: Arc<Taken>,
    pub(super) write: u64,
}

impl FateSink for Write {
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>) {
        let secrets = &self.taken.measures.secrets;
        let error = error.map(|error| secrets.masked(error));
        self.taken.settle_range(write, range, error.as_ref());
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        // The sink may be about to say that it has lost its connection: then they are written again.
        let mut state = self.taken.lock();
        if state.open.contains_key(&self.write) {
            state.let_go.push(self.write);
            drop(state);
            self.taken.changed.notify(usize::MAX);
        }
    }
}

impl Taken {
    pub(super) fn new(is_plain: bool, measures: &Arc<Measures>) -> Self {
        Taken {
            state: Mutex::default(),
            settling: AtomicUsize::new(0),
            changed: Notify::new(),
            is_plain,
            measures: Arc::clone(measures),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    pub(super) fn insert(&self, write: u64, pending: Pending) {
        let bytes = pending.parcel.batch.pinned_bytes();
        self.measures.taken(pending.parcel.batch.len());
        let open = Open {
            told: Vec::new(),
            left: pending.frames.unwrap_or(pending.parcel.batch.len()),
            bytes,
            pending,
        };
        let mut state = self.lock();
        state.bytes += bytes;
        state.open.insert(write, open);
    }

    /// Whether the sink has to settle something before it may take more.
    pub(super) fn is_full(&self) -> bool {
        let state = self.lock();
        state.open.len() >= UNSETTLED_WRITES || state.bytes >= UNSETTLED_BYTES
    }

    /// Whether all that was taken is settled, and all tickets given back.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.open.is_empty()
            && state.refused.is_empty()
            && self.settling.load(Ordering::Acquire) == 0
    }

    /// The next thing to look after. Trouble comes before what was let go of, which it may be the reason for.
    pub(super) fn notice(&self) -> Option<Notice> {
        let mut state = self.lock();
        if let Some(error) = state.trouble.take() {
            return Some(Notice::Trouble(error));
        }
        if let Some(refused) = state.refused.pop_front() {
            return Some(Notice::Refused(refused));
        }
        let write = state.let_go.pop()?;
        let left = state.open.get(&write).map_or(0, |open| open.left);
        Some(Notice::LetGo(write, left))
    }

    /// Adds what was refused before it was written.
    pub(super) fn refuse(&self, refused: Refused) {
        self.lock().refused.push_back(refused);
    }

    /// The whole of a write has one fate.
    pub(super) fn settle_all(&self, write: u64, error: Option<&Error>) {
        self.settle_range(write, 0..usize::MAX, error);
    }

    fn settle_range(&self, write: u64, range: Range<usize>, error: Option<&Error>) {
        let mut state = self.lock();
        let Some(open) = state.open.get_mut(&write) else {
            return;
        };
        if let Some(error) = error.filter(|error| error.kind() == ErrorKind::Disconnected) {
            // They are written again once the sink is back.
            state.trouble.get_or_insert_with(|| error.clone());
            drop(state);
            self.changed.notify(usize::MAX);
            return;
        }
        let refused = open.settle(range, error, self.is_plain, &self.measures);
        let is_done = open.left == 0;
        let has_news = refused.is_some();
        state.refused.extend(refused);
        if is_done && let Some(open) = state.open.remove(&write) {
            state.bytes -= open.bytes;
            self.settling.fetch_add(1, Ordering::AcqRel);
            drop(state);
            open.pending.parcel.tickets.release();
            self.settling.fetch_sub(1, Ordering::AcqRel);
        } else {
            drop(state);
        }
        if is_done || has_news {
            self.changed.notify(usize::MAX);
        }
    }

    /// Takes back all that is not settled, in the order of its writing, so that it can be written again.
    pub(super) fn take_back(&self) -> Vec<Pending> {
        let mut state = self.lock();
        state.let_go.clear();
        state.trouble = None;
        state.bytes = 0;
        let open = std::mem::take(&mut state.open);
        drop(state);
        let left = open.values().map(Open::left_events).sum();
        self.measures.taken_back(left);
        open.into_values().map(Open::rest).collect()
    }

    /// Fails everything.
    pub(super) fn fail_all(&self) {
        for pending in self.take_back() {
            pending.parcel.fail();
        }
        // Only now: what is told from here on concerns nothing that is open.
        let refused = std::mem::take(&mut self.lock().refused);
        for refused in refused {
            refused.fail();
        }
    }
}

impl Refused {
    fn fail(self) {
        let events = self.parcel.batch.events();
        for event in self.failures.iter().filter_map(|(at, _)| events.get(*at)) {
            self.parcel.tickets.failed(&event.id);
        }
        self.parcel.tickets.release();
    }

    /// Just the refused events, to be written again.
    pub(super) fn pending(self, backoff: Box<Backoff>) -> Pending {
        let places: Vec<usize> = self.failures.iter().map(|(at, _)| *at).collect();
        Pending {
            parcel: part(self.parcel, &places),
            is_encoded: false,
            backoff: Some(backoff),
            frames: None,
        }
    }
}

/// The events of a parcel at some places.
pub(super) fn part(parcel: Parcel, places: &[usize]) -> Parcel {
    if places.len() == parcel.batch.len() {
        return parcel;
    }
    let batch = parcel.batch.derive(|events, _, out| {
        for event in places.iter().filter_map(|&at| events.get(at)) {
            out.push(*event);
        }
    });
    Parcel { batch, ..parcel }
}

impl Open {
    /// Notes the fate of some events; each is told once. Returns those that were refused and are to be looked after.
    fn settle(
        &mut self,
        range: Range<usize>,
        error: Option<&Error>,
        is_plain: bool,
        measures: &Measures,
    ) -> Option<Refused> {
        if let Some(frames) = self.pending.frames {
            return self.settle_frames(range, frames, error, is_plain, measures);
        }
        let parcel = &self.pending.parcel;
        let events = parcel.batch.events();
        let range = range.start.min(events.len())..range.end.min(events.len());
        let whole = range.len() == events.len() && self.left == events.len();
        if whole && error.is_none() {
            self.left = 0;
            measures.settled(events.iter(), true);
            parcel.tickets.all_delivered(events);
            return None;
        }
        if self.told.is_empty() && !whole {
            self.told = vec![false; events.len()];
        }
        let fresh: Vec<usize> = match whole {
            true => range.collect(),
            false => range.filter(|&at| !self.told[at]).collect(),
        };
        self.left -= fresh.len();
        measures.settled(fresh.iter().map(|&at| &events[at]), error.is_none());
        if !whole {
            fresh.iter().for_each(|&at| self.told[at] = true);
        }
        let tickets = &parcel.tickets;
        match error {
            None => tickets.delivered(fresh.iter().map(|&at| &events[at].id)),
            Some(_) if is_plain => fresh.iter().for_each(|&at| tickets.failed(&events[at].id)),
            Some(error) if !fresh.is_empty() => {
                return Some(Refused {
                    parcel: Parcel {
                        batch: parcel.batch.clone(),
                        tickets: tickets.clone(),
                    },
                    failures: fresh.into_iter().map(|at| (at, error.clone())).collect(),
                    stage: Stage::Write,
                    backoff: self.pending.backoff.clone(),
                });
            }
            Some(_) => {}
        }
        None
    }

    /// The same for frames that do not belong to one event each: the events have the fate of all of them together.
    fn settle_frames(
        &mut self,
        range: Range<usize>,
        frames: usize,
        error: Option<&Error>,
        is_plain: bool,
        measures: &Measures,
    ) -> Option<Refused> {
        self.told.resize(frames, false);
        for at in range.start.min(frames)..range.end.min(frames) {
            self.left -= usize::from(!std::mem::replace(&mut self.told[at], true));
        }
        if error.is_some() {
            self.left = 0;
        }
        if self.left > 0 {
            return None;
        }
        (self.pending.frames, self.left) = (None, self.pending.parcel.batch.len());
        self.told.clear();
        self.settle(0..usize::MAX, error, is_plain, measures)
    }

    /// How many events have no fate yet.
    fn left_events(&self) -> usize {
        match self.pending.frames {
            Some(_) => self.pending.parcel.batch.len(),
            None => self.left,
        }
    }

    /// The events that have no fate yet.
    fn rest(self) -> Pending {
        let Open { pending, told, .. } = self;
        if told.is_empty() || pending.frames.is_some() {
            return pending;
        }
        let open = (0..told.len()).filter(|&at| !told[at]);
        let places: Vec<usize> = open.collect();
        Pending {
            parcel: part(pending.parcel, &places),
            ..pending
        }
    }
}

impl FateSink for Taken {
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>) {
        self.settle_range(write, range, error.as_ref());
    }
}
