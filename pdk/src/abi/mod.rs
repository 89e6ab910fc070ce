//! The C ABI of epoch 0: what a loaded library and the engine say to each other.
//!
//! Only plain data crosses. Everything that can panic is fenced on its own side, every object is released by the
//! side that made it, and no pointer of the host is kept beyond the call that brought it, unless it is counted.
//! `abi_stable` stands at the control edge only: the root module and its layout check, in `root`.

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

/// The epoch of the ABI. In epoch 0 host and plugin must be built from the same version of this crate.
pub const EPOCH: u32 = 0;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The layouts of the control plane, by name.
const LAYOUTS: &[(&str, &[usize])] = &[
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

/// A fingerprint of every layout that crosses the boundary.
pub const LAYOUT: u64 = {
    let data = crate::value::fingerprint(0xcbf2_9ce4_8422_2325, crate::value::LAYOUTS);
    crate::value::fingerprint(data, LAYOUTS)
};
