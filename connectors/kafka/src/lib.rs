//! `kafka_consumer` consumes topics as a member of a group, `kafka_producer` produces to topics; both by librdkafka.
//!
//! A client of librdkafka has threads of its own; one more belongs to each connector here and serves the client, so that
//! its callbacks run nowhere else. Source and sink talk to that thread through channels and a lock that is held
//! shortly.

mod client;
mod commits;
mod config;
mod consumer;
mod farewell;
mod lanes;
mod options;
mod place;
mod poller;
mod producer;
mod rebalance;
mod record;
mod reports;
mod shared;
mod stuck;
mod verdict;
mod wonder;

pub use config::{ConsumerConfig, Mode, OnFailed, OptionValue, ProducerConfig, Stamp};
pub use consumer::{KafkaConsumer, KafkaSource};
pub use producer::{KafkaProducer, KafkaSink};
