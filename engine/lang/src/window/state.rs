//! What a select with windows keeps.

use temblor_pdk::value::{OwnedValue, Value};

use super::code::{WindowRule, WindowedSelect};
use crate::aggregate::Accumulator;
use crate::group::Table;

/// The groups of a select with windows.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(super) groups: Table<Group>,
    /// A key under construction.
    pub(super) key: Vec<u8>,
}

impl Windows {
    /// The number of groups that hold data.
    pub(crate) fn open(&self) -> usize {
        self.groups.len()
    }
}

/// A group: its values, and its windows.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) values: Vec<OwnedValue>,
    pub(super) panes: Box<[Pane]>,
    /// When it got its last event.
    pub(super) seen_ns: u64,
    /// Whether it is the memory of a group that emitted with its first event and was never kept: then the states of
    /// its windows go on.
    pub(super) inherits: bool,
}

/// A window of a group that is open.
#[derive(Debug)]
pub(crate) struct Pane {
    pub(super) progress: Progress,
    pub(super) accumulators: Box<[Accumulator]>,
    /// Whether anything was taken in.
    pub(super) holds: bool,
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
}

impl Group {
    pub(super) fn new(select: &WindowedSelect) -> Self {
        let pane = |window: &super::WindowCode| Pane {
            progress: Progress::new(&window.rule),
            accumulators: select
                .aggregates
                .iter()
                .map(|aggregate| Accumulator::new(aggregate.kind))
                .collect(),
            holds: false,
            includes: false,
        };
        Group {
            values: Vec::new(),
            panes: select.windows.iter().map(pane).collect(),
            seen_ns: 0,
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
        for (pane, window) in self.panes.iter_mut().zip(&select.windows) {
            pane.clear();
            let keeps_state = inherits && matches!(window.rule, WindowRule::State { .. });
            if !keeps_state {
                pane.progress = Progress::new(&window.rule);
            }
        }
    }

    /// Whether some window holds data.
    pub(super) fn holds(&self) -> bool {
        self.panes.iter().any(|pane| pane.holds)
    }
}

impl Pane {
    /// Starts the next window.
    pub(super) fn clear(&mut self) {
        self.holds = false;
        self.accumulators.iter_mut().for_each(Accumulator::clear);
    }
}

impl Progress {
    fn new(rule: &WindowRule) -> Self {
        match rule {
            WindowRule::Size { .. } => Progress::Count(0),
            WindowRule::Interval { .. } => Progress::Until(None),
            WindowRule::State { initial, .. } => Progress::State(initial.clone()),
        }
    }
}
