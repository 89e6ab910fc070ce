//! What happens when partitions come and go: callbacks of librdkafka, which run in the thread that polls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use temblor_pdk::log::Level;
use temblor_pdk::{Cell, CellKind, Host};

use crate::commits::{commit, insist, passes, tell_failed, tell_left};
use crate::place::{Place, brief, places};
use crate::shared::Shared;

/// How long partitions that move away are tried to be committed, also where there is no time left.
const COMMIT: Duration = Duration::from_millis(500);
/// How long it is waited before something is looked at again.
const TURN: Duration = Duration::from_millis(50);

/// What is counted beside what the engine counts.
pub(crate) struct Cells {
    /// Records between what is committed and the ends of this member's partitions.
    pub(crate) lag: Cell,
    pub(crate) partitions: Cell,
    pub(crate) rebalances: Cell,
    pub(crate) lost_partitions: Cell,
    pub(crate) commits: Cell,
    pub(crate) failed_commits: Cell,
    pub(crate) skipped_records: Cell,
    /// Whether the partitions are paused because the engine takes nothing.
    pub(crate) paused: Cell,
}

impl Cells {
    pub(crate) fn new(host: &Host) -> Self {
        let counter = |name| host.cell(name, CellKind::Counter);
        let gauge = |name| host.cell(name, CellKind::Gauge);
        Cells {
            lag: gauge("lag"),
            partitions: gauge("partitions"),
            rebalances: counter("rebalances"),
            lost_partitions: counter("lost_partitions"),
            commits: counter("commits"),
            failed_commits: counter("failed_commits"),
            skipped_records: counter("skipped_records"),
            paused: gauge("paused"),
        }
    }
}

/// The consumer's callbacks.
pub(crate) struct Callbacks {
    pub(crate) shared: Arc<Shared>,
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.shared.outside.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.shared.outside.error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let topics = statistics.topics.values();
        let partitions = topics.flat_map(|topic| topic.partitions.values());
        let active = partitions.filter(|partition| partition.fetch_state == "active");
        let lag = active
            .map(|partition| partition.consumer_lag.max(0))
            .sum::<i64>();
        self.shared.cells.lag.set(lag.unsigned_abs());
    }
}

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let places = places(list);
            match consumer.assignment_lost() {
                true => self.lose(&places),
                false => self.revoke(consumer, &places),
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let shared = &self.shared;
        match rebalance {
            Rebalance::Assign(list) => self.assign(consumer, list),
            Rebalance::Revoke(list) => self.tell("gives up", &places(list)),
            Rebalance::Error(reason) => {
                let message = format!("{}: cannot rebalance: {reason}", shared.name());
                shared.outside.host.log(Level::Warn, &message);
                // Everything was taken from this member then.
                let held = shared.lanes().held();
                self.lose(&held);
            }
        }
        // librdkafka is not asked: a member that is closed has nothing more to answer with, and would be waited for for ever.
        let held = shared.lanes().held().len();
        shared.cells.partitions.set(held as u64);
        shared.cells.rebalances.add(1);
    }

    /// What came of commits that librdkafka makes by itself.
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        let cells = &self.shared.cells;
        match result {
            Ok(()) => cells.commits.add(1),
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(reason) => {
                cells.failed_commits.add(1);
                let code = reason.rdkafka_error_code();
                tell_failed(&self.shared, code.unwrap_or(RDKafkaErrorCode::Unknown));
            }
        }
    }
}

impl Callbacks {
    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let shared = &self.shared;
        let places = places(list);
        let mut lanes = shared.lanes();
        places.iter().for_each(|place| lanes.assign(place));
        drop(lanes);
        shared.nudge();
        // librdkafka (2.12) remembers of a partition that moved away whether it was paused.
        if !places.is_empty() {
            match shared.is_paused() {
                true => shared.report("pause", consumer.pause(list)),
                false => shared.report("resume", consumer.resume(list)),
            }
        }
        self.tell("takes over", &places);
    }

    /// Partitions move away: what is in flight is delivered, and that is committed, before they go.
    fn revoke(&self, consumer: &BaseConsumer<Self>, places: &[Place]) {
        let shared = &self.shared;
        let timeout = shared.settings.revoke_timeout;
        let until = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let until = shared.outside.host.now_ns().saturating_add(until);
        let mut lanes = shared.lanes();
        places.iter().for_each(|place| lanes.stop(place, until));
        drop(lanes);
        shared.nudge();
        let deadline = Instant::now() + timeout;
        self.wait_for(places, deadline);
        if shared.settings.by_fates {
            let least = Instant::now() + COMMIT;
            let passes = |code| passes(code) && (Instant::now() < least || !shared.is_stopping());
            let wait = || std::thread::sleep(TURN);
            let attempt = || commit(shared, consumer, places);
            let committed = insist(least.max(deadline), passes, attempt, wait);
            committed.unwrap_or_else(|code| tell_left(shared, code));
        }
        let mut lanes = shared.lanes();
        places.iter().for_each(|place| lanes.release(place));
        drop(lanes);
        shared.count_uncommitted();
        shared.nudge();
    }

    /// Waits until nothing of partitions that move away is in flight.
    fn wait_for(&self, places: &[Place], deadline: Instant) {
        let shared = &self.shared;
        let left = loop {
            if shared.doubt().is_none() {
                shared.confirm();
            }
            let lanes = shared.lanes();
            let stay: Vec<&Place> = places.iter().filter(|place| !lanes.may_go(place)).collect();
            let left: usize = stay.iter().map(|place| lanes.in_flight(place)).sum();
            drop(lanes);
            if stay.is_empty() || shared.is_stopping() || Instant::now() >= deadline {
                break left;
            }
            // Woken by fates.
            std::thread::park_timeout(TURN);
        };
        if left > 0 && !shared.is_stopping() {
            let message = format!(
                "{}: {left} records were still in flight after {} ms when their partitions moved away; they come again \
                 elsewhere\nhelp: raise `revoke_timeout_ms`",
                shared.name(),
                shared.settings.revoke_timeout.as_millis()
            );
            shared.outside.host.log(Level::Warn, &message);
        }
    }

    /// Partitions are another member's already: nothing of them may be committed.
    fn lose(&self, places: &[Place]) {
        let shared = &self.shared;
        let mut lanes = shared.lanes();
        let left: usize = places.iter().map(|place| lanes.in_flight(place)).sum();
        places.iter().for_each(|place| lanes.release(place));
        drop(lanes);
        shared.count_uncommitted();
        shared.nudge();
        shared.cells.lost_partitions.add(places.len() as u64);
        if !places.is_empty() {
            let message = format!(
                "{} was taken for dead, and lost {} partition(s) with {left} record(s) in flight, which come again \
                 elsewhere",
                shared.name(),
                places.len()
            );
            shared.outside.host.log(Level::Warn, &message);
        }
    }

    fn tell(&self, what: &str, places: &[Place]) {
        if places.is_empty() {
            return;
        }
        let message = format!("{} {what} {}", self.shared.name(), brief(places));
        self.shared.outside.host.log(Level::Info, &message);
    }
}
