//! Running a select with windows.

use temblor_pdk::value::{Arena, Event, OwnedValue, Value};

use super::code::WindowedSelect;
use super::state::{Group, Windows};
use crate::aggregate::Accumulator;
use crate::code::Code;
use crate::eval::{Eval, Machine, Memory, Pool};
use crate::finding::Finding;
use crate::group::{Groups, group_value, write_key};

/// What an event meets in a select with windows.
pub(crate) struct Surroundings<'r, 'a> {
    pub(crate) select: &'r WindowedSelect,
    pub(crate) pool: &'r Pool,
    pub(crate) arena: &'a Arena,
    pub(crate) memory: &'r mut Memory<'a>,
    pub(crate) groups: &'r mut Groups<'a>,
    /// The event; on a tick null, with the time.
    pub(crate) event: Event<'a>,
    /// The value of `group` while events are taken in.
    pub(crate) group: Value<'a>,
    /// The number of groups that are kept.
    pub(crate) kept: u64,
    /// What the panes of a sliding window come to.
    pub(crate) total: Vec<Accumulator>,
    /// The number of the run.
    pub(crate) run: u64,
    /// Whether a window could not be emitted, so that what it held is gone.
    pub(crate) has_lost: bool,
    /// Gets what comes out.
    pub(crate) made: &'r mut Vec<Event<'a>>,
}

impl<'r, 'a> Surroundings<'r, 'a> {
    /// A machine that runs a script or an argument for the event.
    pub(super) fn machine<'m>(&'m mut self, state: &'m mut OwnedValue) -> Machine<'m, 'a> {
        let mut machine = Machine::new(self.pool, self.arena, self.memory, state);
        machine.event = self.event.data;
        machine.meta = self.event.meta;
        machine.ingest_ns = self.event.ingest_ns;
        machine.group = self.group;
        machine.groups = self.kept;
        machine
    }

    /// Whether the event passes the `where`, and if so the groups that it is in.
    fn dispatch(&mut self) -> Eval<bool> {
        let select = self.select;
        let groups = std::mem::take(self.groups);
        let mut state = OwnedValue::Null;
        let mut machine = self.machine(&mut state);
        if let Some(filter) = &select.filter
            && !machine.condition(&filter.code, filter.span, select.span)?
        {
            *self.groups = groups;
            return Ok(false);
        }
        let mut groups = groups;
        let done = match &select.group {
            Some(code) => groups.compute(code, &mut machine),
            None => {
                groups.none();
                Ok(())
            }
        };
        *self.groups = groups;
        done.map(|()| true)
    }
}

/// Whether an event was taken in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taken {
    Yes,
    /// It does not pass the `where`.
    No,
    /// There are too many groups.
    NoRoom,
}

/// Takes an event into the windows of its groups. Nothing of what it makes come out counts if it fails.
///
/// # Errors
/// Fails if an expression fails.
pub(crate) fn event(around: &mut Surroundings<'_, '_>, windows: &mut Windows) -> Eval<Taken> {
    if !around.dispatch()? {
        return Ok(Taken::No);
    }
    around.total = std::mem::take(&mut windows.total);
    let groups = std::mem::take(around.groups);
    let mut done = Ok(Taken::Yes);
    for at in 0..groups.count() {
        done = in_group(around, windows, groups.get(at));
        if !matches!(done, Ok(Taken::Yes)) {
            break;
        }
    }
    *around.groups = groups;
    windows.total = std::mem::take(&mut around.total);
    done
}

fn in_group<'a>(
    around: &mut Surroundings<'_, 'a>,
    windows: &mut Windows,
    values: &[Value<'a>],
) -> Eval<Taken> {
    let select = around.select;
    write_key(values, &mut windows.key);
    let found = match windows.groups.find(&windows.key) {
        Some(found) => found,
        None => {
            if windows.groups.len() >= select.max_groups {
                return Ok(Taken::NoRoom);
            }
            let found = windows.groups.claim(&windows.key, || Group::new(select));
            if let Some(group) = windows.groups.get_mut(found.slot) {
                group.start(select, values);
            }
            found
        }
    };
    around.kept = windows.groups.len() as u64;
    if select.needs_group {
        let bytes = &mut around.memory.stacks.bytes;
        around.group = group_value(values, bytes, around.arena);
    }
    let Some(group) = windows.groups.get_mut(found.slot) else {
        return Ok(Taken::Yes);
    };
    let before = group.since().filter(|_| !found.is_new);
    let done = around.take(group);
    let holds = group.holds();
    let after = match found.is_new {
        true => group.since().filter(|_| done.is_ok()),
        false => group.since(),
    };
    match (found.is_new, holds, &done) {
        (true, true, Ok(())) => windows.groups.keep(found),
        (true, ..) => {
            group.inherits = true;
            windows.groups.release(found.slot);
        }
        (false, false, _) => windows.groups.release(found.slot),
        _ => {}
    }
    windows.changed(before, after);
    done.map(|()| Taken::Yes)
}

/// What is said about an event for whose group there is no room.
#[cold]
pub(crate) fn no_room(select: &WindowedSelect) -> Box<Finding> {
    let max = select.max_groups;
    let message = format!(
        "maximum number of groups reached ({max}), ignoring group {}",
        max.saturating_add(1)
    );
    let finding = Finding::error(Code::TooLarge, select.group_span, message);
    Box::new(finding.context(select.span).help(
        "groups are dropped when their windows emit; `max_groups` in the `with` of the window raises the limit",
    ))
}

/// Closes what time has closed.
///
/// # Errors
/// Fails if an expression fails; the groups behind it are asked with the next tick.
pub(crate) fn tick(around: &mut Surroundings<'_, '_>, windows: &mut Windows) -> Eval<()> {
    around.total = std::mem::take(&mut windows.total);
    let done = tick_all(around, windows);
    windows.total = std::mem::take(&mut around.total);
    done
}

fn tick_all(around: &mut Surroundings<'_, '_>, windows: &mut Windows) -> Eval<()> {
    for slot in 0..windows.groups.slots() {
        if !windows.groups.is_kept(slot) {
            continue;
        }
        around.kept = windows.groups.len() as u64;
        let Some(group) = windows.groups.get_mut(slot) else {
            continue;
        };
        let before = group.since();
        let done = around.tick(group);
        let after = group.since();
        if !group.holds() {
            windows.groups.release(slot);
        }
        windows.changed(before, after);
        done?;
    }
    Ok(())
}
