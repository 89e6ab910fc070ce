//! Flows with Kafka as users run them: processes of `temblor`, a broker between them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../connectors/kafka/tests/broker/mod.rs"]
#[allow(dead_code, reason = "these tests need no more than a running broker")]
mod broker;
mod examples;
mod process;
mod topics;
