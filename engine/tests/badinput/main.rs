//! Bad input over the network: whatever a peer sends, the program lives, says what was wrong, keeps within its memory,
//! and takes the next good event.
//!
//! The sizes are those of a quick run. `TEMBLOR_BADINPUT_MIB=1024` sets that of the longest line; `.ci/full` does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod connections;
mod cuts;
mod frames;
mod program;
mod replies;
