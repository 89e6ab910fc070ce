//! Partitions that are consumed again from an earlier offset on.

use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};

use super::{Poller, SEEK};
use crate::lanes::{Lanes, Rewind};
use crate::place::{Place, list_of};

/// How soon it is tried again where only a moment is missing.
const SOON: Duration = Duration::from_millis(50);

/// Partitions that wait to be consumed again, each until its time. They are paused meanwhile, and whoever forgets one
/// that was paused has to resume it: one that has gone and come back is consumed as it is, whatever was to be done before.
#[derive(Default)]
pub(super) struct Rewinds(Vec<(Instant, Rewind)>);

impl Rewinds {
    /// Takes in those that are still to be consumed again; returns where, so that they are paused.
    pub(super) fn take_in(&mut self, new: Vec<Rewind>, lanes: &Lanes) -> Vec<(Place, i64)> {
        let now = Instant::now();
        let still = new.into_iter().filter(|new| lanes.is_rewinding(new));
        let from = self.0.len();
        self.0.extend(still.map(|new| (now + new.wait, new)));
        let taken = self.0[from..].iter();
        taken
            .map(|(_, new)| (new.place.clone(), new.offset))
            .collect()
    }

    /// Those of some partitions that may be resumed, because they do not wait.
    pub(super) fn leave_out(&self, mut places: Vec<Place>, lanes: &Lanes) -> Vec<Place> {
        let waits = |place: &Place| {
            let mut waiting = self.0.iter();
            waiting.any(|(_, rewind)| rewind.place == *place && lanes.is_rewinding(rewind))
        };
        places.retain(|place| !waits(place));
        places
    }
}

impl Poller {
    /// Goes back in those partitions whose wait is over.
    pub(super) fn go_back(&mut self) {
        let now = Instant::now();
        let mut at = 0;
        while at < self.rewinds.0.len() {
            if self.rewinds.0[at].0 > now {
                at += 1;
                continue;
            }
            let (_, mut rewind) = self.rewinds.0.swap_remove(at);
            if !self.shared.lanes().is_rewinding(&rewind) {
                continue;
            }
            match self.aim(&mut rewind).and_then(|()| self.seek(&rewind)) {
                Ok(()) => {
                    let until = rewind.one_by_one_until;
                    self.one_by_one.insert(rewind.place.clone(), until);
                    self.shared.lanes().rewound(&rewind);
                    self.shared.nudge();
                    if !self.shared.is_paused() {
                        let list = list_of([(rewind.place, rewind.offset)]);
                        self.shared.report("resume", self.consumer.resume(&list));
                    }
                }
                // It was assigned a moment ago, and librdkafka has not begun with it.
                Err(reason) if reason.rdkafka_error_code() == Some(Code::State) => {
                    self.rewinds.0.push((now + SOON, rewind));
                    at += 1;
                }
                Err(reason) => {
                    self.shared.report("go back", Err(reason));
                    self.rewinds.0.push((now + SEEK, rewind));
                    at += 1;
                }
            }
        }
    }

    /// Where somebody else has gone on behind what the engine has stored, there is no way back to it.
    fn aim(&self, rewind: &mut Rewind) -> KafkaResult<()> {
        if !rewind.is_stored {
            return Ok(());
        }
        let list = list_of([(rewind.place.clone(), 0)]);
        let list = self.consumer.committed_offsets(list, SEEK)?;
        let elements = list.elements();
        if let Some(Offset::Offset(offset)) = elements.first().map(|element| element.offset())
            && offset > rewind.offset
        {
            *rewind = self.shared.lanes().is_behind(rewind.clone(), offset);
        }
        rewind.is_stored = false;
        Ok(())
    }

    fn seek(&self, rewind: &Rewind) -> KafkaResult<()> {
        let list = list_of([(rewind.place.clone(), rewind.offset)]);
        let list = self.consumer.seek_partitions(list, SEEK)?;
        list.elements()
            .iter()
            .try_for_each(|element| element.error())
    }
}

#[cfg(test)]
mod tests {
    use temblor_pdk::LaneStart;

    use super::*;

    fn place() -> Place {
        Place {
            topic: "t".into(),
            partition: 0,
        }
    }

    /// A partition is this member's, and has to be consumed from where the engine has stored it.
    fn assigned(lanes: &mut Lanes) -> Rewind {
        lanes.assign(&place());
        assert!(lanes.notice("g").is_some());
        let start = LaneStart {
            lane: 0,
            position: Some(7),
            is_kept: true,
        };
        lanes.assigned(start).expect("it is consumed from there")
    }

    /// It goes, and comes back before anything else happens.
    fn comes_back(lanes: &mut Lanes) {
        lanes.release(&place());
        lanes.assign(&place());
    }

    #[test]
    fn a_partition_that_waits_is_paused_and_not_resumed() {
        let (mut lanes, mut rewinds) = (Lanes::default(), Rewinds::default());
        let rewind = assigned(&mut lanes);
        assert_eq!(rewinds.take_in(vec![rewind], &lanes), [(place(), 7)]);
        assert_eq!(rewinds.leave_out(vec![place()], &lanes), []);
    }

    #[test]
    fn a_partition_that_has_come_back_is_not_paused_for_what_was_to_be_done_before() {
        let (mut lanes, mut rewinds) = (Lanes::default(), Rewinds::default());
        let rewind = assigned(&mut lanes);
        comes_back(&mut lanes);
        assert_eq!(rewinds.take_in(vec![rewind], &lanes), []);
        assert_eq!(rewinds.leave_out(vec![place()], &lanes), [place()]);
    }

    #[test]
    fn a_partition_that_has_come_back_is_resumed_though_it_waited_before() {
        let (mut lanes, mut rewinds) = (Lanes::default(), Rewinds::default());
        let rewind = assigned(&mut lanes);
        rewinds.take_in(vec![rewind], &lanes);
        comes_back(&mut lanes);
        assert_eq!(rewinds.leave_out(vec![place()], &lanes), [place()]);
    }
}
