//! Running compiled expressions over values in an arena.

mod assign;
mod bounds;
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

pub(crate) use bounds::MAX_DEPTH;
pub(crate) use code::{Code, Constant, Pool};
pub(crate) use failure::{Eval, ROOTS, no_window};
pub(crate) use machine::{Machine, Outcome};
pub(crate) use memory::Memory;
pub(crate) use stacks::Stacks;
