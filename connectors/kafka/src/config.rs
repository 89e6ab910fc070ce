//! What a user writes, and what is made of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use temblor_pdk::schemars::{JsonSchema, Schema};
use temblor_pdk::serde::Deserialize;
use temblor_pdk::serde_json::{Map, Value, json};
use temblor_pdk::{Error, Result};

use crate::options::{Own, Side, client_config, flag, secrets};

/// Consumes topics as a member of a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct ConsumerConfig {
    /// Hosts and ports of brokers to ask first, such as `kafka-1:9092`; they name all others.
    brokers: Vec<String>,
    /// The group: its members share the partitions, and it keeps how far they have come.
    group_id: String,
    /// The topics. One that begins with `^` is a regular expression, and stands for all topics that it matches.
    topics: Vec<String>,
    /// Who says how far the group has come.
    #[serde(default)]
    #[schemars(extend("default" = "transactional"))]
    mode: Mode,
    /// In `transactional` mode: how often it is committed how far the events were delivered, in milliseconds.
    #[serde(default = "commit_interval_ms")]
    commit_interval_ms: u32,
    /// In `transactional` mode: so many records may be delivered and not committed, which are what comes again after a
    /// crash beside what was in flight; from a quarter of it on it is committed before its time.
    #[serde(default = "uncommitted_records")]
    #[schemars(extend("x-limit" = {"unit": "records", "beyond": "nothing more is consumed until it is committed"}))]
    uncommitted_records: u32,
    /// What to do with a record whose event failed.
    #[serde(default)]
    #[schemars(extend("default" = "retry"))]
    on_failed: OnFailed,
    /// How long it may take, when a partition moves to another member, until what is in flight is delivered.
    #[serde(default = "revoke_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "what is not delivered then comes again elsewhere"}))]
    revoke_timeout_ms: u64,
    /// How long it may take until a broker answers.
    #[serde(default = "connect_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "connecting has failed"}))]
    connect_timeout_ms: u64,
    /// Any other option of librdkafka.
    #[serde(default)]
    #[schemars(transform = mark_secrets)]
    rdkafka_options: BTreeMap<String, OptionValue>,
}

/// Produces to topics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct ProducerConfig {
    /// Hosts and ports of brokers to ask first, such as `kafka-1:9092`; they name all others.
    brokers: Vec<String>,
    /// The topic of events that name none in `$kafka_producer.topic`.
    #[serde(default)]
    topic: Option<String>,
    /// The key of events that have none in `$kafka_producer.key`.
    #[serde(default)]
    key: Option<String>,
    /// Headers of all events; those in `$kafka_producer.headers` come before ones of the same name.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The partition of events that have none in `$kafka_producer.partition`; without it, librdkafka chooses by the key.
    #[serde(default)]
    partition: Option<i32>,
    /// The time of records whose events have none in `$kafka_producer.timestamp`.
    #[serde(default)]
    #[schemars(extend("default" = "now"))]
    timestamp: Stamp,
    /// How long it may take until a broker answers.
    #[serde(default = "connect_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "connecting has failed"}))]
    connect_timeout_ms: u64,
    /// Any other option of librdkafka.
    #[serde(default)]
    #[schemars(transform = mark_secrets)]
    rdkafka_options: BTreeMap<String, OptionValue>,
}

/// Who says how far the group has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum Mode {
    /// Fates: only what was delivered, without a gap, is committed. Nothing is lost.
    #[default]
    Transactional,
    /// librdkafka, as soon as a record is handed over: what is in flight when the process ends is lost.
    Performance,
    /// `rdkafka_options`: `enable.auto.commit`, and `enable.auto.offset.store`, which leaves it to fates if it is false.
    Custom,
}

/// What to do with a record whose event failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum OnFailed {
    /// Consume it again after a while, five times; then stop as with `stop`.
    #[default]
    Retry,
    /// Go on behind it, and count it.
    Skip,
    /// Stop: the group's position stays in front of it.
    Stop,
}

/// The time of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum Stamp {
    /// When it is produced.
    #[default]
    Now,
    /// When its event came in.
    Ingest,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", untagged)]
#[serde(expecting = "an option is a string, a number, or true or false")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum OptionValue {
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(String),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionValue::Bool(value) => value.fmt(f),
            OptionValue::Integer(value) => value.fmt(f),
            OptionValue::Float(value) => value.fmt(f),
            OptionValue::Text(value) => f.write_str(value),
        }
    }
}

/// Marks which options are secrets.
fn mark_secrets(schema: &mut Schema) {
    let marked = secrets().map(|key| (key.to_owned(), json!({"x-secret": true})));
    let marked: Map<String, Value> = marked.collect();
    schema.insert("properties".to_owned(), Value::Object(marked));
}

fn commit_interval_ms() -> u32 {
    1_000
}

fn uncommitted_records() -> u32 {
    100_000
}

fn revoke_timeout_ms() -> u64 {
    5_000
}

fn connect_timeout_ms() -> u64 {
    10_000
}

/// A consumer's configuration that fits together.
pub(crate) struct ConsumerSettings {
    pub(crate) brokers: String,
    pub(crate) group: String,
    pub(crate) topics: Vec<String>,
    /// Whether fates say how far the group has come.
    pub(crate) by_fates: bool,
    /// When it is committed, unless that is left to librdkafka.
    pub(crate) commits: Option<CommitPolicy>,
    /// After so long without a sign of life the brokers give the partitions to others.
    pub(crate) dead_after: Duration,
    pub(crate) on_failed: OnFailed,
    pub(crate) revoke_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) client: ClientConfig,
}

/// When it is committed how far this member has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitPolicy {
    pub(crate) interval: Duration,
    /// How many records may be delivered and not committed.
    pub(crate) most: u64,
}

/// A producer's configuration that fits together.
pub(crate) struct ProducerSettings {
    pub(crate) brokers: String,
    pub(crate) topic: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Stamp,
    pub(crate) connect_timeout: Duration,
    pub(crate) client: ClientConfig,
}

/// What fates decide in `transactional` mode.
const TRANSACTIONAL: [Own; 4] = [
    ("enable.auto.commit", "set `mode` to \"custom\""),
    ("auto.commit.enable", "set `mode` to \"custom\""),
    ("enable.auto.offset.store", "set `mode` to \"custom\""),
    ("auto.commit.interval.ms", "write `commit_interval_ms`"),
];

impl ConsumerConfig {
    pub(crate) fn check(self, alias: &str) -> Result<ConsumerSettings> {
        let brokers = brokers(&self.brokers)?;
        if self.group_id.is_empty() {
            return Err(Error::config(
                "`group_id` is empty\nhelp: name the group whose members share the partitions",
            ));
        }
        check_topics(&self.topics)?;
        let written = &self.rdkafka_options;
        let by_fates = match self.mode {
            Mode::Transactional => true,
            Mode::Performance => false,
            Mode::Custom => !flag(written, "enable.auto.offset.store", true),
        };
        let mut defaults = vec![
            ("bootstrap.servers", brokers.clone()),
            ("group.id", self.group_id.clone()),
            ("client.id", format!("temblor-{alias}")),
            // A new group begins with what is there: nothing is lost because it came late.
            ("auto.offset.reset", "earliest".to_owned()),
            ("statistics.interval.ms", "5000".to_owned()),
        ];
        let protocol = written.get("group.protocol").map(OptionValue::to_string);
        if protocol.as_deref() != Some("consumer") {
            let strategy = "cooperative-sticky".to_owned();
            defaults.push(("partition.assignment.strategy", strategy));
        }
        let mut own: &[Own] = &[];
        let mut commits = None;
        if self.mode == Mode::Transactional {
            own = &TRANSACTIONAL;
            // librdkafka commits nothing by itself for the length of a rebalance.
            defaults.push(("enable.auto.commit", "false".to_owned()));
            defaults.push(("enable.auto.offset.store", "false".to_owned()));
            commits = Some(CommitPolicy {
                interval: Duration::from_millis(self.commit_interval_ms.max(1).into()),
                most: self.uncommitted_records.max(1).into(),
            });
        }
        let client = client_config(Side::Consumer, &defaults, own, written)?;
        Ok(ConsumerSettings {
            brokers,
            group: self.group_id,
            topics: self.topics,
            by_fates,
            commits,
            dead_after: dead_after(&client),
            on_failed: self.on_failed,
            revoke_timeout: Duration::from_millis(self.revoke_timeout_ms),
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            client,
        })
    }
}

impl ProducerConfig {
    pub(crate) fn check(self, alias: &str) -> Result<ProducerSettings> {
        let brokers = brokers(&self.brokers)?;
        if let Some(topic) = &self.topic {
            check_topic(topic)?;
        }
        if let Some(partition) = self.partition.filter(|partition| *partition < 0) {
            return Err(Error::config(format!(
                "`partition` is {partition}\nhelp: leave it out to have one chosen by the key"
            )));
        }
        let defaults = [
            ("bootstrap.servers", brokers.clone()),
            ("client.id", format!("temblor-{alias}")),
            ("enable.idempotence", "true".to_owned()),
        ];
        let written = &self.rdkafka_options;
        let own: [Own; 2] = [
            (
                "transactional.id",
                "transactions are not supported: leave it out",
            ),
            (
                "delivery.report.only.error",
                "events are acked by reports: leave it out",
            ),
        ];
        let client = client_config(Side::Producer, &defaults, &own, written)?;
        Ok(ProducerSettings {
            brokers,
            topic: self.topic,
            key: self.key,
            headers: self.headers,
            partition: self.partition,
            timestamp: self.timestamp,
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            client,
        })
    }
}

fn dead_after(client: &ClientConfig) -> Duration {
    let millis = client.get("session.timeout.ms");
    // What librdkafka takes where nothing is said.
    let millis = millis.and_then(|millis| millis.parse().ok());
    Duration::from_millis(millis.unwrap_or(45_000))
}

fn brokers(brokers: &[String]) -> Result<String> {
    if brokers.is_empty() {
        return Err(Error::config(
            "`brokers` is empty\nhelp: write host and port of a broker, such as [\"127.0.0.1:9092\"]",
        ));
    }
    for broker in brokers {
        let address = broker
            .rsplit_once("://")
            .map_or(broker.as_str(), |(_, rest)| rest);
        let (host, port) = match address.rsplit_once(':') {
            // The rest of an address of version 6 that has no port.
            Some((_, port)) if port.ends_with(']') => (address, None),
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        };
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if host.is_empty() || !is_port || broker.contains([',', ' ']) {
            return Err(Error::config(format!(
                "`brokers` holds {broker:?}, which is no host and port\nhelp: write one broker as \"kafka-1:9092\", each \
                 as an item of its own"
            )));
        }
    }
    Ok(brokers.join(","))
}

fn check_topics(topics: &[String]) -> Result<()> {
    if topics.is_empty() {
        return Err(Error::config(
            "`topics` is empty\nhelp: name a topic, or write a regular expression that begins with `^`",
        ));
    }
    let names = topics.iter().filter(|topic| !is_pattern(topic));
    names.map(String::as_str).try_for_each(check_topic)
}

/// Whether it stands for all topics that it matches.
pub(crate) fn is_pattern(topic: &str) -> bool {
    topic.starts_with('^')
}

fn check_topic(topic: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if topic.is_empty() || topic.len() > 249 || !topic.chars().all(allowed) {
        return Err(Error::config(format!(
            "no topic can be named {topic:?}\nhelp: names are up to 249 letters, digits, `.`, `_` and `-`; a regular \
             expression begins with `^`"
        )));
    }
    Ok(())
}
