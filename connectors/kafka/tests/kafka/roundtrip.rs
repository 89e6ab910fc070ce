//! What is produced is consumed, with all that belongs to a record.

use temblor_pdk::serde_json::{Value, json};

use crate::support::{Cluster, Member, Producing, Sending, unique};

#[test]
fn a_record_keeps_key_headers_partition_and_time() {
    for cluster in Cluster::all() {
        let topic = cluster.topic(3);
        let mut config = cluster.producer(&topic);
        config["headers"] = json!({"from": "test", "kind": "fixed"});
        config["timestamp"] = json!("ingest");
        let mut producer = Producing::start(&config);
        producer.write(&[
            Sending {
                payload: "one".to_owned(),
                meta: json!({
                    "key": "k", "partition": 2, "timestamp": 1_600_000_000_987_000_000_u64,
                    "headers": {"kind": "own", "count": 3, "none": null},
                }),
            },
            Sending {
                payload: "two".to_owned(),
                meta: json!({"partition": 2}),
            },
        ]);
        producer.flush().unwrap();
        assert!(producer.failures(2).is_empty());
        let mut member = Member::start(&cluster.consumer(&unique("group"), &topic));
        let got = member.take(2);
        assert_eq!([&got[0].payload, &got[1].payload], ["one", "two"]);
        let headers = json!({"from": "test", "kind": "own", "count": "3", "none": null});
        let expected = json!({
            "key": "k", "headers": headers, "topic": topic, "partition": 2, "offset": 0,
            "timestamp": 1_600_000_000_987_000_000_u64,
        });
        assert_eq!(got[0].meta, expected);
        let plain = json!({
            "key": null, "headers": {"from": "test", "kind": "fixed"}, "topic": topic, "partition": 2, "offset": 1,
            "timestamp": 1_700_000_000_123_000_000_u64,
        });
        assert_eq!(got[1].meta, plain);
        member.stop().unwrap();
    }
}

#[test]
fn thousands_of_records_arrive_once_and_in_order_of_their_partitions() {
    for cluster in Cluster::all() {
        let topic = cluster.topic(4);
        cluster.fill(&topic, 0..20_000, 100);
        let mut member = Member::start(&cluster.consumer(&unique("group"), &topic));
        let got = member.take(20_000);
        let mut numbers: Vec<usize> = got.iter().map(|got| got.number()).collect();
        for key in 0..100 {
            let mine: Vec<usize> = numbers.iter().copied().filter(|n| n % 100 == key).collect();
            assert!(mine.is_sorted(), "key {key}");
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..20_000));
        member.stop().unwrap();
    }
}

#[test]
fn a_pattern_stands_for_the_topics_that_it_matches() {
    for cluster in Cluster::all() {
        let topic = cluster.topic(1);
        cluster.fill(&topic, 0..10, 1);
        let pattern = format!("^{topic}$");
        let mut member = Member::start(&cluster.consumer(&unique("group"), &pattern));
        assert_eq!(member.take(10).len(), 10);
        member.stop().unwrap();
    }
}

#[test]
fn an_event_that_cannot_become_a_record_fails_alone() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(1);
    let mut config = cluster.producer(&topic);
    config["rdkafka_options"] = json!({"message.max.bytes": 2000});
    let mut producer = Producing::start(&config);
    let sending = |payload: &str, meta: Value| Sending {
        payload: payload.to_owned(),
        meta,
    };
    producer.write(&[
        sending("good", json!({})),
        sending(&"x".repeat(5000), json!({"key": "large"})),
        sending("far", json!({"partition": 77})),
        sending("odd", json!({"partition": "first"})),
        sending("late", json!({"timestamp": -5})),
        sending("also good", json!({})),
    ]);
    producer.flush().unwrap();
    let failures = producer.failures(6);
    let texts = failures.iter().map(|(at, error)| (*at, error.to_string()));
    let texts: Vec<(usize, String)> = texts.collect();
    let expected = [
        (1, "message.max.bytes"),
        (2, "partition 77"),
        (3, "`$kafka_producer.partition` is"),
        (4, "`$kafka_producer.timestamp` is"),
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
    for ((at, text), (place, part)) in texts.iter().zip(expected) {
        assert_eq!(*at, place, "{texts:?}");
        assert!(text.contains(part) && text.contains("help: "), "{text}");
    }
    assert!(
        texts[0].1.contains("5005 bytes") && texts[0].1.contains(&topic),
        "{}",
        texts[0].1
    );
}
