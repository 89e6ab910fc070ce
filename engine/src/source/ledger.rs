//! What a source is told, and when: the fates of its pulls and the answers to what it says of its lanes.

use std::collections::BTreeMap;

use temblor_pdk::{Command, Error, ErrorKind, Fate, FateRange, Lane, LaneNotice, Result};

use super::keep::{Keep, ToStore};
use crate::fate::{Prefix, Settled};

/// So many lanes are stored at one time: each waits for the disk in a thread of its own.
const MOST_STORING: usize = 32;

/// The pulls of an instance whose fates it was not told yet, and its lanes.
#[derive(Default)]
pub(crate) struct Ledger {
    prefix: Prefix,
    /// Of pulls that could not be decoded.
    undecodable: Vec<Command>,
    /// Lanes that have begun and not ended, of a source that tells of them.
    lanes: BTreeMap<Lane, Begun>,
    /// What is stored and was not told.
    stored: Vec<Command>,
    /// Nothing more can be written down.
    is_closed: bool,
}

struct Begun {
    name: String,
    /// When it has to have moved away, by the host's clock; none while it stays.
    deadline_ns: Option<u64>,
    /// None where nothing is kept of the lane.
    keep: Option<Keep>,
}

impl Begun {
    /// Whether it should have moved away by now.
    fn is_late(&self, now_ns: u64) -> bool {
        self.deadline_ns.is_some_and(|at_ns| at_ns <= now_ns)
    }
}

/// What follows from what a source says of a lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing now.
    Later,
    /// The lane begins, with this position outside.
    Begin(Lane, String, Option<u64>),
    /// The lane is gone.
    Gone(Lane),
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct ToDo {
    /// What the source is told, in this order.
    pub(super) commands: Vec<Command>,
    /// The names of lanes that had to be given up.
    pub(super) given_up: Vec<String>,
    /// Lanes of which nothing more is kept.
    pub(super) gone: Vec<Lane>,
    /// Lanes of which a mark is to be set.
    pub(super) marks: Vec<Lane>,
    /// What is to be stored, by the names of the lanes.
    pub(super) stores: Vec<(String, ToStore)>,
}

impl Ledger {
    /// Notes a pull before anything can settle it.
    pub(crate) fn opened(&mut self, lane: Lane, pull: u64, position: Option<u64>) {
        self.prefix.opened(lane, pull);
        if let Some(keep) = self.keep(lane)
            && let Some(position) = position
        {
            keep.handed_over(pull, position);
        }
    }

    /// Notes what became of a pull.
    pub(crate) fn settled(&mut self, settled: Settled) {
        self.prefix.settled(settled);
    }

    /// Notes what is to be said of pulls that could not be decoded.
    pub(crate) fn undecodable(&mut self, commands: impl IntoIterator<Item = Command>) {
        self.undecodable.extend(commands);
    }

    fn keep(&mut self, lane: Lane) -> Option<&mut Keep> {
        self.lanes.get_mut(&lane)?.keep.as_mut()
    }

    /// Looks whether a source that tells of its lanes may hand over records of this one, with this position.
    ///
    /// # Errors
    /// If it must not.
    pub(crate) fn check(&self, lane: Lane, position: Option<u64>) -> Result<()> {
        match self.lanes.get(&lane) {
            Some(Begun {
                deadline_ns: None,
                keep: Some(_),
                name,
            }) if position.is_none() => Err(misuse(format!(
                "a pull of lane {lane}, `{name}`, whose state is kept, came without a position"
            ))),
            Some(begun) if begun.deadline_ns.is_none() => Ok(()),
            Some(begun) => Err(misuse(format!(
                "a pull handed over records of lane {lane}, `{}`, which it had ended",
                begun.name
            ))),
            None => Err(misuse(format!(
                "a pull handed over records of lane {lane}, which has not begun or has moved away"
            ))),
        }
    }

    /// Takes in what a source says of a lane.
    ///
    /// # Errors
    /// If the source must not say this.
    pub(super) fn take_notice(&mut self, notice: LaneNotice) -> Result<Answer> {
        match notice {
            LaneNotice::Begin {
                lane,
                name,
                committed,
            } => {
                self.check_name(lane, &name)?;
                self.forget(lane);
                self.lanes.remove(&lane);
                Ok(Answer::Begin(lane, name, committed))
            }
            LaneNotice::End { lane, deadline_ns } => match self.lanes.get_mut(&lane) {
                Some(begun) if begun.deadline_ns.is_none() => {
                    begun.deadline_ns = Some(deadline_ns);
                    begun.keep.iter_mut().for_each(Keep::hurry);
                    Ok(Answer::Later)
                }
                _ => Err(misuse(format!(
                    "it ended lane {lane}, which has not begun or was ended before"
                ))),
            },
            // It may have been given up already, because its deadline had passed.
            LaneNotice::Lose { lane } => {
                self.forget(lane);
                self.lanes.remove(&lane);
                Ok(Answer::Gone(lane))
            }
        }
    }

    fn check_name(&self, lane: Lane, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(misuse(format!("it began lane {lane} without a name")));
        }
        let mut others = self.lanes.iter().filter(|(other, _)| **other != lane);
        match others.find(|(_, begun)| begun.name == name) {
            None => Ok(()),
            Some((other, _)) => Err(misuse(format!(
                "it began lane {lane} with the name `{name}`, which lane {other} has"
            ))),
        }
    }

    /// A lane has begun.
    pub(super) fn begin(&mut self, lane: Lane, name: String, keep: Option<Keep>) {
        let begun = Begun {
            name,
            deadline_ns: None,
            keep,
        };
        self.lanes.insert(lane, begun);
    }

    /// What was pulled of a lane counts for nothing any more.
    fn forget(&mut self, lane: Lane) {
        self.prefix.forget(lane);
        let is_of = |command: &Command| matches!(command, Command::Undecodable(of, ..) | Command::Stored(of, _) if *of == lane);
        self.undecodable.retain(|command| !is_of(command));
        self.stored.retain(|command| !is_of(command));
    }

    /// A mark of this number is set behind the latest pull of a lane.
    pub(super) fn marked(&mut self, lane: Lane, number: u64) {
        if let Some(keep) = self.keep(lane) {
            keep.mark(number);
        }
    }

    /// The states at a mark are there, or cannot be had. Returns the name of the lane, if the mark counts.
    pub(super) fn collected(
        &mut self,
        number: u64,
        states: Option<Vec<(String, Vec<u8>)>>,
        now_ns: u64,
    ) -> Option<&str> {
        let begun = self.lanes.values_mut().find(|begun| {
            let keep = begun.keep.as_ref();
            keep.is_some_and(|keep| keep.collects(number))
        })?;
        begun.keep.as_mut()?.collected(states, now_ns);
        Some(&begun.name)
    }

    /// Time has changed what is kept in this life of a lane.
    pub(super) fn passed(&mut self, number: u64) {
        let mut keeps = self
            .lanes
            .values_mut()
            .filter_map(|begun| begun.keep.as_mut());
        if let Some(keep) = keeps.find(|keep| keep.is_life(number)) {
            keep.changed();
        }
    }

    /// What was to be stored is, or could not be. Returns the name of the lane, if it counts.
    pub(super) fn stored(&mut self, number: u64, is_stored: bool, now_ns: u64) -> Option<&str> {
        let Ledger { lanes, stored, .. } = self;
        let (lane, begun) = lanes.iter_mut().find(|(_, begun)| {
            let keep = begun.keep.as_ref();
            keep.is_some_and(|keep| keep.storing() == Some(number))
        })?;
        if let Some(position) = begun.keep.as_mut()?.stored(is_stored, now_ns) {
            stored.push(Command::Stored(*lane, position));
        }
        Some(&begun.name)
    }

    /// What is to be done now. Lanes that end are let go once nothing of them is in flight and all is stored, or when
    /// their time is up.
    pub(super) fn take(&mut self, now_ns: u64) -> ToDo {
        let ranges = self.prefix.take();
        self.learn(&ranges);
        // Reasons first: who answers the sender does so with the fate.
        let mut to_do = ToDo {
            commands: std::mem::take(&mut self.undecodable),
            ..ToDo::default()
        };
        let fates = (!ranges.is_empty()).then_some(Command::Fates(ranges));
        to_do.commands.extend(fates);
        to_do.commands.append(&mut self.stored);
        to_do.stores = self.take_to_store(now_ns);
        let is_closed = self.is_closed;
        let Ledger { lanes, prefix, .. } = self;
        lanes.retain(|lane, begun| {
            let keep = begun.keep.as_ref().filter(|_| !begun.is_late(now_ns));
            if keep.is_some_and(|keep| keep.is_due(now_ns)) && !is_closed {
                to_do.marks.push(*lane);
            }
            stays(*lane, begun, prefix, now_ns, &mut to_do)
        });
        to_do
    }

    /// What is to be stored now, by the names of the lanes. If there is more than can be, those have their turn first
    /// that were marked first.
    fn take_to_store(&mut self, now_ns: u64) -> Vec<(String, ToStore)> {
        let ready = |(lane, begun): (&Lane, &Begun)| {
            let keep = begun.keep.as_ref().filter(|_| !begun.is_late(now_ns))?;
            Some((keep.ready(self.prefix.first_open(*lane))?, *lane))
        };
        let mut ready: Vec<(u64, Lane)> = self.lanes.iter().filter_map(ready).collect();
        if ready.is_empty() {
            return Vec::new();
        }
        let storing = |begun: &&Begun| begun.keep.as_ref().is_some_and(|k| k.storing().is_some());
        let storing = self.lanes.values().filter(storing).count();
        ready.sort_unstable();
        ready.truncate(MOST_STORING.saturating_sub(storing));
        let stores = ready.into_iter().filter_map(|(_, lane)| {
            let begun = self.lanes.get_mut(&lane)?;
            let store = begun.keep.as_mut()?.take_to_store()?;
            Some((begun.name.clone(), store))
        });
        stores.collect()
    }

    /// Notes of which pulls the source learns that they have failed.
    fn learn(&mut self, ranges: &[FateRange]) {
        for range in ranges.iter().filter(|range| range.fate == Fate::Failed) {
            if let Some(keep) = self.keep(range.lane) {
                keep.failed(range.first_pull);
            }
        }
    }

    /// The source has said nothing of lanes where it could have: what it knows to have failed it has passed over, but
    /// for lanes that move away, which fail again wherever they come to.
    pub(super) fn went_on(&mut self) {
        let stay = self
            .lanes
            .values_mut()
            .filter(|begun| begun.deadline_ns.is_none());
        stay.filter_map(|begun| begun.keep.as_mut())
            .for_each(Keep::went_on);
    }

    /// What is kept of every lane is written down once more; nothing more comes.
    pub(super) fn close(&mut self) {
        let keeps = self
            .lanes
            .values_mut()
            .filter_map(|begun| begun.keep.as_mut());
        keeps.for_each(Keep::close);
    }

    /// Nothing more can be written down.
    pub(super) fn closed(&mut self) {
        self.is_closed = true;
    }

    /// Whether something is being collected or stored.
    pub(super) fn is_busy(&self) -> bool {
        let mut keeps = self.lanes.values().filter_map(|begun| begun.keep.as_ref());
        keeps.any(Keep::is_busy)
    }

    /// Whether nothing more can be written down.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The names of lanes of which something is not stored.
    pub(super) fn behind(&self) -> Vec<&str> {
        let is_behind = |begun: &&Begun| begun.keep.as_ref().is_some_and(Keep::is_behind);
        let behind = self.lanes.values().filter(is_behind);
        behind.map(|begun| &*begun.name).collect()
    }

    /// The lanes that have begun.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        self.lanes.keys().copied().collect()
    }

    /// When there is something to be done at the latest, by the host's clock.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        let due = self.lanes.values().flat_map(|begun| {
            let keep = begun.keep.as_ref().filter(|_| !self.is_closed);
            [begun.deadline_ns, keep.and_then(Keep::due_ns)]
        });
        due.flatten().min()
    }
}

/// Whether a lane stays. One that goes is let go in peace, or given up.
fn stays(
    lane: Lane,
    begun: &mut Begun,
    prefix: &mut Prefix,
    now_ns: u64,
    to_do: &mut ToDo,
) -> bool {
    let Some(deadline_ns) = begun.deadline_ns else {
        return true;
    };
    if !prefix.has(lane) && begun.keep.as_ref().is_none_or(Keep::is_done) {
        to_do.commands.push(Command::Revoke(lane, deadline_ns));
    } else if now_ns < deadline_ns {
        return true;
    } else {
        prefix.forget(lane);
        to_do.commands.push(Command::Lost(lane));
        to_do.given_up.push(std::mem::take(&mut begun.name));
    }
    to_do.gone.push(lane);
    false
}

fn misuse(what: String) -> Error {
    Error::new(ErrorKind::Bug, what)
}

#[cfg(test)]
mod tests;
