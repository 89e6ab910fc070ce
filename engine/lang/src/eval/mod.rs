//! Running compiled expressions over values in an arena.

pub(crate) mod code;
mod failure;
mod machine;
mod memory;
mod number;
pub(crate) mod ops;
pub(crate) mod path;
pub(crate) mod stacks;

pub(crate) use code::{Code, Constant, Pool};
pub(crate) use failure::Eval;
pub(crate) use machine::{Flow, Machine, Outcome, Stop};
pub(crate) use memory::Memory;
pub(crate) use stacks::Stacks;
