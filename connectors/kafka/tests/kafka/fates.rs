//! The group's position is where the contiguous prefix of acked records ends, and nowhere else.

use std::time::Duration;

use temblor_pdk::Fate;
use temblor_pdk::serde_json::json;

use crate::support::{Cluster, Member, PATIENCE, unique};

const A_WHILE: Duration = Duration::from_millis(700);

#[test]
fn the_next_member_begins_where_the_acked_prefix_ends() {
    for cluster in Cluster::all() {
        let (topic, group) = (cluster.topic(1), unique("group"));
        cluster.fill(&topic, 0..2_000, 1);
        let mut member = Member::start(&cluster.consumer(&group, &topic));
        let first = member.pull(PATIENCE).unwrap().unwrap();
        let second = member.pull(PATIENCE).unwrap().unwrap();
        let _third = member.pull(PATIENCE).unwrap().unwrap();
        member.ack(&first);
        member.ack(&second);
        member.stop().unwrap();
        let mut next = Member::start(&cluster.consumer(&group, &topic));
        let got = next.take(2_000 - first.records.len() - second.records.len());
        assert_eq!(got[0].number(), first.records.len() + second.records.len());
        next.stop().unwrap();
    }
}

#[test]
fn a_record_that_fails_in_the_middle_of_a_pull_comes_again() {
    for cluster in Cluster::all() {
        let (topic, group) = (cluster.topic(1), unique("group"));
        cluster.fill(&topic, 0..10, 1);
        let mut member = Member::start(&cluster.consumer(&group, &topic));
        let pulled = member.pull(PATIENCE).unwrap().unwrap();
        let last = pulled.records.len() as u32 - 1;
        // As the engine tells it: each record is a stream of its own, and has a fate of its own.
        let middle = last / 2;
        member.tell_of(&pulled, Fate::Acked, 0..=middle);
        member.tell_of(&pulled, Fate::Failed, middle + 1..=middle + 1);
        member.tell_of(&pulled, Fate::Acked, middle + 2..=last);
        let again = member.pull(PATIENCE).unwrap().unwrap();
        assert_eq!(again.records[0].number(), middle as usize + 1);
        assert_eq!(again.records.len(), 1, "it comes alone");
        member.stop().unwrap();
        assert_eq!(cluster.committed(&group, &topic), i64::from(middle) + 1);
    }
}

#[test]
fn nothing_that_was_not_acked_is_committed_by_time() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(1), unique("group"));
    cluster.fill(&topic, 0..100, 1);
    let mut member = Member::start(&cluster.consumer(&group, &topic));
    assert!(member.pull(PATIENCE).unwrap().is_some());
    std::thread::sleep(A_WHILE);
    // As a kill leaves it: nobody says goodbye.
    let mut next = Member::start(&cluster.consumer(&group, &topic));
    drop(member);
    assert_eq!(next.take(100)[0].number(), 0);
    next.stop().unwrap();
}

/// Fails the record with this number whenever it comes; acks all others. Ends with what the member says in the end.
fn with_a_poison_record(
    member: &mut Member,
    poison: usize,
    last: usize,
) -> Result<Vec<usize>, String> {
    let mut seen = Vec::new();
    loop {
        let pulled = match member.pull(PATIENCE) {
            Ok(Some(pulled)) => pulled,
            Ok(None) => return Err(format!("nothing comes any more after {seen:?}")),
            Err(error) => return Err(error.to_string()),
        };
        let numbers: Vec<usize> = pulled.records.iter().map(|got| got.number()).collect();
        let fate = match numbers.contains(&poison) {
            true => Fate::Failed,
            false => Fate::Acked,
        };
        if let Err(error) = member.tell(&pulled, fate) {
            return Err(error.to_string());
        }
        if fate == Fate::Acked {
            seen.extend(numbers);
        }
        if seen.last() == Some(&last) {
            return Ok(seen);
        }
    }
}

#[test]
fn a_record_that_always_fails_stops_the_connector_and_says_where_it_is() {
    for cluster in Cluster::all() {
        let (topic, group) = (cluster.topic(1), unique("group"));
        cluster.fill(&topic, 0..300, 1);
        let mut member = Member::start(&cluster.consumer(&group, &topic));
        let error = with_a_poison_record(&mut member, 142, 299).unwrap_err();
        for part in [
            &format!("topic `{topic}`, partition 0, offset 142"),
            "consumed 5 times again",
            &group,
            "help: ",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        member.stop().unwrap();
        let mut next = Member::start(&cluster.consumer(&group, &topic));
        assert_eq!(
            next.take(158)[0].number(),
            142,
            "the position stays in front of it"
        );
        next.stop().unwrap();
    }
}

#[test]
fn with_skip_only_the_record_that_fails_is_left_out() {
    for cluster in Cluster::all() {
        let topic = cluster.topic(1);
        cluster.fill(&topic, 0..300, 1);
        let mut config = cluster.consumer(&unique("group"), &topic);
        config["on_failed"] = json!("skip");
        let mut member = Member::start(&config);
        let mut seen = with_a_poison_record(&mut member, 142, 299).unwrap();
        seen.sort_unstable();
        seen.dedup();
        assert!(
            seen.into_iter()
                .eq((0..300).filter(|number| *number != 142))
        );
        assert_eq!(member.host.metric("skipped_records"), Some(1));
        let logs = member.host.logs();
        assert!(
            logs.iter().any(|(_, text)| text.contains("offset 142")),
            "{logs:?}"
        );
        member.stop().unwrap();
    }
}

#[test]
fn who_takes_nothing_for_long_stays_in_the_group_and_loses_nothing() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(2);
    cluster.fill(&topic, 0..40_000, 100);
    let mut config = cluster.consumer(&unique("group"), &topic);
    config["rdkafka_options"]["max.poll.interval.ms"] = json!(6_500);
    let mut member = Member::start(&config);
    let first = member.pull(PATIENCE).unwrap().unwrap();
    let begin = std::time::Instant::now();
    while begin.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(member.host.metric("paused"), Some(1));
    let before = member.host.metric("rebalances");
    member.ack(&first);
    let mut got = member.take(40_000 - first.records.len());
    got.extend(first.records);
    let mut numbers: Vec<usize> = got.iter().map(|got| got.number()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..40_000), "each comes once");
    assert_eq!(member.host.metric("rebalances"), before);
    assert_eq!(member.host.metric("lost_partitions"), Some(0));
    member.stop().unwrap();
}

#[test]
fn what_is_acked_is_committed_soon_without_a_goodbye() {
    for cluster in Cluster::all() {
        let (topic, group) = (cluster.topic(1), unique("group"));
        cluster.fill(&topic, 0..1_000, 1);
        let mut member = Member::start(&cluster.consumer(&group, &topic));
        let end = std::time::Instant::now() + PATIENCE;
        let mut got = 0;
        while cluster.committed(&group, &topic) < 1_000 {
            assert!(
                std::time::Instant::now() < end,
                "{got}: {:?}",
                member.host.logs()
            );
            if let Some(pulled) = member.pull(Duration::from_millis(50)).unwrap() {
                member.ack(&pulled);
                got += pulled.records.len();
            }
        }
        drop(member);
    }
}
