//! The engine at its boundary: flows of test connectors through the public API.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod configuration;
mod connectors;
mod contraflow;
mod engines;
mod fates;
mod fates_shapes;
mod flows;
mod letters;
mod life;
mod output;
mod packets;
mod panics;
mod stream;
mod streams;
mod support;
mod talker;
mod watchdog;
mod windows;
