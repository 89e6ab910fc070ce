//! What the engine knows of the lanes, and what it is to be told next.

use temblor_pdk::{Lane, LaneNotice, LaneStart};

use super::{LaneState, Lanes, Rewind, Status};
use crate::place::Place;

/// What the engine knows of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// It was told that the lane begins, in this generation, and has not answered yet.
    Beginning(u64),
    /// It has the lane in this generation.
    Begun(u64),
    /// It was told that the lane moves away.
    Ending,
}

impl Lanes {
    /// What the engine is to be told next, if anything: what is noted as said is what it knows from then on.
    pub(crate) fn notice(&mut self, group: &str) -> Option<LaneNotice> {
        if !std::mem::take(&mut self.has_notices) {
            return None;
        }
        let mut lanes = self.lanes.iter_mut().enumerate();
        let notice = lanes.find_map(|(number, lane)| lane.notice(number as Lane, group));
        // There may be another.
        self.has_notices = notice.is_some();
        notice
    }

    /// The group is further in a partition than what the engine has stored: the engine learns of it, and says again
    /// where to begin. Returns how the partition is consumed until then.
    pub(crate) fn is_behind(&mut self, rewind: Rewind, offset: i64) -> Rewind {
        let Some(lane) = self.lanes.get_mut(rewind.lane as usize) else {
            return rewind;
        };
        lane.generation += 1;
        lane.outside = Some(offset);
        Rewind {
            generation: lane.generation,
            offset,
            one_by_one_until: offset,
            is_stored: false,
            ..rewind
        }
    }

    /// A partition will go by this time of the host's clock: nothing more of it is handed over.
    pub(crate) fn stop(&mut self, place: &Place, deadline_ns: u64) {
        if let Some(lane) = self.get_mut(place) {
            (lane.status, lane.deadline_ns) = (Status::Stopping, deadline_ns);
        }
        self.has_notices = true;
    }

    /// What the engine keeps of a lane is stored up to an offset.
    pub(crate) fn stored(&mut self, lane: Lane, position: u64) {
        let lane = self.lanes.get_mut(lane as usize);
        if let Some(lane) = lane.filter(|lane| lane.status != Status::Gone)
            && let Ok(offset) = i64::try_from(position)
        {
            lane.reach(offset);
        }
    }

    /// Whether nothing of a partition keeps it from going: the engine has let go of it, or everything has its fate and is
    /// stored.
    pub(crate) fn may_go(&self, place: &Place) -> bool {
        self.get(place).is_none_or(|lane| {
            let is_done = lane.sent.is_empty() && lane.done <= lane.reached;
            lane.known == Known::Nothing || is_done
        })
    }

    /// The engine has a lane from here on. If what it has stored belongs to another position than what comes next, the
    /// lane is consumed from there on.
    pub(crate) fn assigned(&mut self, start: LaneStart) -> Option<Rewind> {
        let LaneStart { lane, position, .. } = start;
        let state = self.lanes.get_mut(lane as usize)?;
        let Known::Beginning(generation) = state.known else {
            return None;
        };
        state.known = Known::Begun(generation);
        if state.generation != generation {
            // It was told of something that is over; the next notice follows.
            return None;
        }
        (state.is_kept, state.done) = (start.is_kept, None);
        let stored = position.and_then(|position| i64::try_from(position).ok());
        match (state.status, state.rewind.take()) {
            (Status::Rewinding, Some(rewind)) => Some(Rewind {
                // Further than to the record that failed, which is found on the way.
                offset: stored.unwrap_or(rewind.offset),
                is_stored: stored.is_some(),
                ..rewind
            }),
            (Status::Assigned, _) => {
                let offset = stored?;
                state.generation += 1;
                state.known = Known::Begun(state.generation);
                state.status = Status::Rewinding;
                Some(Rewind {
                    lane,
                    place: state.place.clone(),
                    generation: state.generation,
                    offset,
                    one_by_one_until: offset,
                    wait: std::time::Duration::ZERO,
                    is_stored: true,
                })
            }
            _ => None,
        }
    }

    /// The engine has given a lane up. Of one that is about to move away it is said how much was in flight.
    pub(crate) fn give_up(&mut self, lane: Lane) {
        let state = self.lanes.get(lane as usize);
        if state.is_some_and(|lane| lane.status != Status::Stopping) {
            self.let_go(lane);
        }
    }

    /// The engine has nothing more of a lane, and knows the fate of everything.
    pub(crate) fn let_go(&mut self, lane: Lane) {
        if let Some(lane) = self.lanes.get_mut(lane as usize) {
            lane.known = Known::Nothing;
        }
        // It may have come back meanwhile.
        self.has_notices = true;
    }
}

impl LaneState {
    fn notice(&mut self, lane: Lane, group: &str) -> Option<LaneNotice> {
        let is_known = [
            Known::Begun(self.generation),
            Known::Beginning(self.generation),
        ]
        .contains(&self.known);
        match (self.status, self.known) {
            // What was lost and came back begins anew, and so does what is about to be consumed again.
            (Status::Assigned, _) | (Status::Rewinding, _)
                if !is_known && (self.status == Status::Assigned || self.rewind.is_some()) =>
            {
                self.known = Known::Beginning(self.generation);
                let outside = self.outside.and_then(|offset| u64::try_from(offset).ok());
                Some(LaneNotice::Begin {
                    lane,
                    name: format!("{group}/{}/{}", self.place.topic, self.place.partition),
                    committed: outside,
                })
            }
            (Status::Stopping, Known::Begun(_) | Known::Beginning(_)) => {
                self.known = Known::Ending;
                let deadline_ns = self.deadline_ns;
                Some(LaneNotice::End { lane, deadline_ns })
            }
            (Status::Gone, Known::Begun(_) | Known::Beginning(_) | Known::Ending) => {
                self.known = Known::Nothing;
                Some(LaneNotice::Lose { lane })
            }
            _ => None,
        }
    }

    /// Whether records of this generation may be handed over.
    pub(super) fn is_begun(&self, generation: u64) -> bool {
        self.status == Status::Assigned
            && self.generation == generation
            && self.known == Known::Begun(generation)
    }
}
