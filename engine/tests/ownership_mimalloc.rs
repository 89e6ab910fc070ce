//! The same as `ownership`, with an allocator in the host that the plugins do not share.
//!
//! A block that one side allocates and the other frees ends the process here, which valgrind would not see.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "plugins/plugins.rs"]
mod plugins;
#[path = "ownership/rounds.rs"]
mod rounds;
#[path = "engine/support.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod support;

#[global_allocator]
static HOST: mimalloc::MiMalloc = mimalloc::MiMalloc;
