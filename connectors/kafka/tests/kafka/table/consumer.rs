//! What a consumer is answered.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use temblor_pdk::ErrorKind;
use temblor_pdk::log::Level;

use super::End::{Fails, Goes};
use super::{Row, Story, TIMES, key, row, run};
use crate::support::{Cluster, Member, unique};

/// After so long a row has no end.
const ENOUGH: Duration = Duration::from_secs(60);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    key(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    key(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Fails("choose another `group_id`")),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    key(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, Fails("choose another `group_id`")),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_INVALID_REQUEST, Goes),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Goes),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Goes),
    key(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_MEMBER_ID_REQUIRED, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Goes),
    key(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, Fails("`session.timeout.ms`")),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, Fails("`partition.assignment.strategy`")),
    key(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Fails("choose another `group_id`")),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Fails("`group.instance.id`")),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, Fails("choose another `group_id`")),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::JoinGroup, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Goes),
    key(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Fails("`group.instance.id`")),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::SyncGroup, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    key(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Goes),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Goes),
    key(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Goes),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Goes),
    key(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Fails("`group.instance.id`")),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::Heartbeat, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Goes),
    key(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Fails("`group.instance.id`")),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH, Goes),
    row(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    key(Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    key(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Goes),
    key(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Fails("[0])\nhelp: allow the user to read")),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Fails("choose another `group_id`")),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Goes),
    key(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Fails("[0])\nhelp: allow the user to read")),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_INVALID_REQUEST, Goes),
    key(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::ListOffsets, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    key(Api::Fetch, Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, Goes),
    key(Api::Fetch, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Fails("[0])\nhelp: allow the user to read")),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Goes),
    key(Api::Fetch, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_FETCH_SESSION_ID_NOT_FOUND, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_INVALID_FETCH_SESSION_EPOCH, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_INVALID_MSG, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, Goes),
    key(Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::Fetch, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    key(Api::Metadata, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
];

#[test]
fn a_consumer_ends_well_whatever_brokers_answer() {
    run(ROWS, tell);
}

/// Consumes a topic while brokers answer with errors, as the engine does: it connects again where a connector says that
/// it is disconnected.
struct Try<'a> {
    cluster: &'a Cluster,
    group: String,
    topic: String,
    member: Option<Member>,
    seen: BTreeSet<usize>,
    /// The number before which everything was acked: all that may be committed.
    acked: usize,
    end: Instant,
    story: Story,
}

impl Try<'_> {
    /// Consumes until this record has come; says whether it has.
    fn take_until(&mut self, last: usize) -> bool {
        while !self.seen.contains(&last) {
            if Instant::now() > self.end {
                self.story
                    .wrong
                    .push(format!("no end: {} came", self.seen.len()));
                return false;
            }
            if let Err(error) = self.step() {
                self.leave();
                let is_final = error.kind() != ErrorKind::Disconnected;
                self.story.errors.push(error);
                if is_final || self.story.errors.len() > 5 {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        }
        true
    }

    fn step(&mut self) -> temblor_pdk::Result<()> {
        let member = match &mut self.member {
            Some(member) => member,
            none => none.insert(Member::open(
                &self.cluster.consumer(&self.group, &self.topic),
            )?),
        };
        if let Some(pulled) = member.pull(Duration::from_millis(500))? {
            let numbers = pulled.records.iter().map(|got| got.number());
            self.seen.extend(numbers);
            member.tell(&pulled, temblor_pdk::Fate::Acked)?;
            self.acked = (0..)
                .find(|number| !self.seen.contains(number))
                .unwrap_or(0);
        }
        Ok(())
    }

    /// Ends the member, and keeps what it said.
    fn leave(&mut self) {
        if let Some(member) = self.member.take() {
            let host = member.host.clone();
            if let Err(error) = member.stop() {
                self.story.wrong.push(format!("cannot stop: {error}"));
            }
            let logs = host.logs().into_iter();
            let loud = logs.filter(|(level, _)| matches!(level, Level::Warn | Level::Error));
            self.story.logs.extend(loud.map(|(_, text)| text));
        }
    }

    /// Nothing is committed that was not acked.
    fn look_at_position(&mut self) -> i64 {
        let committed = self.cluster.committed(&self.group, &self.topic);
        if committed > self.acked as i64 {
            let told = format!("committed up to {committed}, acked up to {}", self.acked);
            self.story.wrong.push(told);
        }
        committed
    }
}

fn inject(cluster: &Cluster, topic: &str, row: &Row) {
    match row.api {
        Api::Metadata => cluster.as_mock().topic_error(topic, row.code).unwrap(),
        api => cluster.as_mock().request_errors(api, &[row.code; TIMES]),
    }
}

fn clear(cluster: &Cluster, topic: &str, row: &Row) {
    match row.api {
        Api::Metadata => {
            let none = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
            cluster.as_mock().topic_error(topic, none).unwrap();
        }
        api => cluster.as_mock().clear_request_errors(api),
    }
}

fn tell(row: &Row) -> Story {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(1);
    cluster.fill(&topic, 0..100, 1);
    let mut it = Try {
        cluster: &cluster,
        group: unique("group"),
        topic: topic.clone(),
        member: None,
        seen: BTreeSet::new(),
        acked: 0,
        end: Instant::now() + ENOUGH,
        story: Story::default(),
    };
    // Some questions are asked at the beginning, the others as long as it runs.
    let early = !matches!(row.api, Api::Heartbeat | Api::OffsetCommit | Api::Metadata);
    if early {
        inject(&cluster, &topic, row);
    }
    let mut goes = it.take_until(99);
    if goes && !early {
        inject(&cluster, &topic, row);
        if row.api == Api::Metadata {
            std::thread::sleep(Duration::from_secs(2));
            clear(&cluster, &topic, row);
        }
    }
    if goes {
        cluster.fill(&topic, 100..200, 1);
        goes = it.take_until(199);
    }
    // What was in flight when the group took the member for dead comes again, and is committed then.
    while goes && it.look_at_position() < 200 {
        if Instant::now() > it.end {
            it.story.wrong.push("acked and never committed".to_owned());
            break;
        }
        goes = it
            .step()
            .map_err(|error| it.story.errors.push(error))
            .is_ok();
    }
    // Everything may be done before the brokers have said what it fails of.
    while goes && matches!(row.end, Fails(_)) && Instant::now() < it.end {
        goes = it
            .step()
            .map_err(|error| it.story.errors.push(error))
            .is_ok();
    }
    it.leave();
    clear(&cluster, &topic, row);
    let committed = it.look_at_position();
    if !goes {
        // Whoever comes next gets everything that was not committed.
        cluster.fill(&topic, 100..200, 1);
        it.end = Instant::now() + ENOUGH;
        let errors = it.story.errors.len();
        it.seen.retain(|number| (*number as i64) < committed);
        if !it.take_until(199) || it.story.errors.len() > errors {
            it.story
                .wrong
                .push("the next member does not get what is left".to_owned());
        }
        it.leave();
    }
    it.story.all_name(&[&it.group, &cluster.bootstrap()]);
    if it.seen.len() != 200 {
        it.story
            .wrong
            .push(format!("lost: {} of 200 came", it.seen.len()));
    }
    it.story
}
