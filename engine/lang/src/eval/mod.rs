//! Running compiled expressions over values in an arena.

mod assign;
mod build;
mod bytes;
mod call;
pub(crate) mod code;
pub(crate) mod failure;
mod looping;
mod machine;
mod matching;
mod memory;
mod number;
pub(crate) mod ops;
mod owned;
mod patch;
pub(crate) mod path;
mod pattern;
pub(crate) mod stacks;
mod walk;

pub(crate) use code::{Code, Constant, Pool};
pub(crate) use failure::{Eval, internal};
pub(crate) use machine::{Flow, Machine, Outcome, Stop};
pub(crate) use memory::Memory;
pub(crate) use stacks::Stacks;

/// How deep values may be nested. Events as deep as JSON may be, with something around them, are fine; everything that
/// walks through a value may rely on it.
pub(crate) const MAX_DEPTH: usize = 1024 + 128;
