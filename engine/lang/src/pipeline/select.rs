//! Running selects.

use temblor_pdk::value::{Event, OwnedValue, Value};

use super::run::Run;
use super::state::NodeState;
use super::{SelectNode, Target};
use crate::eval::{Eval, Machine};
use crate::group::group_value;
use crate::report::report;
use crate::window::{self, Surroundings, Taken, WindowedSelect};

impl<'a> Run<'_, 'a> {
    pub(super) fn select(&mut self, select: &SelectNode, event: Event<'a>) -> Eval<()> {
        let mut state = OwnedValue::Null;
        let parts = &mut self.parts;
        let memory = &mut parts.memory;
        let mut machine = Machine::new(&self.plan.pool, self.arena, memory, &mut state);
        machine.event = event.data;
        machine.meta = event.meta;
        machine.ingest_ns = event.ingest_ns;
        if let Some(filter) = &select.filter
            && !machine.condition(&filter.code, filter.span, select.span)?
        {
            return Ok(());
        }
        if let Some(span) = select.aggregate {
            return Err(crate::eval::no_window(span));
        }
        let Some(group) = &select.group else {
            if select.needs_group {
                let bytes = &mut machine.memory.stacks.bytes;
                machine.group = group_value(&[Value::NULL], bytes, self.arena);
            }
            if let Some(event) = project(select, event, &mut machine)? {
                self.send(&select.to, event);
            }
            return Ok(());
        };
        parts.groups.compute(group, &mut machine)?;
        parts.made.clear();
        for at in 0..parts.groups.count() {
            if select.needs_group {
                let bytes = &mut machine.memory.stacks.bytes;
                machine.group = group_value(parts.groups.get(at), bytes, self.arena);
            }
            parts.made.extend(project(select, event, &mut machine)?);
        }
        self.send_made(&select.to);
        Ok(())
    }

    /// Runs a select with windows for an event, or for a tick.
    pub(super) fn windowed(
        &mut self,
        at: usize,
        select: &WindowedSelect,
        to: &[Target],
        event: Option<Event<'a>>,
        now_ns: u64,
    ) -> Eval<()> {
        let parts = &mut self.parts;
        let Some(NodeState::Windows(windows)) = self.state.nodes.get_mut(at) else {
            return Ok(());
        };
        parts.made.clear();
        let mut around = Surroundings {
            select,
            pool: &self.plan.pool,
            arena: self.arena,
            memory: &mut parts.memory,
            groups: &mut parts.groups,
            event: event.unwrap_or_else(|| Event {
                ingest_ns: now_ns,
                ..Event::new(Value::NULL)
            }),
            group: Value::NULL,
            kept: 0,
            total: Vec::new(),
            made: &mut parts.made,
        };
        let Some(event) = event else {
            let ticked = window::tick(&mut around, windows);
            // What other groups have emitted is not lost because one fails.
            self.send_made(to);
            return ticked;
        };
        match window::event(&mut around, windows)? {
            Taken::No => {}
            Taken::Yes => {
                self.has_kept = true;
                self.send_made(to);
            }
            Taken::NoRoom if select.err.is_empty() => return Err(window::no_room(select)),
            Taken::NoRoom => {
                let sources = self.sources;
                let text = windows.no_room(|| report(&window::no_room(select), sources, false));
                let text = Value::from(self.arena.str(text));
                self.send_error(&select.err, text, event);
            }
        }
        Ok(())
    }

    fn send_made(&mut self, to: &[Target]) {
        let parts = &mut self.parts;
        for event in parts.made.drain(..) {
            parts
                .pending
                .extend(to.iter().map(|target| (*target, event)));
        }
    }
}

/// Evaluates target and `having`.
fn project<'a>(
    select: &SelectNode,
    event: Event<'a>,
    machine: &mut Machine<'_, 'a>,
) -> Eval<Option<Event<'a>>> {
    machine.event = event.data;
    let data = machine.value(&select.target)?;
    if let Some(having) = &select.having {
        machine.event = data;
        if !machine.condition(&having.code, having.span, select.span)? {
            return Ok(None);
        }
    }
    Ok(Some(Event { data, ..event }))
}
