//! Plugins that are really loaded, in an engine, beside the same code built in.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../fixtures/faulty/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "it is a crate of its own elsewhere"
)]
mod fixture;
mod functions;
mod golden;
mod lanes;
mod operators;
mod outputs;
mod panics;
mod pipelines;
mod plugins;
mod sides;
mod supervision;
#[path = "../engine/support.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod support;
