//! Whether a window closes.

use temblor_pdk::value::Value;

use super::code::{Scripted, WindowCode, WindowRule};
use super::run::Surroundings;
use super::state::Progress;
use crate::code::Code;
use crate::eval::{Eval, Outcome};
use crate::finding::Finding;

/// What a window says to an event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decision {
    /// It closes.
    pub(super) emit: bool,
    /// The event belongs to it before it closes.
    pub(super) include: bool,
}

const CLOSE: Decision = Decision {
    emit: true,
    include: true,
};

impl<'a> Surroundings<'_, 'a> {
    /// Asks a window about the event.
    pub(super) fn decide(
        &mut self,
        window: &WindowCode,
        progress: &mut Progress,
    ) -> Eval<Decision> {
        match (&window.rule, progress) {
            (WindowRule::Size { size, weight }, Progress::Count(count)) => {
                let weight = match weight {
                    Some(script) => self.integer(script)?,
                    None => 1,
                };
                *count = count.saturating_add(weight);
                if *count < *size {
                    return Ok(Decision::default());
                }
                *count -= *size;
                Ok(CLOSE)
            }
            (WindowRule::Interval { interval_ns, time }, Progress::Until(end)) => {
                let time = match time {
                    Some(script) => self.integer(script)?,
                    None => self.event.ingest_ns,
                };
                let is_over = end.is_some_and(|end| time >= end);
                if is_over || end.is_none() {
                    *end = Some(time.saturating_add(*interval_ns));
                }
                Ok(Decision {
                    emit: is_over,
                    include: false,
                })
            }
            (WindowRule::State { script, .. }, Progress::State(state)) => {
                self.scripted(script, state)
            }
            _ => Ok(Decision::default()),
        }
    }

    /// Asks a window whether it closes now that time has passed.
    pub(super) fn decide_on_tick(
        &mut self,
        window: &WindowCode,
        progress: &mut Progress,
    ) -> Eval<bool> {
        match (&window.rule, progress) {
            (
                WindowRule::Interval {
                    interval_ns,
                    time: None,
                },
                Progress::Until(Some(end)),
            ) => {
                let now = self.event.ingest_ns;
                let is_over = now >= *end;
                if is_over {
                    *end = now.saturating_add(*interval_ns);
                }
                Ok(is_over)
            }
            (
                WindowRule::State {
                    tick: Some(script), ..
                },
                Progress::State(state),
            ) => Ok(self.scripted(script, state)?.emit),
            _ => Ok(false),
        }
    }

    /// Runs a script whose state is that of the window.
    fn scripted(
        &mut self,
        script: &Scripted,
        state: &mut temblor_pdk::value::OwnedValue,
    ) -> Eval<Decision> {
        let mut machine = self.machine(state);
        let outcome = machine.run(&script.code)?;
        let Outcome::Emit { value, .. } = outcome else {
            return Err(unusable(Value::NULL, script));
        };
        if let Some(emit) = value.as_bool() {
            return Ok(Decision {
                emit,
                include: emit,
            });
        }
        let Some(items) = value.as_array() else {
            return Err(unusable(value, script));
        };
        match items.as_slice() {
            [emit, include] => match (emit.as_bool(), include.as_bool()) {
                (Some(emit), Some(include)) => Ok(Decision { emit, include }),
                _ => Err(bad_array(script)),
            },
            _ => Err(bad_array(script)),
        }
    }

    /// Evaluates the last expression of a script, which has to be an integer.
    pub(super) fn integer(&mut self, script: &Scripted) -> Eval<u64> {
        let mut state = temblor_pdk::value::OwnedValue::Null;
        let mut machine = self.machine(&mut state);
        let value = match machine.run(&script.code)? {
            Outcome::Emit { value, .. } => value,
            Outcome::Drop => Value::NULL,
        };
        value.as_u64().ok_or_else(|| {
            let found = value.type_name();
            let message = format!("found `{found}`, expected an unsigned `integer`");
            let finding = Finding::error(Code::Type, script.last, message);
            Box::new(finding.context(script.context))
        })
    }
}

#[cold]
fn unusable(value: Value<'_>, script: &Scripted) -> Box<Finding> {
    let found = value.type_name();
    let message = format!("the window returned `{found}`, which cannot be used");
    let finding = Finding::error(Code::Type, script.last, message).context(script.context);
    Box::new(finding.help("return `true`, `false` or `[emit, include]`"))
}

#[cold]
fn bad_array(script: &Scripted) -> Box<Finding> {
    let message = "the array that a window returns must be `[emit, include]`, two booleans";
    let finding = Finding::error(Code::Type, script.last, message);
    Box::new(finding.context(script.context))
}
