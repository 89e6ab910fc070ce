//! Taking events into sliding windows, and closing them.

use super::code::{Axis, Scripted};
use super::run::Surroundings;
use super::state::{Group, Progress};
use crate::aggregate::Accumulator;
use crate::eval::Eval;

impl Surroundings<'_, '_> {
    /// Takes the event into a sliding window of a group, or what the window before it has come to.
    pub(super) fn slide(&mut self, group: &mut Group, at: usize, axis: &Axis) -> Eval<()> {
        match axis {
            Axis::Weight(script) => {
                let weight = self.measure(script.as_ref(), 1)?;
                self.include(group, at)?;
                match group.sliding(at) {
                    Some(panes) => {
                        panes.weight = panes.weight.saturating_add(weight);
                        let weight = panes.weight;
                        self.advance(group, at, weight, axis)
                    }
                    None => Ok(()),
                }
            }
            Axis::Time(script) => {
                let time = self.measure(script.as_ref(), self.event.ingest_ns)?;
                self.advance(group, at, time, axis)?;
                if let Some(panes) = group.sliding(at) {
                    panes.start(time);
                }
                self.include(group, at)
            }
        }
    }

    /// Lets a sliding window know the time.
    pub(super) fn slide_on_tick(&mut self, group: &mut Group, at: usize, axis: &Axis) -> Eval<()> {
        match axis {
            Axis::Time(None) => self.advance(group, at, self.event.ingest_ns, axis),
            Axis::Time(Some(_)) | Axis::Weight(_) => Ok(()),
        }
    }

    /// What a script says about the event, or what counts without one.
    fn measure(&mut self, script: Option<&Scripted>, usual: u64) -> Eval<u64> {
        script.map_or(Ok(usual), |script| self.integer(script))
    }

    /// Takes the event, or what the window before it has come to, into the pane that is not complete.
    fn include(&mut self, group: &mut Group, at: usize) -> Eval<()> {
        if at > 0 {
            group.nest(at - 1);
            return Ok(());
        }
        let Some(frame) = group.frames.first_mut() else {
            return Ok(());
        };
        let included = self.accumulate(frame);
        if included.is_err() && !frame.holds {
            // Some aggregates may have taken the event in before another one refused it.
            frame.clear();
        }
        included
    }

    /// Completes all panes that end by then, and emits what closes with them.
    fn advance(&mut self, group: &mut Group, at: usize, until: u64, axis: &Axis) -> Eval<()> {
        let select = self.select;
        loop {
            let Some(frame) = group.frames.get_mut(at) else {
                return Ok(());
            };
            let Progress::Sliding(panes) = &mut frame.progress else {
                return Ok(());
            };
            let make = || select.pane();
            let held = &mut frame.holds;
            match panes.complete(until, &mut frame.accumulators, held, make) {
                Some(true) => {}
                Some(false) => continue,
                None => return Ok(()),
            }
            let emitted = self.emit_panes(group, at);
            if let Some(panes) = group.sliding(at) {
                panes.move_on();
                if !panes.holds() {
                    panes.reset(axis);
                    return emitted;
                }
            }
            emitted?;
        }
    }

    /// Makes an event of what the complete panes of a window come to together, if there was an event in any.
    fn emit_panes(&mut self, group: &mut Group, at: usize) -> Eval<()> {
        let Some(panes) = group.sliding(at).filter(|panes| panes.holds()) else {
            return Ok(());
        };
        let mut total = std::mem::take(&mut self.total);
        if total.is_empty() {
            total.extend(self.select.accumulators());
        }
        for pane in panes.filled() {
            for (own, other) in total.iter_mut().zip(pane) {
                own.join(other);
            }
        }
        let emitted = self.make(group, at, &total);
        total.iter_mut().for_each(Accumulator::clear);
        self.total = total;
        emitted
    }
}
