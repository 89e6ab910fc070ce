//! Which records are out, and what the reports of their delivery come to.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_listener::{Event as Notify, EventListener};
use temblor_pdk::{Error, Fates};

/// The records that are out, numbered as they were produced.
#[derive(Default)]
pub(crate) struct Reports {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In order, by the numbers of their events.
    writes: VecDeque<Write>,
    next: usize,
}

struct Write {
    first: usize,
    len: usize,
    /// Events without a report.
    left: usize,
    /// Delivered, and not told yet.
    acked: Vec<Range<usize>>,
    fates: Fates,
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a write in; returns the number of its first event.
    pub(crate) fn open(&self, fates: Fates, len: usize) -> usize {
        let mut state = self.lock();
        let first = state.next;
        state.next += len;
        if len > 0 {
            state.writes.push_back(Write {
                first,
                len,
                left: len,
                acked: Vec::new(),
                fates,
            });
        }
        first
    }

    /// An event has its report.
    pub(crate) fn settle(&self, number: usize, error: Option<&Error>) {
        let mut state = self.lock();
        let at = state
            .writes
            .partition_point(|write| write.first + write.len <= number);
        let Some(write) = state
            .writes
            .get_mut(at)
            .filter(|write| write.first <= number)
        else {
            return;
        };
        write.settle(number - write.first, error);
        while state.writes.front().is_some_and(|write| write.left == 0) {
            state.writes.pop_front();
        }
        drop(state);
        self.changed.notify(usize::MAX);
    }

    /// Tells what was delivered of writes that are not complete yet.
    pub(crate) fn tell(&self) {
        for write in &mut self.lock().writes {
            write.tell();
        }
    }

    /// Whether every event has its report.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().writes.is_empty()
    }

    /// Wakes whoever waits for a report.
    pub(crate) fn wake(&self) {
        self.changed.notify(usize::MAX);
    }

    /// Hears of the next report.
    pub(crate) fn listen(&self) -> EventListener {
        self.changed.listen()
    }
}

impl Write {
    fn settle(&mut self, at: usize, error: Option<&Error>) {
        self.left = self.left.saturating_sub(1);
        match error {
            Some(error) => self.fates.failed_range(at..at + 1, error),
            None => match self.acked.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => self.acked.push(at..at + 1),
            },
        }
        if self.left == 0 {
            self.tell();
        }
    }

    fn tell(&mut self) {
        for range in std::mem::take(&mut self.acked) {
            self.fates.acked_range(range);
        }
    }
}
