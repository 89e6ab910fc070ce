//! Partitions as lanes: which are this member's, what of them is in flight, and how far everything before is done.

mod notices;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use temblor_pdk::{Backoff, BackoffPolicy, Fate, FateRange, Lane};

use crate::config::OnFailed;
use crate::place::Place;
use notices::Known;

/// How long to wait before a record whose event failed is consumed again, and how often.
const AGAIN: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(100),
    growth: 2.0,
    max: Duration::from_secs(5),
    randomized: true,
};
const TRIES: u32 = 5;

/// A pull whose fate is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) pull: u64,
    /// The offset of its first record.
    pub(crate) first: i64,
    /// The offset behind its last one.
    pub(crate) next: i64,
    pub(crate) records: usize,
    /// The offsets of its records, where they have gaps.
    pub(crate) offsets: Option<Arc<[i64]>>,
    /// So many of its records have their fate.
    pub(crate) settled: usize,
}

impl Sent {
    /// The offset of a record of it, or the one behind it.
    fn offset(&self, at: usize) -> i64 {
        if at >= self.records {
            return self.next;
        }
        let gaps = self.offsets.as_ref().and_then(|all| all.get(at).copied());
        gaps.unwrap_or(self.first + at as i64)
    }

    /// One record of it.
    fn one(&self, at: usize) -> Sent {
        let first = self.offset(at);
        Sent {
            pull: self.pull,
            first,
            next: first + 1,
            records: 1,
            offsets: None,
            settled: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Another member's, or nobody's.
    Gone,
    Assigned,
    /// It is about to go: nothing more is handed over.
    Stopping,
    /// Another member's already, which librdkafka is about to say.
    Lost,
    /// It is about to be consumed again from an earlier offset.
    Rewinding,
}

struct LaneState {
    place: Place,
    status: Status,
    /// Grows whenever what was fetched before counts for nothing any more.
    generation: u64,
    sent: VecDeque<Sent>,
    /// The offset before which everything may be committed, since the lane was assigned.
    reached: Option<i64>,
    /// The offset before which everything is done, where that is committed only once the engine has stored it.
    done: Option<i64>,
    is_kept: bool,
    /// Whether that is not stored yet.
    is_news: bool,
    /// The offset that a consumer would begin with that got the lane now; none before anything was handed over.
    committed: Option<i64>,
    known: Known,
    /// The group's position, once it was asked for.
    outside: Option<i64>,
    /// When a lane that moves away has to be gone, by the host's clock.
    deadline_ns: u64,
    again: Backoff,
    /// The record that is consumed again.
    again_at: i64,
    /// Where it is consumed again from, once the engine knows that it begins anew.
    rewind: Option<Rewind>,
    /// Where it was told to go on, which need not be where the group stands.
    begins_at: Option<i64>,
}

/// All lanes that this connector has seen. A partition keeps its number.
#[derive(Default)]
pub(crate) struct Lanes {
    numbers: HashMap<Place, usize>,
    lanes: Vec<LaneState>,
    /// Whether the engine may have to be told something.
    has_notices: bool,
}

/// What has to be done because of fates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A lane is consumed again from an offset on.
    Rewind(Place, i64),
    /// A record was passed over.
    Skipped(Place, i64),
    /// It is no use: the records of a pull, and how often they were tried.
    GiveUp(Place, Sent, u32),
}

/// A lane that is consumed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewind {
    pub(crate) lane: Lane,
    pub(crate) place: Place,
    pub(crate) generation: u64,
    pub(crate) offset: i64,
    pub(crate) one_by_one_until: i64,
    pub(crate) wait: Duration,
    /// Whether the offset is one that the engine has stored, and the group may be further.
    pub(crate) is_stored: bool,
}

impl Lanes {
    fn get(&self, place: &Place) -> Option<&LaneState> {
        self.lanes.get(*self.numbers.get(place)?)
    }

    fn get_mut(&mut self, place: &Place) -> Option<&mut LaneState> {
        self.lanes.get_mut(*self.numbers.get(place)?)
    }

    /// Which partition a lane is.
    pub(crate) fn place(&self, lane: Lane) -> Option<&Place> {
        Some(&self.lanes.get(lane as usize)?.place)
    }

    /// A partition is this member's from here on.
    pub(crate) fn assign(&mut self, place: &Place) {
        let number = match self.numbers.get(place) {
            Some(number) => *number,
            None => {
                self.numbers.insert(place.clone(), self.lanes.len());
                self.lanes.push(LaneState::new(place.clone()));
                self.lanes.len() - 1
            }
        };
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.begin_anew();
            lane.status = Status::Assigned;
            lane.again.reset();
        }
        self.has_notices = true;
    }

    /// A partition is gone. Fates of what it had in flight move nothing any more.
    pub(crate) fn release(&mut self, place: &Place) {
        if let Some(lane) = self.get_mut(place) {
            lane.begin_anew();
        }
        self.has_notices = true;
    }

    /// The partitions that are this member's, as far as librdkafka has said.
    pub(crate) fn held(&self) -> Vec<Place> {
        let held = self.lanes.iter().filter(|lane| lane.status != Status::Gone);
        held.map(|lane| lane.place.clone()).collect()
    }

    /// How many records of a partition are in flight.
    pub(crate) fn in_flight(&self, place: &Place) -> usize {
        let lane = self.get(place);
        lane.map_or(0, |lane| {
            lane.sent
                .iter()
                .map(|sent| sent.records - sent.settled)
                .sum()
        })
    }

    /// The offset before which everything of a partition is done.
    pub(crate) fn reached(&self, place: &Place) -> Option<i64> {
        self.get(place)?.reached
    }

    /// Number and generation of a partition of which records may be handed over.
    pub(crate) fn open(&self, place: &Place) -> Option<(Lane, u64)> {
        let number = *self.numbers.get(place)?;
        let lane = self.lanes.get(number)?;
        (lane.status == Status::Assigned).then_some((number as Lane, lane.generation))
    }

    /// Notes a pull that is handed over; says whether it still may be.
    pub(crate) fn send(&mut self, lane: Lane, generation: u64, sent: Sent) -> bool {
        let Some(lane) = self.lanes.get_mut(lane as usize) else {
            return false;
        };
        let may = lane.is_begun(generation);
        if may {
            lane.committed.get_or_insert(sent.first);
            lane.sent.push_back(sent);
        }
        may
    }

    /// How many records were delivered and are not committed, so that they would come again.
    pub(crate) fn uncommitted(&self) -> u64 {
        self.lanes.iter().map(LaneState::uncommitted).sum()
    }

    /// What there is to commit.
    pub(crate) fn to_commit(&self) -> Vec<(Place, i64)> {
        let lanes = self.lanes.iter().filter(|lane| lane.uncommitted() > 0);
        let reached = lanes.filter_map(|lane| Some((lane.place.clone(), lane.reached?)));
        reached.collect()
    }

    /// A partition is committed up to an offset.
    pub(crate) fn committed(&mut self, place: &Place, offset: i64) {
        if let Some(lane) = self.get_mut(place) {
            lane.committed = lane.committed.map(|before| before.max(offset));
        }
    }

    /// Where this member stands in those partitions of which it has handed something over.
    pub(crate) fn standing(&self) -> Vec<(Place, i64)> {
        let held = self.lanes.iter().filter(|lane| lane.may_commit());
        let standing = held.filter_map(|lane| {
            let offset = lane.reached.or(lane.committed)?;
            Some((lane.place.clone(), offset))
        });
        standing.collect()
    }

    /// All partitions are another member's: nothing more of them is handed over.
    pub(crate) fn stop_all(&mut self) {
        let held = self.lanes.iter_mut();
        for lane in held.filter(|lane| lane.status != Status::Gone) {
            lane.status = Status::Lost;
        }
    }

    /// Whether a rewinding lane still waits for this; if so, it goes on.
    pub(crate) fn rewound(&mut self, rewind: &Rewind) -> bool {
        let Some(lane) = self.lanes.get_mut(rewind.lane as usize) else {
            return false;
        };
        let may = lane.status == Status::Rewinding && lane.generation == rewind.generation;
        if may {
            lane.status = Status::Assigned;
            lane.begins_at = Some(rewind.offset);
            // The engine has to know how far the group is.
            self.has_notices = true;
        }
        may
    }

    /// Where a partition goes on of which nothing has come yet; none where that is where the group stands.
    pub(crate) fn begins_at(&self, place: &Place) -> Option<i64> {
        self.get(place)?.begins_at
    }

    /// Whether a lane is still to be consumed again as this says.
    pub(crate) fn is_rewinding(&self, rewind: &Rewind) -> bool {
        let lane = self.lanes.get(rewind.lane as usize);
        lane.is_some_and(|lane| {
            lane.status == Status::Rewinding && lane.generation == rewind.generation
        })
    }

    /// The offsets that were reached since they were asked for last.
    pub(crate) fn news(&mut self) -> Vec<(Place, i64)> {
        let has_news = |lane: &&mut LaneState| lane.may_commit() && lane.is_news;
        let news = self.lanes.iter_mut().filter(has_news).filter_map(|lane| {
            lane.is_news = false;
            Some((lane.place.clone(), lane.reached?))
        });
        news.collect()
    }

    /// Takes fates in that say nothing of how far the group has come.
    pub(crate) fn pass(&mut self, fates: &[FateRange]) {
        for range in fates {
            if let Some(lane) = self.lanes.get_mut(range.lane as usize) {
                lane.sent.retain(|sent| sent.pull > range.last_pull);
            }
        }
    }

    /// Takes fates in, which come in order within a lane. Those of what was in flight before a lane went count for
    /// nothing.
    pub(crate) fn settle(&mut self, fates: &[FateRange], policy: OnFailed) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for range in fates {
            if let Some(lane) = self.lanes.get_mut(range.lane as usize) {
                lane.settle(range, policy, &mut deeds);
            }
        }
        self.has_notices |= !deeds.is_empty();
        deeds
    }
}

impl LaneState {
    fn new(place: Place) -> Self {
        LaneState {
            place,
            status: Status::Gone,
            generation: 0,
            sent: VecDeque::new(),
            reached: None,
            done: None,
            is_kept: false,
            is_news: false,
            committed: None,
            known: Known::default(),
            outside: None,
            deadline_ns: 0,
            again: Backoff::new(AGAIN),
            again_at: -1,
            rewind: None,
            begins_at: None,
        }
    }

    fn begin_anew(&mut self) {
        self.status = Status::Gone;
        self.generation += 1;
        self.sent.clear();
        self.reached = None;
        self.done = None;
        self.outside = None;
        self.rewind = None;
        self.is_news = false;
        self.committed = None;
        self.begins_at = None;
    }

    /// Whether it is for this member to say how far the group has come.
    fn may_commit(&self) -> bool {
        !matches!(self.status, Status::Gone | Status::Lost)
    }

    /// How many offsets were reached beyond what is committed.
    fn uncommitted(&self) -> u64 {
        match (self.reached, self.committed) {
            (Some(reached), Some(committed)) if self.may_commit() => {
                (reached - committed).max(0).unsigned_abs()
            }
            _ => 0,
        }
    }

    fn settle(&mut self, range: &FateRange, policy: OnFailed, deeds: &mut Vec<Deed>) {
        while let Some(sent) = self.sent.front().cloned() {
            if sent.pull > range.last_pull {
                return;
            }
            // A range may end in the middle of a pull.
            let to_the_end = range.last_pull > sent.pull || range.last_event == u32::MAX;
            let until = match to_the_end {
                true => sent.records,
                false => sent.records.min(range.last_event as usize + 1),
            };
            if range.fate == Fate::Failed && sent.settled < until {
                // Where a pull has one fate, nobody knows which record it was.
                let is_known = sent.records == 1 || !to_the_end;
                if policy != OnFailed::Skip || !is_known {
                    let failed = match is_known {
                        true => sent.one(sent.settled),
                        false => sent,
                    };
                    // What comes behind it is consumed again with it.
                    self.sent.clear();
                    deeds.extend(self.fail(failed, range.lane, policy));
                    return;
                }
                let skipped = (sent.settled..until).map(|at| sent.offset(at));
                deeds.extend(skipped.map(|offset| Deed::Skipped(self.place.clone(), offset)));
            }
            match self.is_kept {
                true => self.done = Some(sent.offset(until)),
                false => self.reach(sent.offset(until)),
            }
            if until < sent.records {
                if let Some(front) = self.sent.front_mut() {
                    front.settled = until;
                }
                return;
            }
            self.sent.pop_front();
        }
    }

    /// Everything in front of an offset may be committed.
    fn reach(&mut self, offset: i64) {
        self.reached = Some(offset);
        self.is_news = true;
    }

    fn fail(&mut self, sent: Sent, lane: Lane, policy: OnFailed) -> Option<Deed> {
        let first = sent.offset(sent.settled);
        if self.again_at != first {
            self.again.reset();
        }
        // Of several records nobody knows yet which one it was: they are consumed again one by one.
        let tries = self.again.attempts();
        if policy == OnFailed::Stop || tries >= TRIES {
            return Some(Deed::GiveUp(self.place.clone(), sent, tries));
        }
        if self.status != Status::Assigned {
            // It goes away as it is, and fails again wherever it comes to.
            return None;
        }
        self.again_at = first;
        let wait = match sent.records {
            1 => self.again.next_wait(),
            _ => Duration::ZERO,
        };
        self.status = Status::Rewinding;
        self.generation += 1;
        self.rewind = Some(Rewind {
            lane,
            place: self.place.clone(),
            generation: self.generation,
            offset: first,
            one_by_one_until: sent.next,
            wait,
            is_stored: false,
        });
        Some(Deed::Rewind(self.place.clone(), first))
    }
}

#[cfg(test)]
mod tests;
