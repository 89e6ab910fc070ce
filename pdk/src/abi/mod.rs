//! The C ABI of epoch 0: what a loaded library and the engine say to each other.
//!
//! Only plain data crosses. Everything that can panic is fenced on its own side, every object is released by the
//! side that made it, and no pointer of the host is kept beyond the call that brought it, unless it is counted.
//! `abi_stable` stands at the control edge only: the root module and its layout check, in `root`.

mod entry;
mod fates;
pub(crate) mod fence;
mod host;
mod instance;
mod processor;
mod root;
mod task;
mod text;
mod waker;

pub use entry::Descriptor;
pub use fates::{FateSink, Fates};
pub use host::{Cell, CellKind, Host, HostServices, Interest};
pub use root::{Root, RootRef, descriptors, initialise};
pub use task::{Cancel, Task};

pub(crate) use entry::describe;

/// The epoch of the ABI. In epoch 0 host and plugin must be built from the same version of this crate.
pub const EPOCH: u32 = 0;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A fingerprint of every layout that crosses the boundary.
pub const LAYOUT: u64 = {
    let hash = crate::value::fingerprint(0xcbf2_9ce4_8422_2325);
    let hash = hash ^ (size_of::<Descriptor>() as u64) << 8;
    let hash = hash ^ (size_of::<host::RawHost>() as u64) << 20;
    let hash = hash ^ (size_of::<host::HostVtable>() as u64) << 32;
    hash ^ ((instance::SIZES as u64) << 44)
};
