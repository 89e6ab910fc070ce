//! What a source is told, and when: the fates of its pulls and the answers to what it says of its lanes.

use std::collections::BTreeMap;

use temblor_pdk::{Command, Error, ErrorKind, Lane, LaneNotice, LaneStart, Result};

use crate::fate::{Prefix, Settled};

/// The pulls of an instance whose fates it was not told yet, and its lanes.
#[derive(Default)]
pub(crate) struct Ledger {
    prefix: Prefix,
    /// Of pulls that could not be decoded.
    undecodable: Vec<Command>,
    /// Lanes that have begun and not ended, of a source that tells of them.
    lanes: BTreeMap<Lane, Begun>,
}

struct Begun {
    name: String,
    /// When it has to have moved away, by the host's clock; none while it stays.
    deadline_ns: Option<u64>,
}

impl Ledger {
    /// Notes a pull before anything can settle it.
    pub(crate) fn opened(&mut self, lane: Lane, pull: u64) {
        self.prefix.opened(lane, pull);
    }

    /// Notes what became of a pull.
    pub(crate) fn settled(&mut self, settled: Settled) {
        self.prefix.settled(settled);
    }

    /// Notes what is to be said of pulls that could not be decoded.
    pub(crate) fn undecodable(&mut self, commands: impl IntoIterator<Item = Command>) {
        self.undecodable.extend(commands);
    }

    /// Looks whether a source that tells of its lanes may hand over records of this one.
    ///
    /// # Errors
    /// If it must not.
    pub(crate) fn check(&self, lane: Lane) -> Result<()> {
        match self.lanes.get(&lane) {
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

    /// Takes in what a source says of a lane; returns the answer, if it comes at once.
    ///
    /// # Errors
    /// If the source must not say this.
    pub(crate) fn take_notice(&mut self, notice: LaneNotice) -> Result<Option<Command>> {
        match notice {
            LaneNotice::Begin { lane, name, .. } => {
                self.check_name(lane, &name)?;
                self.forget(lane);
                let begun = Begun {
                    name,
                    deadline_ns: None,
                };
                self.lanes.insert(lane, begun);
                let position = None;
                Ok(Some(Command::Assigned(LaneStart {
                    lane,
                    position,
                    is_kept: false,
                })))
            }
            LaneNotice::End { lane, deadline_ns } => match self.lanes.get_mut(&lane) {
                Some(begun) if begun.deadline_ns.is_none() => {
                    begun.deadline_ns = Some(deadline_ns);
                    Ok(None)
                }
                _ => Err(misuse(format!(
                    "it ended lane {lane}, which has not begun or was ended before"
                ))),
            },
            // It may have been given up already, because its deadline had passed.
            LaneNotice::Lose { lane } => {
                self.forget(lane);
                self.lanes.remove(&lane);
                Ok(Some(Command::Lost(lane)))
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

    /// What was pulled of a lane counts for nothing any more.
    fn forget(&mut self, lane: Lane) {
        self.prefix.forget(lane);
        self.undecodable
            .retain(|command| !matches!(command, Command::Undecodable(of, ..) if *of == lane));
    }

    /// What can be told now, in this order. Lanes that end are let go once nothing of them is in flight, or when their
    /// time is up; the names of the latter are returned beside it.
    pub(crate) fn take(&mut self, now_ns: u64) -> (Vec<Command>, Vec<String>) {
        // Reasons first: who answers the sender does so with the fate.
        let mut commands = std::mem::take(&mut self.undecodable);
        let ranges = self.prefix.take();
        commands.extend((!ranges.is_empty()).then_some(Command::Fates(ranges)));
        let mut lost = Vec::new();
        let Ledger { lanes, prefix, .. } = self;
        lanes.retain(|lane, begun| {
            let Some(deadline_ns) = begun.deadline_ns else {
                return true;
            };
            if !prefix.has(*lane) {
                commands.push(Command::Revoke(*lane, deadline_ns));
                return false;
            }
            if now_ns < deadline_ns {
                return true;
            }
            prefix.forget(*lane);
            commands.push(Command::Lost(*lane));
            lost.push(std::mem::take(&mut begun.name));
            false
        });
        (commands, lost)
    }

    /// When there is something to be told at the latest, by the host's clock.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        let deadlines = self.lanes.values().filter_map(|begun| begun.deadline_ns);
        deadlines.min()
    }
}

fn misuse(what: String) -> Error {
    Error::new(ErrorKind::Bug, what)
}

#[cfg(test)]
mod tests;
