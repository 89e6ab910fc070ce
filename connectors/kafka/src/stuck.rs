//! Partitions that librdkafka has given up.
//!
//! A member asks where its group stands before it fetches a partition. librdkafka (2.12) reports most errors that this is
//! answered with and does not ask again: the partition is assigned, and nothing of it ever comes. It asks anew where
//! such a partition is taken out of what is assigned, and put in again.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use temblor_pdk::log::Level;
use temblor_pdk::{Backoff, BackoffPolicy};

use crate::place::places;
use crate::rebalance::Callbacks;
use crate::shared::Shared;

/// What librdkafka says then, and nothing else does.
const SAYS: &str = "Failed to fetch committed offset";

const AGAIN: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(250),
    growth: 2.0,
    max: Duration::from_secs(10),
    randomized: true,
};
/// After so long without such an error the waits are short again.
const QUIET: Duration = Duration::from_secs(60);

/// When to ask anew.
pub(crate) struct Stuck {
    again: Backoff,
    next: Option<Instant>,
    last: Option<Instant>,
}

impl Stuck {
    pub(crate) fn new() -> Self {
        Stuck {
            again: Backoff::new(AGAIN),
            next: None,
            last: None,
        }
    }

    /// Hears what librdkafka says of an error.
    pub(crate) fn hear(&mut self, text: &str) {
        if self.next.is_some() || !text.starts_with(SAYS) {
            return;
        }
        let now = Instant::now();
        if self.last.is_none_or(|last| now - last > QUIET) {
            self.again.reset();
        }
        self.last = Some(now);
        self.next = Some(now + self.again.next_wait());
    }

    /// Asks anew, where it is time to, for all partitions of which nothing has come.
    pub(crate) fn ask(&mut self, shared: &Shared, consumer: &BaseConsumer<Callbacks>) {
        if self.next.take_if(|next| *next <= Instant::now()).is_none() {
            return;
        }
        match ask(shared, consumer) {
            Ok(0) => {}
            Ok(count) => {
                let message = format!(
                    "{}: asks again from where to consume {count} partition(s)",
                    shared.name()
                );
                shared.outside.host.log(Level::Info, &message);
            }
            Err(reason) => {
                shared.report("ask again where to begin", Err(reason));
                self.next = Some(Instant::now() + self.again.next_wait());
            }
        }
    }
}

fn ask(shared: &Shared, consumer: &BaseConsumer<Callbacks>) -> KafkaResult<usize> {
    // All that is assigned, and for those that have begun the offset of the next record.
    let all = consumer.position()?;
    let mut idle = TopicPartitionList::new();
    for place in places(&all) {
        let Some(mut element) = all.find_partition(&place.topic, place.partition) else {
            continue;
        };
        if !matches!(element.offset(), Offset::Offset(_)) {
            // What is kept of it may be further than the group.
            let begins_at = shared.lanes().begins_at(&place);
            let offset = begins_at.map_or(Offset::Stored, Offset::Offset);
            element.set_offset(offset)?;
            idle.add_partition_offset(&place.topic, place.partition, offset)?;
        }
    }
    if idle.count() == 0 {
        return Ok(0);
    }
    if matches!(
        consumer.rebalance_protocol(),
        RebalanceProtocol::Cooperative
    ) {
        consumer.incremental_unassign(&idle)?;
        consumer.incremental_assign(&idle)?;
    } else {
        consumer.assign(&all)?;
    }
    if shared.is_paused() {
        consumer.pause(&all)?;
    }
    Ok(idle.count())
}
