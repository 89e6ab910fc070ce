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
    /// The first numbers of writes of which something was delivered that is not told yet.
    untold: Vec<usize>,
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
        let State { writes, untold, .. } = &mut *state;
        let Some(write) = of(writes, number) else {
            return;
        };
        let had_nothing = write.acked.is_empty();
        write.settle(number - write.first, error);
        if had_nothing && !write.acked.is_empty() {
            untold.push(write.first);
        }
        while state.writes.front().is_some_and(|write| write.left == 0) {
            state.writes.pop_front();
        }
        drop(state);
        self.changed.notify(usize::MAX);
    }

    /// Tells what was delivered of writes that are not complete yet, in their order. What nothing has come for since is
    /// not looked at: there may be many.
    pub(crate) fn tell(&self) {
        let mut state = self.lock();
        let State { writes, untold, .. } = &mut *state;
        untold.sort_unstable();
        for number in untold.drain(..) {
            // One that is complete has told everything.
            if let Some(write) = of(writes, number) {
                write.tell();
            }
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

/// The write that an event is of.
fn of(writes: &mut VecDeque<Write>, number: usize) -> Option<&mut Write> {
    let at = writes.partition_point(|write| write.first + write.len <= number);
    writes.get_mut(at).filter(|write| write.first <= number)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use temblor_pdk::testing::FateLog;

    use super::*;

    /// Takes in writes of so many events each.
    fn open(reports: &Reports, log: &Arc<FateLog>, lens: &[usize]) {
        for (write, len) in lens.iter().enumerate() {
            reports.open(Fates::new(Arc::clone(log), write as u64, *len), *len);
        }
    }

    fn told(log: &FateLog) -> Vec<(u64, Range<usize>, bool)> {
        let settled = log.settled().into_iter();
        settled
            .map(|(write, range, error)| (write, range, error.is_none()))
            .collect()
    }

    #[test]
    fn fates_come_in_the_order_of_the_writes_and_once() {
        let (reports, log) = (Reports::default(), Arc::default());
        open(&reports, &log, &[3, 2, 1, 3]);
        // The last write gets its first report before the others.
        for number in [6, 7, 0, 3, 1] {
            reports.settle(number, None);
        }
        assert_eq!(told(&log), [], "nothing is complete");
        reports.tell();
        let mut expected = vec![(0, 0..2, true), (1, 0..1, true), (3, 0..2, true)];
        assert_eq!(told(&log), expected);
        reports.tell();
        assert_eq!(told(&log), expected, "what is told is not told again");
        // What is complete is told at once, also behind what is not; a failure at once in any case.
        reports.settle(4, None);
        reports.settle(5, None);
        reports.settle(8, Some(&Error::rejected("too large")));
        expected.extend([(1, 1..2, true), (2, 0..1, true), (3, 2..3, false)]);
        assert_eq!(told(&log), expected);
        assert!(!reports.is_empty());
        reports.settle(2, None);
        reports.tell();
        expected.push((0, 2..3, true));
        assert_eq!(told(&log), expected);
        assert!(reports.is_empty());
    }

    #[test]
    fn a_write_is_told_of_again_and_again_until_it_is_complete() {
        let (reports, log) = (Reports::default(), Arc::default());
        open(&reports, &log, &[2, 4]);
        for number in 2..5 {
            reports.settle(number, None);
            reports.tell();
        }
        assert_eq!(
            told(&log),
            [(1, 0..1, true), (1, 1..2, true), (1, 2..3, true)]
        );
    }

    #[test]
    fn only_writes_with_something_to_tell_are_looked_at() {
        let (reports, log) = (Reports::default(), Arc::default());
        open(&reports, &log, &[2; 1000]);
        for number in [1000, 1001, 1500] {
            reports.settle(number, None);
        }
        assert_eq!(reports.lock().untold, [1000, 1500]);
        reports.tell();
        assert_eq!(reports.lock().untold, [0; 0]);
        assert_eq!(told(&log), [(500, 0..2, true), (750, 0..1, true)]);
    }
}
