//! Memory of plugins under load: made by one library, edited by the host, kept by another, freed elsewhere.
//!
//! `.ci/valgrind` runs it under valgrind. By hand, after a first run that builds the plugins:
//!
//! ```text
//! cargo test -p temblor --test ownership
//! cd engine && valgrind --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --fair-sched=try \
//!     ../target/debug/deps/ownership-<hash> --test-threads=1
//! ```
//!
//! Valgrind does not see that a block goes back to an allocator that it did not come from: `ownership_mimalloc` runs
//! the same with another allocator in the host, where that is a crash.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../plugins/plugins.rs"]
mod plugins;
mod rounds;
#[path = "../engine/support.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod support;
