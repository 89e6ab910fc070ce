//! Partitions move between members, and with them everything that is not done.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use temblor_pdk::serde_json::json;

use crate::support::{Cluster, Member, PATIENCE, Pulled, unique};

const A_MOMENT: Duration = Duration::from_millis(20);

#[test]
fn a_second_member_takes_partitions_over_and_nothing_comes_twice() {
    for cluster in Cluster::all() {
        let (topic, group) = (cluster.topic(4), unique("group"));
        cluster.fill(&topic, 0..4_000, 50);
        let config = cluster.consumer(&group, &topic);
        let mut one = Member::start(&config);
        let mut numbers: Vec<usize> = one.take(100).iter().map(|got| got.number()).collect();
        let mut two = Member::start(&config);
        let mut shared = [0, 0];
        let (mut more, end) = (4_000, Instant::now() + PATIENCE);
        // Both go on until both have had something, and all of it.
        while has_gaps(&numbers, more) {
            assert!(
                Instant::now() < end,
                "{} of {more}; {shared:?}",
                numbers.len()
            );
            for (at, member) in [&mut one, &mut two].into_iter().enumerate() {
                if let Some(pulled) = member.pull(A_MOMENT).unwrap() {
                    member.ack(&pulled);
                    shared[at] += pulled.records.len();
                    numbers.extend(pulled.records.iter().map(|got| got.number()));
                }
            }
            if shared[1] == 0 && !has_gaps(&numbers, more) {
                cluster.fill(&topic, more..more + 1_000, 50);
                more += 1_000;
            }
        }
        numbers.sort_unstable();
        let count = numbers.len();
        numbers.dedup();
        let logs = [one.host.logs(), two.host.logs()];
        assert!(numbers.iter().copied().eq(0..more), "each comes: {logs:?}");
        // The mock cluster takes no commits while it gathers members, which it does twice if a member is slow.
        let is_told = logs
            .iter()
            .flatten()
            .any(|(_, text)| text.contains("cannot commit"));
        let may_repeat = is_told && matches!(cluster, Cluster::Mock(_));
        assert!(
            may_repeat || count == more,
            "each comes once: {count} of {more}, {logs:?}"
        );
        assert!(one.host.metric("rebalances").unwrap() >= 2);
        one.stop().unwrap();
        two.stop().unwrap();
    }
}

/// Whether some of so many numbers have not come.
fn has_gaps(numbers: &[usize], count: usize) -> bool {
    numbers.len() < count || numbers.iter().collect::<HashSet<_>>().len() < count
}

#[test]
fn what_is_in_flight_is_waited_for_when_its_partition_moves() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(2), unique("group"));
    cluster.fill(&topic, 0..200, 20);
    let config = cluster.consumer(&group, &topic);
    let mut one = Member::start(&config);
    let mut open: Vec<Pulled> = Vec::new();
    while open
        .iter()
        .map(|pulled| pulled.records.len())
        .sum::<usize>()
        < 200
    {
        open.extend(one.pull(PATIENCE).unwrap());
    }
    // The second member gets nothing while what it would get is in flight elsewhere.
    let mut two = Member::start(&config);
    assert!(two.pull(Duration::from_secs(2)).unwrap().is_none());
    open.iter().for_each(|pulled| one.ack(pulled));
    let end = Instant::now() + PATIENCE;
    while two.host.metric("partitions") != Some(1) {
        assert!(Instant::now() < end, "{:?}", two.host.logs());
        assert!(
            two.pull(A_MOMENT).unwrap().is_none(),
            "all of it was delivered"
        );
    }
    one.stop().unwrap();
    two.stop().unwrap();
}

#[test]
fn what_is_not_delivered_in_time_comes_again_at_the_next_member() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(2), unique("group"));
    cluster.fill(&topic, 0..200, 20);
    let mut config = cluster.consumer(&group, &topic);
    config["revoke_timeout_ms"] = json!(200);
    let mut one = Member::start(&config);
    let mut open: Vec<Pulled> = Vec::new();
    while open
        .iter()
        .map(|pulled| pulled.records.len())
        .sum::<usize>()
        < 200
    {
        open.extend(one.pull(PATIENCE).unwrap());
    }
    let mut two = Member::start(&config);
    let moved = two.pull(PATIENCE).unwrap().unwrap();
    // Too late: the fates of what has moved change nothing any more.
    open.iter().for_each(|pulled| one.ack(pulled));
    let partition = moved.records[0].partition();
    let all = open.iter().flat_map(|pulled| &pulled.records);
    let expected = all.filter(|got| got.partition() == partition).count();
    assert_eq!(moved.records[0].offset(), 0);
    let mut got = moved.records.len();
    two.ack(&moved);
    got += two.take(expected - got).len();
    assert_eq!(got, expected);
    one.stop().unwrap();
    two.stop().unwrap();
}

#[test]
fn a_partition_goes_on_where_its_state_stands_as_soon_as_it_is_there() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(1);
    cluster.fill(&topic, 0..50, 1);
    let mut member = Member::start(&cluster.consumer(&unique("kept"), &topic));
    (member.keeps, member.position) = (true, Some(20));
    // The client has to ask again where the group stands, and is told to go elsewhere before it knows.
    let mock = cluster.as_mock();
    mock.request_errors(
        Api::OffsetFetch,
        &[Code::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT; 3],
    );
    let got = member.take(30);
    assert_eq!((got[0].offset(), got[29].offset()), (20, 49));
    let logs = member.host.logs();
    assert!(!format!("{logs:?}").contains("cannot go back"), "{logs:?}");
    member.stop().unwrap();
}

#[test]
fn a_partition_that_moved_while_it_was_paused_goes_on_when_it_comes_back() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(2), unique("group"));
    cluster.fill(&topic, 0..20_000, 50);
    let config = cluster.consumer(&group, &topic);
    let mut one = Member::start(&config);
    let wait_for = |member: &Member, cell: &str| {
        let end = Instant::now() + PATIENCE;
        while member.host.metric(cell) != Some(1) {
            assert!(Instant::now() < end, "{cell}: {:?}", member.host.logs());
            std::thread::sleep(A_MOMENT);
        }
    };
    // It takes nothing, so both partitions are paused, and one of them moves away as it is.
    wait_for(&one, "paused");
    let two = Member::start(&config);
    wait_for(&two, "partitions");
    let first = one.take(1).len();
    let end = Instant::now() + PATIENCE;
    let mut got = first;
    while one.host.metric("paused") != Some(0) {
        assert!(Instant::now() < end, "{:?}", one.host.logs());
        got += one.take(1).len();
    }
    two.stop().unwrap();
    one.take(20_000 - got);
    one.stop().unwrap();
}

#[test]
fn a_group_that_takes_no_commit_yet_is_waited_for_when_a_partition_moves() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(2), unique("group"));
    cluster.fill(&topic, 0..200, 20);
    let mut config = cluster.consumer(&group, &topic);
    config["commit_interval_ms"] = json!(3_600_000);
    let mut one = Member::start(&config);
    one.take(200);
    let errors = [Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS; 3];
    cluster.as_mock().request_errors(Api::OffsetCommit, &errors);
    let mut two = Member::start(&config);
    let end = Instant::now() + PATIENCE;
    while two.host.metric("partitions") != Some(1) {
        assert!(Instant::now() < end, "{:?}", two.host.logs());
        assert!(one.pull(A_MOMENT).unwrap().is_none());
    }
    let again = two.pull(Duration::from_secs(2)).unwrap();
    // On a busy machine the mock cluster may have begun another generation meanwhile, which the log says.
    let logs = format!("{:?}", one.host.logs());
    let is_refused = logs.contains("IllegalGeneration");
    assert!(again.is_none() || is_refused, "all was delivered: {logs}");
    one.stop().unwrap();
    two.stop().unwrap();
}
