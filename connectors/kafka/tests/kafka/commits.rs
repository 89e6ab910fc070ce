//! How much is committed when: that is what comes again after a crash.

use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use temblor_pdk::serde_json::json;

use crate::support::{Cluster, Member, PATIENCE, Pulled, unique};

const A_MOMENT: Duration = Duration::from_millis(200);

/// Waits until the first partition is committed up to an offset.
fn wait_for(cluster: &Cluster, group: &str, topic: &str, offset: i64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let committed = cluster.committed(group, topic);
        if committed >= offset {
            return;
        }
        assert!(
            Instant::now() < end,
            "committed up to {committed}, not {offset}"
        );
        std::thread::sleep(A_MOMENT);
    }
}

fn count(pulls: &[Pulled]) -> usize {
    pulls.iter().map(|pulled| pulled.records.len()).sum()
}

#[test]
fn much_is_committed_before_its_time() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(1), unique("group"));
    cluster.fill(&topic, 0..1_000, 10);
    let mut config = cluster.consumer(&group, &topic);
    config["commit_interval_ms"] = json!(3_600_000);
    config["uncommitted_records"] = json!(100);
    let mut member = Member::start(&config);
    member.take(1_000);
    // Less than a quarter of the bound may be left.
    wait_for(&cluster, &group, &topic, 976);
    member.stop().unwrap();
}

/// The mock cluster takes no commits while it gathers members, which on a busy machine it does again and again: so it is
/// tried with up to three clusters.
#[test]
fn what_is_delivered_is_committed_while_a_partition_that_moves_is_waited_for() {
    let done = (0..3).any(|_| is_committed_while_a_partition_is_waited_for());
    assert!(done, "nothing is committed while a partition is waited for");
}

fn is_committed_while_a_partition_is_waited_for() -> bool {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(2), unique("group"));
    let mut config = cluster.consumer(&group, &topic);
    config["revoke_timeout_ms"] = json!(120_000);
    let mut one = Member::start(&config);
    let mut rounds: Vec<Vec<Pulled>> = Vec::new();
    for numbers in [0..200, 200..400] {
        cluster.fill(&topic, numbers, 20);
        let mut round = Vec::new();
        while count(&round) < 200 {
            round.extend(one.pull(PATIENCE).unwrap());
        }
        rounds.push(round);
    }
    // The second member gets nothing before the second round is delivered too.
    let mut two = Member::start(&config);
    assert!(two.pull(Duration::from_secs(8)).unwrap().is_none());
    let first = rounds[0].iter().flat_map(|pulled| &pulled.records);
    let expected = first.filter(|got| got.partition() == 0).count();
    assert!(expected > 0);
    rounds[0].iter().for_each(|pulled| one.ack(pulled));
    let end = Instant::now() + Duration::from_secs(15);
    while cluster.committed(&group, &topic) < expected as i64 {
        if Instant::now() > end {
            let _ = (one.stop(), two.stop());
            return false;
        }
        std::thread::sleep(A_MOMENT);
    }
    assert_eq!(two.host.metric("partitions"), Some(0));
    rounds[1].iter().for_each(|pulled| one.ack(pulled));
    let end = Instant::now() + PATIENCE;
    while two.host.metric("partitions") != Some(1) {
        assert!(Instant::now() < end, "{:?}", two.host.logs());
        assert!(two.pull(A_MOMENT).unwrap().is_none(), "all was delivered");
    }
    one.stop().unwrap();
    two.stop().unwrap();
    true
}

#[test]
fn nothing_more_is_handed_over_while_too_much_is_uncommitted() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(1), unique("group"));
    let mut config = cluster.consumer(&group, &topic);
    config["uncommitted_records"] = json!(100);
    let mut member = Member::start(&config);
    let errors = [Code::RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE; 500];
    cluster.as_mock().request_errors(Api::OffsetCommit, &errors);
    cluster.fill(&topic, 0..100, 10);
    member.take(100);
    cluster.fill(&topic, 100..200, 10);
    let more = member.pull(Duration::from_secs(3)).unwrap();
    assert!(
        more.is_none(),
        "{:?} {:?}",
        member.host.metric("failed_commits"),
        member.host.logs()
    );
    cluster.as_mock().clear_request_errors(Api::OffsetCommit);
    assert_eq!(member.take(100).len(), 100);
    assert!(member.host.metric("failed_commits").unwrap() > 0);
    member.stop().unwrap();
    assert_eq!(cluster.committed(&group, &topic), 200);
}

#[test]
fn where_somebody_else_commits_nothing_can_be_kept() {
    for mode in ["performance", "custom"] {
        let cluster = Cluster::mock(1);
        let topic = cluster.topic(1);
        let mut config = cluster.consumer(&unique("kept"), &topic);
        config["mode"] = json!(mode);
        let mut member = Member::start(&config);
        member.keeps = true;
        let end = Instant::now() + PATIENCE;
        let error = loop {
            assert!(Instant::now() < end, "{mode} goes on");
            if let Err(error) = member.pull(A_MOMENT) {
                break error.to_string();
            }
        };
        for part in [&topic, "partition 0", "`mode`", "\"transactional\""] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
