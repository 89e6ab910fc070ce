//! The value type that crosses every boundary unchanged, the memory it lives in, and batches of it.
//!
//! A [`Value`] is sixteen bytes of plain data with a C layout. Strings and containers point into an [`Arena`] or
//! into an input [`Buffer`]; neither frees a value on its own. A [`Batch`] holds counted [`Handle`]s on all memory
//! that its values reach, so it can be kept, split and dropped on any thread and on either side of a library border.

mod arena;
mod batch;
mod buffer;
mod container;
mod derive;
mod draft;
mod event;
mod handle;
mod hash;
mod json;
mod layout;
mod make;
mod owned;
mod scalar;
mod serde_impl;
mod trait_impl;
mod view;

#[cfg(test)]
mod tests;

pub use arena::Arena;
pub use batch::{Batch, BatchBuilder};
pub use buffer::{Buffer, SPARE};
pub use container::{Array, Field, Object};
pub use derive::EventSink;
pub use draft::Draft;
pub use event::{ANONYMOUS_STREAM, Event, EventId, StreamEnd};
pub use handle::{Handle, pinned_bytes};
pub(crate) use layout::{LAYOUTS, fingerprint};
pub use owned::{Map, OwnedValue, Text};
pub use view::{Value, View};
