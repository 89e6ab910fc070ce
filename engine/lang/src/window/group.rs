//! Taking an event into the windows of a group, and closing them.

use temblor_pdk::value::{OwnedValue, Value};

use super::code::{AggregateCode, WindowRule};
use super::run::Surroundings;
use super::state::{Frame, Group};
use crate::aggregate::{Accumulator, Refusal};
use crate::code::Code;
use crate::eval::Eval;
use crate::finding::Finding;

impl<'a> Surroundings<'_, 'a> {
    /// Takes the event into a group.
    pub(super) fn take(&mut self, group: &mut Group) -> Eval<()> {
        let select = self.select;
        let (Some(window), Some(frame)) = (select.windows.first(), group.frames.first_mut()) else {
            return Ok(());
        };
        if let WindowRule::Sliding { axis, .. } = &window.rule {
            return self.slide(group, 0, axis);
        }
        let decision = self.decide(window, &mut frame.progress)?;
        if decision.include {
            self.accumulate(frame)?;
        }
        if decision.emit {
            self.close(group)?;
        }
        if !decision.include
            && let Some(frame) = group.frames.first_mut()
        {
            self.accumulate(frame)?;
        }
        Ok(())
    }

    /// Asks the first window of a group whether it closes.
    pub(super) fn tick(&mut self, group: &mut Group) -> Eval<()> {
        let select = self.select;
        let (Some(window), Some(frame)) = (select.windows.first(), group.frames.first_mut()) else {
            return Ok(());
        };
        if let WindowRule::Sliding { axis, .. } = &window.rule {
            return self.slide_on_tick(group, 0, axis);
        }
        if self.decide_on_tick(window, &mut frame.progress)? {
            self.close(group)?;
        }
        Ok(())
    }

    /// Closes the first window, and with it those behind it that come to their end by that.
    fn close(&mut self, group: &mut Group) -> Eval<()> {
        let select = self.select;
        let mut closing = 0;
        let mut slid = Ok(());
        loop {
            let emitted = self.emit(group, closing);
            if emitted.is_err() {
                // What cannot be emitted now cannot be emitted later either.
                self.has_lost = true;
                let closed = group.frames.iter_mut().take(closing + 1);
                closed.for_each(Frame::clear);
                return emitted;
            }
            let next = closing + 1;
            let (Some(window), Some(frame)) =
                (select.windows.get(next), group.frames.get_mut(next))
            else {
                break;
            };
            if let WindowRule::Sliding { axis, .. } = &window.rule {
                // It is the last one.
                slid = self.slide(group, next, axis);
                break;
            }
            let decision = self.decide(window, &mut frame.progress)?;
            frame.includes = decision.include;
            if decision.include {
                group.merge(closing);
            }
            if !decision.emit {
                if !decision.include {
                    group.merge(closing);
                }
                break;
            }
            closing = next;
        }
        // From the last one back: what does not belong to a window that has closed belongs to the one that follows it.
        for at in (0..=closing).rev() {
            if let Some(frame) = group.frames.get_mut(at) {
                frame.clear();
            }
            let is_left_over = group.frames.get(at).is_some_and(|frame| !frame.includes);
            if at > 0 && is_left_over {
                group.merge(at - 1);
            }
        }
        slid
    }

    /// Takes the event into a window.
    pub(super) fn accumulate(&mut self, frame: &mut Frame) -> Eval<()> {
        let select = self.select;
        for (aggregate, accumulator) in select.aggregates.iter().zip(&mut frame.accumulators) {
            match accumulator {
                Accumulator::Count(count) => *count += 1,
                accumulator => self.add(aggregate, accumulator)?,
            }
        }
        frame.hold(self.run);
        Ok(())
    }

    fn add(&mut self, aggregate: &AggregateCode, accumulator: &mut Accumulator) -> Eval<()> {
        let mut state = OwnedValue::Null;
        let window = self.window_name();
        let mut machine = self.machine(&mut state);
        machine.window = window;
        let mut args = aggregate.args.iter();
        let value = match args.next() {
            Some(code) => machine.value(code)?,
            None => Value::NULL,
        };
        if accumulator.wants_percentiles() {
            let percentiles = args.next().map(|code| machine.value(code)).transpose()?;
            let asked = accumulator.ask(percentiles);
            asked
                .map_err(|refusal| refused(refusal, aggregate, percentiles.unwrap_or_default()))?;
        }
        let added = accumulator.add(value);
        added.map_err(|refusal| refused(refusal, aggregate, value))
    }

    /// The name of the first window, if somebody refers to it.
    fn window_name(&self) -> Value<'a> {
        let is_needed = self.select.needs_group;
        let first = self.select.windows.first().filter(|_| is_needed);
        first.map_or(Value::NULL, |window| {
            Value::from(self.arena.str(&window.name))
        })
    }
}

#[cold]
fn refused(refusal: Refusal, aggregate: &AggregateCode, given: Value<'_>) -> Box<Finding> {
    let (name, arity) = (&aggregate.name, aggregate.args.len());
    let message = match refusal {
        Refusal::BadType => {
            let given = given.type_name();
            format!("bad type passed to function {name}/{arity}: it was given `{given}`")
        }
        Refusal::Failed(reason) => {
            format!("runtime error in function {name}/{arity}: {reason}")
        }
    };
    Box::new(Finding::error(Code::Call, aggregate.span, message).margin(2))
}
