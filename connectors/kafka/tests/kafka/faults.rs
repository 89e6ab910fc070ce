//! Outages, coordinators that move and long ways: nothing is lost. What brokers answer with stands in `table`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use rdkafka::mocking::MockCoordinator;
use temblor_pdk::serde_json::json;

use crate::support::{Cluster, Member, Producing, Sending, unique};

fn sending(number: usize) -> Sending {
    Sending {
        payload: number.to_string(),
        meta: json!({}),
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
    assert_eq!(numbers_of(&mut member, 0..50).len(), 50);
    mock.broker_down(1).unwrap();
    producer.write(&(50..100).map(sending).collect::<Vec<_>>());
    std::thread::sleep(Duration::from_secs(1));
    if let Some(pulled) = member.pull(Duration::from_millis(100)).unwrap() {
        // From before: a member that got no time meanwhile was taken for dead.
        assert!(pulled.records.iter().all(|got| got.number() < 50));
        member.ack(&pulled);
    }
    mock.broker_up(1).unwrap();
    numbers_of(&mut member, 50..100);
    mock.broker_round_trip_time(1, Duration::from_millis(500))
        .unwrap();
    producer.write(&(100..150).map(sending).collect::<Vec<_>>());
    numbers_of(&mut member, 100..150);
    assert!(producer.failures(150).is_empty());
    member.stop().unwrap();
}

/// Takes records until all of these have come. Some may come again: who is away for long is taken for dead.
fn numbers_of(member: &mut Member, numbers: Range<usize>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    while !numbers.clone().all(|number| seen.contains(&number)) {
        seen.extend(member.take(1).iter().map(|got| got.number()));
    }
    seen
}

#[test]
fn a_coordinator_that_moves_and_brokers_that_go_and_come_lose_nothing() {
    let cluster = Cluster::mock(3);
    let (topic, group) = (cluster.topic(6), unique("group"));
    let mock = cluster.as_mock();
    let of = || MockCoordinator::Group(group.clone());
    mock.coordinator(of(), 1).unwrap();
    let mut producer = Producing::start(&cluster.producer(&topic));
    let mut member = Member::start(&cluster.consumer(&group, &topic));
    let mut next = 0;
    let mut round = |member: &mut Member| {
        producer.write(&(next..next + 60).map(sending).collect::<Vec<_>>());
        numbers_of(member, next..next + 60);
        next += 60;
    };
    round(&mut member);
    mock.coordinator(of(), 2).unwrap();
    round(&mut member);
    // Now the one that coordinates is away, and its partitions with it.
    mock.broker_down(2).unwrap();
    mock.coordinator(of(), 3).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    mock.broker_up(2).unwrap();
    round(&mut member);
    for broker in 1..=3 {
        mock.broker_down(broker).unwrap();
    }
    std::thread::sleep(Duration::from_secs(1));
    for broker in 1..=3 {
        mock.broker_up(broker).unwrap();
    }
    round(&mut member);
    member.stop().unwrap();
    // What was acked is committed: whoever comes next begins behind it.
    let mut other = Member::start(&cluster.consumer(&group, &topic));
    round(&mut other);
    other.stop().unwrap();
}
