//! What comes out of a window.

use temblor_pdk::value::{Event, OwnedValue, Value};

use super::run::Surroundings;
use super::state::Group;
use crate::aggregate::Accumulator;
use crate::eval::{Eval, Machine};
use crate::group::group_value;

impl<'a> Surroundings<'_, 'a> {
    /// Makes an event of what a window of a group holds, if it holds anything.
    pub(super) fn emit(&mut self, group: &Group, at: usize) -> Eval<()> {
        match group.frames.get(at) {
            Some(frame) if frame.holds => self.make(group, at, &frame.accumulators),
            _ => Ok(()),
        }
    }

    /// Makes an event of what the accumulators of a window of a group have come to.
    pub(super) fn make(
        &mut self,
        group: &Group,
        at: usize,
        accumulators: &[Accumulator],
    ) -> Eval<()> {
        let select = self.select;
        let Some(window) = select.windows.get(at) else {
            return Ok(());
        };
        let arena = self.arena;
        let mut results = accumulators.iter();
        let next = |results: &mut std::slice::Iter<'_, Accumulator>| {
            results.next().map_or(Value::NULL, |one| one.result(arena))
        };
        let aggregates = arena.array_of(accumulators.len(), &mut results, next, |_| None);
        let group = self.stored_group(group);
        let mut state = OwnedValue::Null;
        let mut machine = Machine::new(self.pool, arena, self.memory, &mut state);
        machine.meta = self.event.meta;
        machine.ingest_ns = self.event.ingest_ns;
        machine.aggregates = aggregates.as_array().map_or(&[], |all| all.as_slice());
        machine.group = group;
        machine.groups = self.kept;
        machine.window = Value::from(arena.str(&window.name));
        let data = machine.value(&select.target)?;
        if let Some(having) = &select.having {
            machine.event = data;
            if !machine.condition(&having.code, having.span, select.span)? {
                return Ok(());
            }
        }
        self.made.push(Event {
            data,
            ..self.event.with_batch(false)
        });
        Ok(())
    }

    fn stored_group(&mut self, group: &Group) -> Value<'a> {
        let values = &mut self.memory.stacks.values;
        let base = values.len();
        values.extend(group.values.iter().map(|value| self.arena.value(value)));
        let stored = values.get(base..).unwrap_or_default();
        let value = group_value(stored, &mut self.memory.stacks.bytes, self.arena);
        self.memory.stacks.values.truncate(base);
        value
    }
}
