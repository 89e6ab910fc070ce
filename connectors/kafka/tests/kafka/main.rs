//! `kafka_consumer` and `kafka_producer` against librdkafka's cluster of mock brokers, and against a real broker.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bad;
#[path = "../broker/mod.rs"]
mod broker;
mod commits;
mod conformance;
mod contact;
mod fates;
mod faults;
mod groups;
mod program;
mod roundtrip;
mod secure;
mod support;
mod table;
