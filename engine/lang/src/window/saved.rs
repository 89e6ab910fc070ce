//! What windows hold, written and read again.
//!
//! Groups keep their places, since time passes for them in that order.

use temblor_pdk::value::Arena;

use super::code::{WindowRule, WindowedSelect};
use super::panes::Panes;
use super::state::{Frame, Group, Progress, Windows};
use crate::aggregate::Accumulator;
use crate::group::{Table, write_key};
use crate::saved::{Loaded, Reader, Writer};

impl Windows {
    /// # Errors
    /// Fails if a value nests too deep.
    pub(crate) fn save(&self, out: &mut Writer) -> Loaded<()> {
        let groups = &self.groups;
        let kept = (0..groups.slots()).filter(|slot| groups.is_kept(*slot));
        out.list(groups.len());
        for (slot, group) in kept.filter_map(|slot| Some((slot, groups.get(slot)?))) {
            out.uint(slot as u64);
            group.save(out)?;
        }
        let (free, empty) = groups.left();
        out.list(free.len());
        for slot in free {
            out.uint(*slot as u64);
            let heir = groups.get(*slot).filter(|group| group.inherits);
            out.bool(heir.is_some());
            heir.map_or(Ok(()), |heir| heir.save_states(out))?;
        }
        out.list(empty.len());
        empty.iter().for_each(|slot| out.uint(*slot as u64));
        Ok(())
    }

    /// # Errors
    /// Fails if it was not that which was written.
    pub(crate) fn load(select: &WindowedSelect, from: &mut Reader<'_>) -> Loaded<Self> {
        let arena = Arena::new();
        let mut values = Vec::new();
        let kept = from.all(|from| {
            let slot = from.place()?;
            let group = Group::load(select, from)?;
            let mut key = Vec::new();
            values.clear();
            values.extend(group.values.iter().map(|value| arena.value(value)));
            write_key(&values, &mut key);
            Ok((slot, key, group))
        })?;
        let free = from.all(|from| {
            let slot = from.place()?;
            let heir = match from.bool()? {
                true => Some(Group::load_states(select, from)?),
                false => None,
            };
            Ok((slot, heir))
        })?;
        let empty = from.all(Reader::place)?;
        let mut windows = Windows::default();
        windows.groups = Table::of(kept, free, empty).ok_or("groups share their places")?;
        Ok(windows)
    }
}

impl Group {
    fn save(&self, out: &mut Writer) -> Loaded<()> {
        out.values(&self.values)?;
        out.list(self.frames.len());
        self.frames.iter().try_for_each(|frame| frame.save(out))
    }

    fn load(select: &WindowedSelect, from: &mut Reader<'_>) -> Loaded<Self> {
        let mut group = Group::new(select);
        group.values = from.all(Reader::value)?;
        from.list_of(group.frames.len())?;
        for (frame, window) in group.frames.iter_mut().zip(&select.windows) {
            frame.load(select, &window.rule, from)?;
        }
        Ok(group)
    }

    /// The states of its windows, which are all that the next group takes over.
    fn save_states(&self, out: &mut Writer) -> Loaded<()> {
        for frame in &self.frames {
            if let Progress::State(state) = &frame.progress {
                out.value(state)?;
            }
        }
        Ok(())
    }

    fn load_states(select: &WindowedSelect, from: &mut Reader<'_>) -> Loaded<Self> {
        let mut group = Group::new(select);
        group.inherits = true;
        for frame in &mut group.frames {
            if let Progress::State(state) = &mut frame.progress {
                *state = from.value()?;
            }
        }
        Ok(group)
    }
}

impl Frame {
    fn save(&self, out: &mut Writer) -> Loaded<()> {
        out.bool(self.holds);
        self.progress.save(out)?;
        // Also if they hold no whole event: one that failed may have been taken into some of them.
        save_all(&self.accumulators, out)
    }

    fn load(
        &mut self,
        select: &WindowedSelect,
        rule: &WindowRule,
        from: &mut Reader<'_>,
    ) -> Loaded<()> {
        self.holds = from.bool()?;
        self.progress = Progress::load(select, rule, from)?;
        load_all(&mut self.accumulators, from)
    }
}

impl Progress {
    fn save(&self, out: &mut Writer) -> Loaded<()> {
        match self {
            Progress::Count(count) => out.uint(*count),
            Progress::Until(end) => out.maybe(*end, Writer::uint),
            Progress::State(state) => out.value(state)?,
            Progress::Sliding(panes) => panes.save(out)?,
        }
        Ok(())
    }

    fn load(select: &WindowedSelect, rule: &WindowRule, from: &mut Reader<'_>) -> Loaded<Progress> {
        let mut progress = Progress::new(rule);
        match &mut progress {
            Progress::Count(count) => *count = from.uint()?,
            Progress::Until(end) => *end = from.maybe(Reader::uint)?,
            Progress::State(state) => *state = from.value()?,
            Progress::Sliding(panes) => panes.load(select, from)?,
        }
        Ok(progress)
    }
}

impl Panes {
    fn save(&self, out: &mut Writer) -> Loaded<()> {
        out.uint(self.weight);
        out.maybe(self.end, Writer::uint);
        out.uint(self.missing as u64);
        out.list(self.complete.len());
        for pane in &self.complete {
            out.bool(pane.is_some());
            if let Some(pane) = pane {
                save_all(pane, out)?;
            }
        }
        Ok(())
    }

    fn load(&mut self, select: &WindowedSelect, from: &mut Reader<'_>) -> Loaded<()> {
        self.weight = from.uint()?;
        self.end = from.maybe(Reader::uint)?;
        self.missing = from.place()?;
        let panes = from.all(|from| {
            Ok(match from.bool()? {
                true => {
                    let mut pane = select.pane();
                    load_all(&mut pane, from)?;
                    Some(pane)
                }
                false => None,
            })
        })?;
        if panes.len().saturating_add(self.missing) > self.slide.span {
            return Err("a sliding window has too many parts");
        }
        self.filled = panes.iter().flatten().count();
        self.complete = panes.into();
        Ok(())
    }
}

fn save_all(accumulators: &[Accumulator], out: &mut Writer) -> Loaded<()> {
    let mut accumulators = accumulators.iter();
    accumulators.try_for_each(|accumulator| accumulator.save(out))
}

fn load_all(accumulators: &mut [Accumulator], from: &mut Reader<'_>) -> Loaded<()> {
    let mut accumulators = accumulators.iter_mut();
    accumulators.try_for_each(|accumulator| accumulator.load(from))
}
