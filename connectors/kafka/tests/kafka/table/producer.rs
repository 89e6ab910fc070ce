//! What a producer is answered.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use temblor_pdk::serde_json::json;
use temblor_pdk::{Error, ErrorKind};

use super::End::{Again, Fails, Goes, Refuses};
use super::{Row, Story, TIMES, key, row, run};
use crate::support::{Cluster, Mock, Producing, Sending};

/// After so long a row has no end.
const ENOUGH: Duration = Duration::from_secs(60);
const RECORDS: usize = 100;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_MSG, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, Refuses("`message.max.bytes`")),
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Refuses("`message.max.bytes`")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, Refuses("`message.max.bytes`")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Refuses("correct the topic's name")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, Refuses("the broker's log")),
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Refuses("allow the user to write")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Refuses("`enable.idempotence`")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, Refuses("`$kafka_producer.timestamp`")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, Refuses("the broker's log")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, Refuses("the broker's log")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION, Refuses("the broker's log")),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_RECORD, Refuses("with a key only")),
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, Goes),
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, Goes),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_REQUEST, Again),
    row(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Again),
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Again),
    key(Api::Produce, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    key(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Goes),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, Goes),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Goes),
    key(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Fails("`enable.idempotence`")),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, Goes),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Goes),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Again),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Again),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Fails("`enable.idempotence`")),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Goes),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
    row(Api::InitProducerId, Code::RD_KAFKA_RESP_ERR__TRANSPORT, Goes),
    key(Api::Metadata, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Again),
    key(Api::Metadata, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Fails("allow the user")),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Refuses("correct its name")),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, Goes),
    row(Api::Metadata, Code::RD_KAFKA_RESP_ERR_UNKNOWN, Goes),
];

#[test]
fn a_producer_ends_well_whatever_brokers_answer() {
    run(ROWS, tell);
}

fn tell(row: &Row) -> Story {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(1);
    let mock = cluster.as_mock();
    let mut story = Story::default();
    match row.api {
        Api::Metadata => mock.topic_error(&topic, row.code).unwrap(),
        api => mock.request_errors(api, &[row.code; TIMES]),
    }
    let cleared = Instant::now() + Duration::from_secs(2);
    let end = Instant::now() + ENOUGH;
    let mut open: BTreeSet<usize> = (0..RECORDS).collect();
    let mut refused = BTreeSet::new();
    // As the engine does it: what is open is written again to a connector that has connected again.
    while !open.is_empty() && story.errors.len() < 8 {
        if Instant::now() > end {
            story.wrong.push(format!("no end: {} are open", open.len()));
            break;
        }
        let mut producer = match Producing::open(&cluster.producer(&topic)) {
            Ok(producer) => producer,
            Err(error) => {
                let is_final = error.kind() != ErrorKind::Disconnected;
                story.errors.push(error);
                if is_final {
                    break;
                }
                std::thread::sleep(Duration::from_millis(300));
                clear(mock, &topic, row);
                continue;
            }
        };
        let numbers: Vec<usize> = open.iter().copied().collect();
        producer.write(&numbers.iter().copied().map(sending).collect::<Vec<_>>());
        if matches!(row.api, Api::Metadata) {
            // A topic that has no leader is waited for.
            std::thread::sleep(cleared.saturating_duration_since(Instant::now()));
            clear(mock, &topic, row);
        }
        if let Err(error) = producer.flush() {
            story.wrong.push(format!("cannot flush: {error}"));
            break;
        }
        let failures = producer.failures(numbers.len());
        let mut kinds: Vec<&Error> = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            match failures.get(&at) {
                None => drop(open.remove(number)),
                Some(error) => {
                    if error.kind() == ErrorKind::Rejected {
                        open.remove(number);
                        refused.insert(*number);
                    }
                    if !kinds
                        .iter()
                        .any(|kind| kind.to_string() == error.to_string())
                    {
                        kinds.push(error);
                    }
                }
            }
        }
        let is_final = kinds.iter().any(|error| error.kind() == ErrorKind::Failed);
        story.errors.extend(kinds.into_iter().cloned());
        if is_final {
            break;
        }
    }
    clear(mock, &topic, row);
    story.all_name(&[&cluster.bootstrap()]);
    if let Refuses(_) = row.end {
        story.all_name(&[&format!("topic `{topic}`")]);
    } else if row.api == Api::Produce {
        story.all_name(&[&topic]);
    }
    // Who is told that a record is there already believes it, though this cluster never had it.
    if row.code != Code::RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER {
        look(&cluster, &topic, &open, &refused, &mut story);
    }
    story
}

fn clear(mock: &Mock, topic: &str, row: &Row) {
    match row.api {
        Api::Metadata => mock
            .topic_error(topic, Code::RD_KAFKA_RESP_ERR_NO_ERROR)
            .unwrap(),
        api => mock.clear_request_errors(api),
    }
}

fn sending(number: usize) -> Sending {
    Sending {
        payload: number.to_string(),
        meta: json!({}),
    }
}

/// What was acked is in the topic.
fn look(
    cluster: &Cluster,
    topic: &str,
    open: &BTreeSet<usize>,
    refused: &BTreeSet<usize>,
    story: &mut Story,
) {
    use rdkafka::Message;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let mut config = rdkafka::ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.bootstrap())
        .set("group.id", "observer");
    let observer: BaseConsumer = config.create().unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset(topic, 0, rdkafka::Offset::Beginning)
        .unwrap();
    observer.assign(&list).unwrap();
    let mut missing: BTreeSet<usize> = (0..RECORDS)
        .filter(|number| !open.contains(number) && !refused.contains(number))
        .collect();
    let end = Instant::now() + Duration::from_secs(20);
    while !missing.is_empty() && Instant::now() < end {
        if let Some(Ok(message)) = observer.poll(Duration::from_millis(200)) {
            let text = String::from_utf8_lossy(message.payload().unwrap()).into_owned();
            missing.remove(&text.parse::<usize>().unwrap());
        }
    }
    if !missing.is_empty() {
        story
            .wrong
            .push(format!("acked and not in the topic: {missing:?}"));
    }
}
