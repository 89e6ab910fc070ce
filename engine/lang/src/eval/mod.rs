//! Running compiled expressions over values in an arena.

pub(crate) mod code;
mod failure;
mod machine;
mod number;
pub(crate) mod ops;
pub(crate) mod path;
pub(crate) mod stacks;

pub(crate) use code::{Code, Constant, Pool};
pub(crate) use failure::Eval;
pub(crate) use machine::Machine;
pub(crate) use stacks::Stacks;
