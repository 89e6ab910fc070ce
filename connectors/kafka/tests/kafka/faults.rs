//! Errors that brokers answer with, outages and long ways: nothing is lost, and what cannot go on says so.

use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use temblor_pdk::serde_json::json;
use temblor_pdk::{Error, ErrorKind};

use crate::support::{Cluster, Member, PATIENCE, Producing, Sending, unique};

fn sending(number: usize) -> Sending {
    Sending {
        payload: number.to_string(),
        meta: json!({}),
    }
}

/// Errors after which a record is delivered nevertheless.
const PRODUCE: [Code; 7] = [
    Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
    Code::RD_KAFKA_RESP_ERR__TRANSPORT,
];

#[test]
fn a_producer_recovers_from_what_passes() {
    for code in PRODUCE {
        let cluster = Cluster::mock(1);
        let topic = cluster.topic(1);
        let mut producer = Producing::start(&cluster.producer(&topic));
        cluster
            .as_mock()
            .request_errors(Api::Produce, &[code, code]);
        producer.write(&(0..100).map(sending).collect::<Vec<_>>());
        producer.flush().unwrap();
        // What an idempotent producer must not try again by itself, the engine writes again.
        let mut failures = producer.failures(100);
        for _ in 0..2 {
            let passes = |error: &Error| error.kind() == ErrorKind::Disconnected;
            assert!(failures.values().all(passes), "{code:?}: {failures:?}");
            if !failures.is_empty() {
                let again: Vec<Sending> = failures.keys().map(|at| sending(*at)).collect();
                drop(producer);
                producer = Producing::start(&cluster.producer(&topic));
                producer.write(&again);
                producer.flush().unwrap();
                failures = producer.failures(again.len());
            }
        }
        assert!(failures.is_empty(), "{code:?}: {failures:?}");
        let mut member = Member::start(&cluster.consumer(&unique("group"), &topic));
        let mut numbers: Vec<usize> = member.take(100).iter().map(|got| got.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert!(numbers.into_iter().eq(0..100), "{code:?}");
    }
}

#[test]
fn a_producer_says_what_does_not_pass() {
    let cases = [
        (
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "allow the user",
        ),
        (
            Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
            "max.message.bytes",
        ),
        (Code::RD_KAFKA_RESP_ERR_INVALID_RECORD, "compacted"),
        (Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION, "the broker's log"),
    ];
    for (code, help) in cases {
        let cluster = Cluster::mock(1);
        let topic = cluster.topic(1);
        let mut producer = Producing::start(&cluster.producer(&topic));
        cluster.as_mock().request_errors(Api::Produce, &[code]);
        producer.write(&[sending(0)]);
        let failures = producer.failures(1);
        let error = failures
            .get(&0)
            .unwrap_or_else(|| panic!("{code:?}: it was delivered"));
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        let text = error.to_string();
        for part in [
            help,
            &format!("topic `{topic}`, partition 0"),
            &cluster.bootstrap(),
        ] {
            assert!(text.contains(part), "{code:?}: {part} in {text}");
        }
        // The connector goes on.
        producer.write(&[sending(1)]);
        producer.flush().unwrap();
        assert_eq!(producer.failures(2).len(), 1, "{code:?}");
    }
}

#[test]
fn a_producer_that_cannot_go_on_is_disconnected() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(1);
    let mut producer = Producing::start(&cluster.producer(&topic));
    let code = Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.as_mock().request_errors(Api::Produce, &[code]);
    producer.write(&[sending(0)]);
    let failures = producer.failures(1);
    if let Some(error) = failures.get(&0) {
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
        assert!(error.to_string().contains(&topic), "{error}");
    }
}

#[test]
fn an_outage_and_a_long_way_lose_nothing() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(1);
    let mock = cluster.as_mock();
    let mut producer = Producing::start(&cluster.producer(&topic));
    let mut member = Member::start(&cluster.consumer(&unique("group"), &topic));
    producer.write(&(0..50).map(sending).collect::<Vec<_>>());
    assert_eq!(member.take(50).len(), 50);
    mock.broker_down(1).unwrap();
    producer.write(&(50..100).map(sending).collect::<Vec<_>>());
    std::thread::sleep(Duration::from_secs(1));
    assert!(member.pull(Duration::from_millis(100)).unwrap().is_none());
    mock.broker_up(1).unwrap();
    let mut numbers: Vec<usize> = member.take(50).iter().map(|got| got.number()).collect();
    mock.broker_round_trip_time(1, Duration::from_millis(500))
        .unwrap();
    producer.write(&(100..150).map(sending).collect::<Vec<_>>());
    numbers.extend(member.take(50).iter().map(|got| got.number()));
    numbers.sort_unstable();
    assert!(
        numbers.iter().copied().eq(50..150),
        "{numbers:?}: {:?}",
        member.host.logs()
    );
    assert!(producer.failures(150).is_empty());
    member.stop().unwrap();
}

/// What a consumer can be answered, and to which question.
const CONSUME: [(Api, Code); 12] = [
    (Api::Fetch, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
    (Api::Fetch, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE),
    (Api::Fetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN),
    (Api::Fetch, Code::RD_KAFKA_RESP_ERR__TRANSPORT),
    (
        Api::OffsetCommit,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    ),
    (Api::OffsetCommit, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
    (
        Api::OffsetFetch,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    ),
    (
        Api::JoinGroup,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    ),
    (
        Api::SyncGroup,
        Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
    ),
    (Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID),
    (Api::Heartbeat, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION),
    (
        Api::FindCoordinator,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    ),
];

#[test]
fn a_consumer_recovers_from_what_passes() {
    // Each waits for the mock cluster to gather members, so they do it together.
    std::thread::scope(|scope| {
        for (api, code) in CONSUME {
            scope.spawn(move || recovers(api, code));
        }
    });
}

fn recovers(api: Api, code: Code) {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(1), unique("group"));
    cluster.fill(&topic, 0..100, 1);
    let early = !matches!(api, Api::Heartbeat | Api::OffsetCommit);
    if early {
        cluster.as_mock().request_errors(api, &[code, code]);
    }
    let mut member = Member::start(&cluster.consumer(&group, &topic));
    let got = member.take(100);
    let mut numbers: Vec<usize> = got.iter().map(|got| got.number()).collect();
    if !early {
        cluster.as_mock().request_errors(api, &[code, code]);
        std::thread::sleep(Duration::from_millis(800));
    }
    cluster.fill(&topic, 100..200, 1);
    let end = Instant::now() + PATIENCE;
    while !numbers.contains(&199) {
        let logs = || member.host.logs();
        assert!(Instant::now() < end, "{api:?} {code:?}: {:?}", logs());
        if let Some(pulled) = member.pull(Duration::from_millis(500)).unwrap() {
            member.ack(&pulled);
            numbers.extend(pulled.records.iter().map(|got| got.number()));
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.into_iter().eq(0..200), "{api:?} {code:?}");
    member.stop().unwrap();
    // And what was acked is committed, unless it was in flight when the group took the member for dead.
    let mut next = Member::start(&cluster.consumer(&group, &topic));
    cluster.fill(&topic, 200..201, 1);
    let first = next.take(1)[0].number();
    match api {
        Api::Heartbeat => assert!([100, 200].contains(&first), "{code:?}: {first}"),
        _ => assert_eq!(first, 200, "{api:?} {code:?}"),
    }
    next.stop().unwrap();
}

#[test]
fn a_consumer_says_what_does_not_pass() {
    let cases = [
        (
            Api::Fetch,
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "allow the user",
        ),
        (
            Api::JoinGroup,
            Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            "choose another `group_id`",
        ),
        (
            Api::JoinGroup,
            Code::RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
            "partition.assignment.strategy",
        ),
    ];
    for (api, code, help) in cases {
        let cluster = Cluster::mock(1);
        let (topic, group) = (cluster.topic(1), unique("group"));
        cluster.fill(&topic, 0..10, 1);
        cluster.as_mock().request_errors(api, &[code; 20]);
        let mut member = Member::start(&cluster.consumer(&group, &topic));
        let error = loop {
            match member.pull(PATIENCE) {
                Err(error) => break error,
                Ok(Some(_)) => {}
                Ok(None) => panic!("{code:?}: {:?}", member.host.logs()),
            }
        };
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
        let text = error.to_string();
        for part in [help, &group, &cluster.bootstrap()] {
            assert!(text.contains(part), "{code:?}: {part} in {text}");
        }
    }
}
