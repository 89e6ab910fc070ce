//! What cannot work is said, with its place and a way out.

use std::time::{Duration, Instant};

use temblor_pdk::log::Level;
use temblor_pdk::serde_json::{Value, json};
use temblor_pdk::testing::{Subject, TestHost};
use temblor_pdk::{ErrorKind, entries};

use crate::support::{Cluster, Member, PATIENCE, Producing, Sending, unique};

fn consumer(change: impl FnOnce(&mut Value)) -> (&'static str, Value) {
    let mut config = json!({"brokers": ["127.0.0.1:1"], "group_id": "g", "topics": ["t"]});
    change(&mut config);
    ("kafka_consumer", config)
}

fn producer(change: impl FnOnce(&mut Value)) -> (&'static str, Value) {
    let mut config = json!({"brokers": ["127.0.0.1:1"], "topic": "t"});
    change(&mut config);
    ("kafka_producer", config)
}

#[test]
fn what_cannot_work_is_said_before_anything_runs() {
    let option = |key: &str, value: Value| json!({ key: value });
    let cases = [
        (consumer(|c| c["brokers"] = json!([])), "`brokers` is empty"),
        (
            consumer(|c| c["brokers"] = json!(["a:1,b:2"])),
            "each as an item of its own",
        ),
        (
            consumer(|c| c["brokers"] = json!(["a:99999"])),
            "no host and port",
        ),
        (consumer(|c| c["topics"] = json!([])), "`topics` is empty"),
        (
            consumer(|c| c["topics"] = json!(["a b"])),
            "no topic can be named \"a b\"",
        ),
        (
            consumer(|c| c["group_id"] = json!("")),
            "`group_id` is empty",
        ),
        (
            consumer(|c| c["on_failed"] = json!("cry")),
            "unknown variant `cry`",
        ),
        (
            consumer(|c| c["rdkafka_options"] = option("fetch.wait.max", json!(1))),
            "did you mean `fetch.wait.max.ms`?",
        ),
        (
            consumer(|c| c["rdkafka_options"] = option("linger.ms", json!(1))),
            "an option of producers",
        ),
        (
            producer(|c| c["rdkafka_options"] = option("auto.offset.reset", json!("latest"))),
            "an option of consumers",
        ),
        (
            consumer(|c| c["rdkafka_options"] = option("group.id", json!("h"))),
            "write `group_id`",
        ),
        (
            producer(|c| c["rdkafka_options"] = option("bootstrap.servers", json!("h"))),
            "write `brokers`",
        ),
        (
            consumer(|c| c["rdkafka_options"] = option("enable.auto.commit", json!(false))),
            "set `mode` to \"custom\"",
        ),
        (
            consumer(|c| c["rdkafka_options"] = option("fetch.wait.max.ms", json!("soon"))),
            "`fetch.wait.max.ms` of `rdkafka_options` cannot be \"soon\"",
        ),
        (
            producer(|c| c["rdkafka_options"] = option("transactional.id", json!("x"))),
            "transactions are not supported",
        ),
        (
            producer(|c| c["partition"] = json!(-1)),
            "`partition` is -1",
        ),
        (
            producer(|c| c["topic"] = json!("a/b")),
            "no topic can be named",
        ),
    ];
    for ((name, config), reason) in cases {
        for maker in Subject::named(name).makers() {
            let made = maker.open(&config.to_string(), &TestHost::new());
            let error = made.err().unwrap_or_else(|| panic!("{config} was taken"));
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains(reason), "{reason} in {error}");
        }
    }
}

#[test]
fn modes_take_the_options_that_are_theirs() {
    for (mode, key) in [
        ("custom", "enable.auto.offset.store"),
        ("performance", "auto.commit.interval.ms"),
    ] {
        let (name, config) = consumer(|c| {
            c["mode"] = json!(mode);
            c["rdkafka_options"] = json!({ key: if mode == "custom" { "false" } else { "100" } });
        });
        let made = Subject::named(name).makers()[0].open(&config.to_string(), &TestHost::new());
        assert!(made.is_ok(), "{:?}", made.err());
    }
}

#[test]
fn an_unknown_topic_is_named() {
    let cluster = Cluster::mock(1);
    let topic = unique("nowhere");
    // The mock cluster makes topics by itself unless it is told what to answer.
    let code = rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.as_mock().topic_error(&topic, code).unwrap();
    let error = Member::open(&cluster.consumer("g", &topic)).err().unwrap();
    let text = error.to_string();
    for part in [&topic, &cluster.bootstrap(), "help: make the topic"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_topic_that_a_producer_does_not_find_is_named() {
    let cluster = Cluster::mock(1);
    let (topic, other) = (cluster.topic(1), unique("nowhere"));
    let code = rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.as_mock().topic_error(&other, code).unwrap();
    let error = Producing::open(&cluster.producer(&other)).err().unwrap();
    let text = error.to_string();
    for part in [&other, &cluster.bootstrap(), "help: make the topic"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // One that a script names is refused alone, once it has been looked for.
    let mut config = cluster.producer(&topic);
    config["rdkafka_options"] = json!({"topic.metadata.propagation.max.ms": 1_000});
    let mut producer = Producing::start(&config);
    let to = |topic: &str| Sending {
        payload: "1".to_owned(),
        meta: json!({"topic": topic}),
    };
    producer.write(&[to(&topic), to(&other), to(&topic)]);
    producer.flush().unwrap();
    let failures = producer.failures(3);
    assert_eq!(failures.len(), 1, "{failures:?}");
    let error = &failures[&1];
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let text = error.to_string();
    for part in [&other, &cluster.bootstrap(), "help: make the topic"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_record_that_is_too_large_is_refused_alone() {
    for cluster in Cluster::all() {
        let topic = cluster.topic(1);
        let mut producer = Producing::start(&cluster.producer(&topic));
        let of = |size: usize| Sending {
            payload: "x".repeat(size),
            meta: json!({"key": "k"}),
        };
        producer.write(&[of(10), of(2_000_000), of(10)]);
        producer.flush().unwrap();
        let failures = producer.failures(3);
        assert_eq!(failures.len(), 1, "{failures:?}");
        let text = failures[&1].to_string();
        assert_eq!(failures[&1].kind(), ErrorKind::Rejected, "{text}");
        for part in [
            &format!("topic `{topic}`"),
            &cluster.bootstrap(),
            "2000001 bytes",
            "raise `message.max.bytes`",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn a_topic_that_may_not_be_read_is_named() {
    let cluster = Cluster::mock(1);
    let topic = unique("secret");
    let code = rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.as_mock().topic_error(&topic, code).unwrap();
    let error = Member::open(&cluster.consumer("g", &topic)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    assert!(error.to_string().contains("allow the user"), "{error}");
}

#[test]
fn a_position_that_is_gone_is_told_where_nobody_says_what_to_do() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(1), unique("group"));
    let mut config = cluster.consumer(&group, &topic);
    config["rdkafka_options"]["auto.offset.reset"] = json!("error");
    let mut member = Member::start(&config);
    let error = loop {
        match member.pull(PATIENCE) {
            Err(error) => break error,
            Ok(Some(_)) => {}
            Ok(None) => panic!("{:?}", member.host.logs()),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    let text = error.to_string();
    for part in [&group, &topic, "help: ", "`auto.offset.reset`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_pattern_that_matches_nothing_is_told_and_goes_on_once_a_topic_is_there() {
    let cluster = Cluster::mock(1);
    let (name, group) = (unique("later"), unique("group"));
    let pattern = format!("^{name}.*");
    let mut config = cluster.consumer(&group, &pattern);
    config["rdkafka_options"]["topic.metadata.refresh.interval.ms"] = json!(500);
    let mut member = Member::start(&config);
    let told = |member: &Member| {
        let logs = member.host.logs().into_iter();
        let told = logs.filter(|(level, text)| *level == Level::Warn && text.contains(&pattern));
        told.map(|(_, text)| text).collect::<Vec<_>>()
    };
    let end = Instant::now() + PATIENCE;
    while told(&member).is_empty() {
        assert!(Instant::now() < end, "{:?}", member.host.logs());
        assert!(member.pull(Duration::from_millis(200)).unwrap().is_none());
    }
    for part in [&group, &cluster.bootstrap(), "no topic matches"] {
        assert!(
            told(&member)[0].contains(part),
            "{part} in {:?}",
            told(&member)
        );
    }
    let topic = format!("{name}-1");
    cluster.as_mock().create_topic(&topic, 1, 1).unwrap();
    cluster.fill(&topic, 0..10, 1);
    assert_eq!(member.take(10).len(), 10);
    assert!(told(&member).len() <= 2, "{:?}", told(&member));
    member.stop().unwrap();
}

#[test]
fn two_groups_by_mistake_are_seen_in_the_log() {
    let cluster = Cluster::mock(1);
    let topic = cluster.topic(2);
    cluster.fill(&topic, 0..20, 20);
    for group in [unique("orders"), unique("order")] {
        let mut member = Member::start(&cluster.consumer(&group, &topic));
        assert_eq!(member.take(20).len(), 20, "each group gets everything");
        let logs = member.host.logs();
        let says = |text: &str| {
            let parts = [&group, "takes over", &format!("{topic}[0], {topic}[1]")];
            parts.iter().all(|part| text.contains(part))
        };
        assert!(
            logs.iter()
                .any(|(level, text)| *level == Level::Info && says(text)),
            "{logs:?}"
        );
        member.stop().unwrap();
    }
}

#[test]
fn a_position_that_is_gone_names_partition_and_offset() {
    let cluster = Cluster::mock(1);
    let (topic, group) = (cluster.topic(1), unique("group"));
    cluster.fill(&topic, 0..10, 1);
    let mut member = Member::start(&cluster.consumer(&group, &topic));
    assert_eq!(member.take(10).len(), 10);
    member.stop().unwrap();
    let code = rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    let api = rdkafka::types::RDKafkaApiKey::Fetch;
    cluster.as_mock().request_errors(api, &[code; 5]);
    let mut config = cluster.consumer(&group, &topic);
    config["rdkafka_options"]["auto.offset.reset"] = json!("error");
    let mut member = Member::start(&config);
    let error = loop {
        match member.pull(PATIENCE) {
            Err(error) => break error,
            Ok(Some(_)) => {}
            Ok(None) => panic!("{:?}", member.host.logs()),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    let text = error.to_string();
    let place = format!("in topic `{topic}`, partition 0 it stands at offset 10");
    for part in [
        &group,
        &cluster.bootstrap(),
        &place,
        "from offset 0 up to 10",
        "`auto.offset.reset`",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn what_this_build_cannot_is_said_with_the_feature_that_can() {
    let (name, config) = producer(|c| c["rdkafka_options"] = json!({"security.protocol": "ssl"}));
    let made = Subject::named(name).makers()[0].open(&config.to_string(), &TestHost::new());
    // A build with TLS takes it.
    if let Err(error) = made {
        assert!(error.to_string().contains("feature `tls`"), "{error}");
    }
}

#[test]
fn options_that_are_secrets_are_marked() {
    for name in ["kafka_consumer", "kafka_producer"] {
        let schema = entries()
            .find(|entry| entry.name() == name)
            .unwrap()
            .schema();
        let schema: Value = temblor_pdk::serde_json::from_str(&schema).unwrap();
        let options = &schema["properties"]["rdkafka_options"]["properties"];
        for key in [
            "sasl.password",
            "ssl.key.pem",
            "ssl.key.password",
            "sasl.oauthbearer.config",
        ] {
            assert_eq!(options[key]["x-secret"], json!(true), "{key} in {options}");
        }
        assert!(options["sasl.username"].is_null(), "{options}");
    }
}

#[test]
fn no_message_shows_a_secret() {
    let secret = "hunter2";
    let options =
        json!({"ssl.key.password": secret, "sasl.password": secret, "sasl.mechanism": "NONE"});
    let (name, config) = producer(|c| c["rdkafka_options"] = options);
    let made = Subject::named(name).makers()[0].open(&config.to_string(), &TestHost::new());
    if let Err(error) = made {
        assert!(!error.to_string().contains(secret), "{error}");
    }
}
