//! Any bytes as a program: compiled as everything that a text can be, and run on a few events.
//!
//! `.ci/fuzz [SECONDS]` runs it; what it has found lies in `corpus/program`, which the tests replay.

#![no_main]

#[path = "../../tests/common/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::exercise(bytes));
