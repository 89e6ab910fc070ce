//! What a select with windows keeps.

use std::collections::VecDeque;

use temblor_pdk::value::{OwnedValue, Value};

use super::code::{WindowRule, WindowedSelect};
use super::panes::Panes;
use crate::aggregate::Accumulator;
use crate::group::Table;

/// The groups of a select with windows.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(super) groups: Table<Group>,
    /// A key under construction.
    pub(super) key: Vec<u8>,
    /// What the panes of a sliding window come to, while it closes.
    pub(super) total: Vec<Accumulator>,
    /// For each run, from `first` on, how many groups hold something since then.
    held: VecDeque<u32>,
    /// The run of the first entry of `held`.
    first: u64,
    /// The report that there is no room for more groups, once it was written.
    no_room: Option<Box<str>>,
}

impl Windows {
    /// The report that there is no room for more groups. It is the same each time, and may be sent very often.
    pub(crate) fn no_room(&mut self, write: impl FnOnce() -> String) -> &str {
        self.no_room.get_or_insert_with(|| write().into())
    }

    /// The first run of whose events a window holds something; none if no window holds anything.
    pub(crate) fn since(&self) -> Option<u64> {
        (!self.held.is_empty()).then_some(self.first)
    }

    /// A group that held something since one run holds something since another one.
    pub(super) fn changed(&mut self, before: Option<u64>, after: Option<u64>) {
        if before == after {
            return;
        }
        if let Some(run) = after {
            if self.held.is_empty() {
                self.first = run;
            }
            // Runs come in order, and a group holds nothing from before the first.
            let at = run.saturating_sub(self.first) as usize;
            if self.held.len() <= at {
                self.held.resize(at + 1, 0);
            }
            self.held[at] += 1;
        }
        if let Some(run) = before
            && let Some(count) = self.held.get_mut(run.saturating_sub(self.first) as usize)
        {
            *count = count.saturating_sub(1);
        }
        while self.held.front() == Some(&0) {
            self.held.pop_front();
            self.first += 1;
        }
    }

    /// The number of groups that hold data.
    pub(crate) fn open(&self) -> usize {
        self.groups.len()
    }
}

/// A group: its values, and its windows.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) values: Vec<OwnedValue>,
    pub(super) frames: Box<[Frame]>,
    /// Whether it is the memory of a group that emitted with its first event and was never kept: then the states of
    /// its windows go on.
    pub(super) inherits: bool,
}

/// A window of a group that is open.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(super) progress: Progress,
    pub(super) accumulators: Box<[Accumulator]>,
    /// Whether the accumulators have taken anything in.
    pub(super) holds: bool,
    /// The run in which they took in the first thing that they hold; none if all of it was there before the first run,
    /// when the state was restored.
    pub(super) since: Option<u64>,
    /// Whether what is closing belongs into this window before it closes itself; while a chain of windows closes.
    pub(super) includes: bool,
}

/// How far a window is.
#[derive(Debug)]
pub(super) enum Progress {
    Count(u64),
    /// When it ends; none before its first event.
    Until(Option<u64>),
    State(OwnedValue),
    /// The panes that are complete; the accumulators of the window itself are the pane that comes next.
    Sliding(Panes),
}

impl Group {
    pub(super) fn new(select: &WindowedSelect) -> Self {
        let frame = |window: &super::WindowCode| Frame {
            progress: Progress::new(&window.rule),
            accumulators: match window.rule {
                WindowRule::Sliding { .. } => select.pane(),
                _ => select.accumulators().collect(),
            },
            holds: false,
            since: None,
            includes: false,
        };
        Group {
            values: Vec::new(),
            frames: select.windows.iter().map(frame).collect(),
            inherits: false,
        }
    }

    /// Becomes another group.
    pub(super) fn start(&mut self, select: &WindowedSelect, values: &[Value<'_>]) {
        self.values.truncate(values.len());
        let kept = self.values.len();
        for (own, value) in self.values.iter_mut().zip(values) {
            own.assign(*value);
        }
        let rest = values.iter().skip(kept);
        self.values.extend(rest.map(|value| value.to_owned_value()));
        let inherits = std::mem::take(&mut self.inherits);
        for (frame, window) in self.frames.iter_mut().zip(&select.windows) {
            frame.clear();
            let keeps_state = inherits && matches!(window.rule, WindowRule::State { .. });
            if !keeps_state {
                frame.progress = Progress::new(&window.rule);
            }
        }
    }

    /// The panes of a sliding window.
    pub(super) fn sliding(&mut self, at: usize) -> Option<&mut Panes> {
        match &mut self.frames.get_mut(at)?.progress {
            Progress::Sliding(panes) => Some(panes),
            _ => None,
        }
    }

    /// Takes what a window holds into the one behind it, as the language wants it.
    pub(super) fn merge(&mut self, from: usize) {
        self.hand_on(from, Accumulator::merge);
    }

    /// Takes what a window holds into the sliding one behind it.
    pub(super) fn nest(&mut self, from: usize) {
        self.hand_on(from, Accumulator::nest);
    }

    fn hand_on(&mut self, from: usize, take: fn(&mut Accumulator, &Accumulator)) {
        let Some((before, [into, ..])) = self.frames.split_at_mut_checked(from + 1) else {
            return;
        };
        let Some(from) = before.last().filter(|frame| frame.holds) else {
            return;
        };
        for (own, other) in into.accumulators.iter_mut().zip(&from.accumulators) {
            take(own, other);
        }
        let own = into.since.filter(|_| into.holds);
        into.since = own.into_iter().chain(from.since).min();
        into.holds = true;
    }

    /// The run since which its windows hold something. Panes of sliding windows that are complete do not count: they
    /// stay for so long that nobody can wait for them.
    pub(super) fn since(&self) -> Option<u64> {
        let holding = self.frames.iter().filter(|frame| frame.holds);
        holding.filter_map(|frame| frame.since).min()
    }

    /// Whether some window holds data.
    pub(super) fn holds(&self) -> bool {
        self.frames.iter().any(Frame::holds)
    }
}

impl Frame {
    /// Whether an event is in it.
    fn holds(&self) -> bool {
        self.holds || matches!(&self.progress, Progress::Sliding(panes) if panes.holds())
    }

    /// It takes something in, in this run.
    pub(super) fn hold(&mut self, run: u64) {
        if !self.holds || self.since.is_none() {
            (self.holds, self.since) = (true, Some(run));
        }
    }

    /// Starts the next window.
    pub(super) fn clear(&mut self) {
        self.holds = false;
        self.accumulators.iter_mut().for_each(Accumulator::clear);
    }
}

impl Progress {
    pub(super) fn new(rule: &WindowRule) -> Self {
        match rule {
            WindowRule::Size { .. } => Progress::Count(0),
            WindowRule::Interval { .. } => Progress::Until(None),
            WindowRule::State { initial, .. } => Progress::State(initial.clone()),
            WindowRule::Sliding { slide, axis } => Progress::Sliding(Panes::new(*slide, axis)),
        }
    }
}
