//! Compiled selects with windows.

use temblor_pdk::value::OwnedValue;

use crate::aggregate::{Accumulator, AggregateKind};
use crate::eval::Code;
use crate::eval::code::ScriptCode;
use crate::group::GroupCode;
use crate::pipeline::{Condition, Target};
use crate::span::Span;

/// A select with windows.
#[derive(Debug)]
pub(crate) struct WindowedSelect {
    pub(crate) filter: Option<Condition>,
    pub(crate) group: Option<GroupCode>,
    /// The `group by` clause; the select if there is none.
    pub(crate) group_span: Span,
    pub(crate) target: Code,
    pub(crate) having: Option<Condition>,
    pub(crate) aggregates: Box<[AggregateCode]>,
    /// The windows, each with the one behind it in the chain as the next. There is at least one.
    pub(crate) windows: Box<[WindowCode]>,
    /// How many groups there can be at once.
    pub(crate) max_groups: usize,
    /// Where events go for whose groups there is no room. If that is nowhere they fail.
    pub(crate) err: Box<[Target]>,
    /// Whether `group` or `window` is referred to while events are taken in.
    pub(crate) needs_group: bool,
    /// The select.
    pub(crate) span: Span,
}

/// A call of an aggregate.
#[derive(Debug)]
pub(crate) struct AggregateCode {
    pub(crate) kind: AggregateKind,
    pub(crate) args: Box<[Code]>,
    /// The name and the call, for messages.
    pub(crate) name: Box<str>,
    pub(crate) span: Span,
}

/// A window.
#[derive(Debug)]
pub(crate) struct WindowCode {
    pub(crate) name: Box<str>,
    pub(crate) rule: WindowRule,
}

/// When a window closes.
#[derive(Debug)]
pub(crate) enum WindowRule {
    /// After so many events, or so much weight as a script gives them.
    Size { size: u64, weight: Option<Scripted> },
    /// After so many nanoseconds, by the time of events or by what a script says.
    Interval {
        interval_ns: u64,
        time: Option<Scripted>,
    },
    /// When a script says so.
    State {
        initial: OwnedValue,
        script: Scripted,
        tick: Option<Scripted>,
    },
    /// Again and again, over more than came in since it closed last.
    Sliding { slide: Slide, axis: Axis },
}

/// How a window slides. It consists of panes, so that no event is taken in more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slide {
    /// How long a pane is, on the axis of the window.
    pub(crate) pane: u64,
    /// How many panes the window spans.
    pub(crate) span: usize,
    /// After how many panes it closes again.
    pub(crate) step: usize,
}

/// What a window slides along.
#[derive(Debug)]
pub(crate) enum Axis {
    /// Events, or the weight that a script gives them.
    Weight(Option<Scripted>),
    /// Nanoseconds, by the time of events or by what a script says.
    Time(Option<Scripted>),
}

/// The script of a window.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) code: ScriptCode,
    /// The last expression.
    pub(crate) last: Span,
    /// The definition of the window.
    pub(crate) context: Span,
}

impl WindowedSelect {
    /// Accumulators that have taken in nothing yet.
    pub(super) fn accumulators(&self) -> impl Iterator<Item = Accumulator> {
        let kinds = self.aggregates.iter().map(|aggregate| aggregate.kind);
        kinds.map(Accumulator::new)
    }

    /// Accumulators for a part of a window, which may be one of many.
    pub(super) fn pane(&self) -> Box<[Accumulator]> {
        let kinds = self.aggregates.iter().map(|aggregate| aggregate.kind);
        kinds.map(Accumulator::of_pane).collect()
    }

    /// Whether something happens when time passes, without an event. Only the first window is asked.
    pub(crate) fn wants_ticks(&self) -> bool {
        self.windows.first().is_some_and(WindowCode::wants_ticks)
    }
}

impl WindowCode {
    /// Whether it closes when time passes, without an event.
    fn wants_ticks(&self) -> bool {
        matches!(
            self.rule,
            WindowRule::Interval { time: None, .. }
                | WindowRule::State { tick: Some(_), .. }
                | WindowRule::Sliding {
                    axis: Axis::Time(None),
                    ..
                }
        )
    }
}
