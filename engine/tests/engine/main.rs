//! The engine at its boundary: flows of test connectors through the public API.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod alike;
mod checkpoint_names;
mod checkpoints;
mod configuration;
mod connectors;
mod contraflow;
mod engines;
mod fates;
mod fates_circles;
mod fates_shapes;
mod flaky;
mod flows;
mod lanes;
mod lanes_moving;
mod lanes_time;
mod letters;
mod letters_policy;
mod life;
mod messages;
mod output;
mod packets;
mod panics;
mod secrets;
mod stream;
mod streams;
mod supervision;
mod supervision_broken;
mod supervision_bytes;
mod supervision_random;
mod supervision_refusal;
mod support;
mod talker;
mod topics;
mod watchdog;
mod windows;
mod windows_fates;
