//! What cannot work is said, with its place and a way out.

use std::io::Write;
use std::net::TcpListener;

use temblor_pdk::ErrorKind;
use temblor_pdk::serde_json::{Value, json};
use temblor_pdk::testing::{Subject, TestHost};

use crate::support::{Cluster, Member, PATIENCE, Producing, unique};

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

/// What connecting comes to, for both connectors.
fn connect(brokers: &str, options: &Value) -> Vec<temblor_pdk::Error> {
    let mut config = json!({"brokers": [brokers], "topic": "t", "connect_timeout_ms": 1_500, "rdkafka_options": options});
    let produced = Producing::open(&config).err();
    config["group_id"] = json!("g");
    config["topics"] = json!(["t"]);
    config.as_object_mut().unwrap().remove("topic");
    let consumed = Member::open(&config).err();
    [produced, consumed]
        .map(|error| error.expect("it connected"))
        .into()
}

#[test]
fn where_nobody_listens_the_broker_is_named() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let brokers = format!("127.0.0.1:{port}");
    for error in connect(&brokers, &json!({})) {
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        let text = error.to_string();
        for part in [&brokers, "Connection refused", "help: check `brokers`"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn what_is_no_broker_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let brokers = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let _ = connection
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    for error in connect(&brokers, &json!({})) {
        let text = error.to_string();
        assert!(
            text.contains(&brokers) && text.contains("that a Kafka broker listens there"),
            "{text}"
        );
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
fn what_this_build_cannot_is_said_with_the_feature_that_can() {
    let (name, config) = producer(|c| c["rdkafka_options"] = json!({"security.protocol": "ssl"}));
    let made = Subject::named(name).makers()[0].open(&config.to_string(), &TestHost::new());
    // A build with TLS takes it.
    if let Err(error) = made {
        assert!(error.to_string().contains("feature `tls`"), "{error}");
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

#[test]
fn tls_to_a_plain_listener_and_credentials_that_nobody_wants_are_told() {
    let cluster = Cluster::mock(1);
    let brokers = cluster.bootstrap();
    let plain = json!({
        "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "me",
        "sasl.password": "hunter2",
    });
    for options in [json!({"security.protocol": "ssl"}), plain] {
        for error in connect(&brokers, &options) {
            let text = error.to_string();
            if text.contains("feature `tls`") {
                eprintln!("skipped: this build of librdkafka has no TLS");
                continue;
            }
            assert!(text.contains(&brokers) && text.contains("help: "), "{text}");
            assert!(
                text.contains("`security.protocol`") || text.contains("`sasl."),
                "{text}"
            );
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
