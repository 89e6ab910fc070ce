//! The flow that is measured comes to the same with the consumer built in and as a plugin.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

#[allow(dead_code, reason = "the connector's tests use the rest")]
#[path = "../../connectors/kafka/tests/broker/mod.rs"]
mod broker;
#[allow(dead_code, reason = "the measurements use the rest")]
#[path = "../src/kafka/cluster.rs"]
mod cluster;
#[allow(dead_code, reason = "the measurements use the rest")]
#[path = "../src/process.rs"]
mod process;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use temblor::{Engine, Secrets};
use temblor_pdk::log::LevelFilter;
use temblor_registry::{Config, LinkMode, Registry};

use cluster::Cluster;

const FLOW: &str = include_str!("../flows/kafka.troy");
const FROM: &str = "bench-from";
const RECORDS: usize = 200_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// Builds the connector as users do, and returns a registry that has it twice.
fn registry(mode: LinkMode) -> Registry {
    let exe = std::env::current_exe().unwrap();
    let profile = exe.ancestors().nth(2).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "rustc",
            "--offline",
            "--quiet",
            "--package",
            "temblor-connector-kafka",
        ])
        .args(["--lib", "--crate-type", "cdylib"])
        .env("CARGO_TARGET_DIR", profile.parent().unwrap());
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let built = command.output().unwrap();
    assert!(built.status.success(), "{built:?}");
    let toml = "[[plugin]]\npath = 'libtemblor_connector_kafka.so'\n";
    let config = Config::parse(toml, &profile.join("connectors.toml")).unwrap();
    let host = temblor::host_for_plugin("kafka", LevelFilter::Warn, &Secrets::new(), |_| {});
    let mut registry = temblor::builtin_registry().unwrap();
    registry.add_plugins(&config, &host);
    for name in ["kafka_consumer", "kafka_producer"] {
        registry.link(name, mode);
    }
    registry.check(&[]).unwrap();
    registry
}

/// Runs the flow to its end; returns what it produced.
fn run(cluster: &Cluster, mode: LinkMode) -> Vec<(Vec<u8>, Vec<u8>)> {
    let to = format!("sums-{mode}");
    cluster.make(&to, 1).unwrap();
    let (bootstrap, run) = (cluster.bootstrap().to_owned(), to.clone());
    let engine = Engine::builder()
        .registry(Arc::new(registry(mode)))
        .environment(move |name| match name {
            "KAFKA_BOOTSTRAP" => Some(bootstrap.clone()),
            "TEMBLOR_BENCH_RUN" => Some(run.clone()),
            _ => None,
        })
        .build()
        .unwrap();
    let text = FLOW.replace("bench-to", &to);
    let deployment = engine.compile("kafka.troy", &text).unwrap();
    let flow = engine.start(&deployment.flows[0]).unwrap();
    let begin = Instant::now();
    while engine.stop_request().is_none() {
        assert!(begin.elapsed() < PATIENCE, "{:?}", flow.report());
        std::thread::sleep(Duration::from_millis(20));
    }
    flow.drain();
    let report = flow.wait();
    assert!(report.is_ok(), "{report:?}");
    read(cluster, &to)
}

/// Keys and payloads of a topic of one partition.
fn read(cluster: &Cluster, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.bootstrap())
        .set("group.id", "reader")
        .set("isolation.level", "read_uncommitted")
        .set("fetch.wait.max.ms", "10");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&list).unwrap();
    let count = cluster.count(topic, 1).unwrap();
    let begin = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        assert!(begin.elapsed() < PATIENCE, "{} of {count}", records.len());
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let part = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
            records.push((part(message.key()), part(message.payload())));
        }
    }
    records
}

#[test]
fn a_flow_produces_the_same_built_in_and_as_a_plugin() {
    let Ok(cluster) = Cluster::start() else {
        eprintln!("skipped: there is no broker");
        return;
    };
    cluster.make(FROM, 1).unwrap();
    cluster.fill(FROM, 1, RECORDS).unwrap();
    let native = run(&cluster, LinkMode::Native);
    let dylib = run(&cluster, LinkMode::Dylib);
    // 1,024 customers have about 195 records each, and all but a few of them more than 100.
    assert!(native.len() > 1_000, "{} sums", native.len());
    assert_eq!(native.len(), dylib.len());
    for (at, (native, dylib)) in native.iter().zip(&dylib).enumerate() {
        let text = |(key, payload): &(Vec<u8>, Vec<u8>)| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(key), text(payload))
        };
        assert_eq!(text(native), text(dylib), "record {at}");
    }
}
