//! One table of everything Temblor can run, built in or loaded from a plugin.

mod digest;
mod file;
mod host;
mod manifest;
mod refusal;

pub use digest::{BadDigest, Digest};
pub use file::PluginFile;
pub use host::Host;
pub use manifest::{EntryRecord, Manifest, PdkRecord, SchemaRecord};
pub use refusal::{Refusal, Refused};
