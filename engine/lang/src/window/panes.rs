//! The panes of a sliding window.
//!
//! A window over the last n events that moves on by m is cut into panes, of which both n and m are multiples. Each
//! event is taken into one pane; when the window closes, the panes that it spans are joined. Panes that no later window
//! spans are dropped at once.

use std::collections::VecDeque;

use super::code::{Axis, Slide};
use crate::aggregate::Accumulator;

/// The complete panes of a sliding window, and how far the one is that follows them.
#[derive(Debug)]
pub(super) struct Panes {
    /// The oldest first; none for a pane without events.
    pub(super) complete: VecDeque<Option<Box<[Accumulator]>>>,
    /// How many of them have events.
    pub(super) filled: usize,
    /// Accumulators that are used again.
    spare: Vec<Box<[Accumulator]>>,
    /// The weight of all events.
    pub(super) weight: u64,
    /// Where the pane ends that is not complete; none before the first event of a window by time.
    pub(super) end: Option<u64>,
    /// How many panes are missing until the window closes.
    pub(super) missing: usize,
    pub(super) slide: Slide,
}

impl Panes {
    pub(super) fn new(slide: Slide, axis: &Axis) -> Self {
        Panes {
            complete: VecDeque::new(),
            filled: 0,
            spare: Vec::new(),
            weight: 0,
            end: matches!(axis, Axis::Weight(_)).then_some(slide.pane),
            missing: slide.span,
            slide,
        }
    }

    /// Whether a complete pane has events.
    pub(super) fn holds(&self) -> bool {
        self.filled > 0
    }

    /// The panes that have events, the oldest first.
    pub(super) fn filled(&self) -> impl Iterator<Item = &[Accumulator]> {
        self.complete.iter().flatten().map(|pane| &**pane)
    }

    /// Starts the first pane of a window by time.
    pub(super) fn start(&mut self, time: u64) {
        self.end
            .get_or_insert_with(|| time.saturating_add(self.slide.pane));
    }

    /// Completes a pane if it ends by then, and puts empty accumulators in the place of its own if it has events.
    /// Tells whether the window closes; none if the pane does not end.
    pub(super) fn complete(
        &mut self,
        until: u64,
        accumulators: &mut Box<[Accumulator]>,
        has_events: &mut bool,
        make: impl FnOnce() -> Box<[Accumulator]>,
    ) -> Option<bool> {
        let end = self.end.filter(|end| *end <= until)?;
        self.end = Some(end.saturating_add(self.slide.pane));
        self.complete.push_back(std::mem::take(has_events).then(|| {
            self.filled += 1;
            let empty = self.spare.pop().unwrap_or_else(make);
            std::mem::replace(accumulators, empty)
        }));
        self.missing = self.missing.saturating_sub(1);
        Some(self.missing == 0)
    }

    /// Drops the panes that the next window does not span.
    pub(super) fn move_on(&mut self) {
        self.missing = self.slide.step;
        for _ in 0..self.slide.step {
            let Some(mut pane) = self.complete.pop_front().flatten() else {
                continue;
            };
            self.filled -= 1;
            pane.iter_mut().for_each(Accumulator::clear);
            self.spare.push(pane);
        }
    }

    /// Starts over, as before the first event.
    pub(super) fn reset(&mut self, axis: &Axis) {
        let spare = std::mem::take(&mut self.spare);
        let complete = std::mem::take(&mut self.complete);
        *self = Panes {
            spare,
            complete,
            ..Panes::new(self.slide, axis)
        };
        self.complete.clear();
    }
}
