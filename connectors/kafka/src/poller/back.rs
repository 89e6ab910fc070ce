//! Partitions that are consumed again from an earlier offset on.

use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};

use super::{Poller, SEEK};
use crate::lanes::Rewind;
use crate::place::list_of;

/// How soon it is tried again where only a moment is missing.
const SOON: Duration = Duration::from_millis(50);

impl Poller {
    /// Goes back in those partitions whose wait is over.
    pub(super) fn go_back(&mut self) {
        let now = Instant::now();
        let mut at = 0;
        while at < self.rewinds.len() {
            if self.rewinds[at].0 > now {
                at += 1;
                continue;
            }
            let (_, mut rewind) = self.rewinds.swap_remove(at);
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
                    self.rewinds.push((now + SOON, rewind));
                    at += 1;
                }
                Err(reason) => {
                    self.shared.report("go back", Err(reason));
                    self.rewinds.push((now + SEEK, rewind));
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
