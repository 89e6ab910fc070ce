//! The C ABI of epoch 1: what a loaded library and the engine say to each other.
//!
//! Only plain data crosses. Everything that can panic is fenced on its own side, every object is released by the
//! side that made it, and no pointer of the host is kept beyond the call that brought it, unless it is counted.
//! `abi_stable` stands at the control edge only: the root module and its layout check, in `root`.
//!
//! The epoch is frozen: no struct here or in `value` changes, no number gets another meaning. What comes later is found
//! by id and version through `get_extension`, which the root of a plugin has and the host's vtable too; it takes the
//! objects that exist. New commands, replies, kinds, flags and capabilities get numbers and names of their own, and each
//! side says what it does with one that it does not know. The page `docs/plugins.md` has the whole of it.

mod entry;
mod fates;
pub(crate) mod fence;
mod function;
mod host;
mod instance;
mod operator;
mod processor;
mod root;
mod task;
mod text;
mod waker;

#[cfg(test)]
mod tests;

pub use entry::Descriptor;
pub use fates::{FateSink, Fates};
pub use host::{Cell, CellKind, Host, HostServices, Interest, Place};
pub use root::{PinnedBytes, Root, RootRef, descriptors, initialise, pinned_bytes_of};
pub use task::{Cancel, Task};

pub(crate) use entry::describe;

/// The epoch of the ABI. Within it every plugin fits every host, whatever versions of this crate they were built with.
pub const EPOCH: u32 = 1;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The layouts of the control plane, by name.
const LAYOUTS: &[(&str, &[usize])] = &[
    ("root", root::FIELDS),
    ("text", text::LAYOUT),
    ("host", host::LAYOUT),
    ("fates", fates::LAYOUT),
    ("task", task::LAYOUT),
    ("waker", waker::LAYOUT),
    ("entry", entry::LAYOUT),
    ("instance", instance::LAYOUT),
    ("processor", processor::LAYOUT),
    ("operator", operator::LAYOUT),
    ("function", function::LAYOUT),
];

/// A fingerprint of every layout that crosses the boundary, and of the numbers that commands, replies, kinds, flags and
/// tags have. It says nothing of compilers or versions, and is the same in all of an epoch.
pub const LAYOUT: u64 = {
    let data = crate::value::fingerprint(0xcbf2_9ce4_8422_2325, crate::value::LAYOUTS);
    crate::value::fingerprint(data, LAYOUTS)
};
