//! Running scripts.

use temblor_pdk::value::{Event, Field, OwnedValue, Value};

use super::run::{Run, Unread};
use super::state::NodeState;
use super::{ScriptInput, ScriptNode, Target};
use crate::compile::COMPUTED;
use crate::eval::{Eval, Machine, Outcome};
use crate::report::report;

impl<'a> Run<'_, 'a> {
    pub(super) fn script(
        &mut self,
        at: usize,
        name: &str,
        script: &ScriptNode,
        port: usize,
        event: Event<'a>,
    ) -> Eval<()> {
        let code = match script.inputs.get(port) {
            Some(ScriptInput::Main) => &script.main,
            Some(ScriptInput::Named(at)) => match script.named.get(*at) {
                Some(code) => code,
                None => return Ok(()),
            },
            Some(ScriptInput::Unknown(port)) => {
                let text = self.arena.str(&format!("unknown port: `{port}`"));
                self.send_error(outputs_of(script, "err"), Value::from(text), event);
                return Ok(());
            }
            None => return Ok(()),
        };
        let mut none = OwnedValue::Null;
        let state = match self.state.nodes.get_mut(at) {
            Some(NodeState::Script(state)) => state,
            _ => &mut none,
        };
        let memory = &mut self.parts.memory;
        let mut machine = Machine::new(&self.plan.pool, self.arena, memory, state);
        machine.event = event.data;
        machine.meta = event.meta;
        machine.ingest_ns = event.ingest_ns;
        machine.instance = name;
        let outcome = machine.run(code);
        let (changed, meta) = (machine.event, machine.meta);
        match outcome {
            Ok(Outcome::Emit { value, port }) => {
                let event = Event {
                    data: value,
                    meta,
                    ..event
                };
                self.send(outputs_of(script, port.unwrap_or("out")), event);
                Ok(())
            }
            Ok(Outcome::Drop) => Ok(()),
            Err(finding) if script.is_alone => Err(finding),
            Err(finding) => {
                self.parts.memory.clear();
                let to = outputs_of(script, "err");
                if to.is_empty() {
                    self.unread.get_or_insert(Unread {
                        finding,
                        is_of_operator: false,
                    });
                    return Ok(());
                }
                let text = self.arena.str(&report(&finding, self.sources, false));
                let event = Event {
                    data: changed,
                    meta,
                    ..event
                };
                self.send_error(to, Value::from(text), event);
                Ok(())
            }
        }
    }

    /// Sends `{"error": …, "event": …}`.
    pub(super) fn send_error(&mut self, to: &[Target], error: Value<'a>, event: Event<'a>) {
        if to.is_empty() {
            return;
        }
        let data = self
            .arena
            .object(&[Field::new("error", error), Field::new("event", event.data)]);
        self.send(to, Event { data, ..event }.with_batch(false));
    }
}

/// Where the events of an output port go. Ports that nobody reads are not there.
fn outputs_of<'n>(script: &'n ScriptNode, port: &str) -> &'n [Target] {
    let find = |port: &str| {
        let mut outputs = script.outputs.iter();
        outputs.find(|(name, _)| **name == *port)
    };
    let found = find(port).or_else(|| script.is_alone.then(|| find(COMPUTED)).flatten());
    found.map_or(&[], |(_, to)| to)
}
