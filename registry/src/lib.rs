//! One table of everything Temblor can run, built in or loaded from a plugin.

mod config;
mod digest;
mod file;
mod host;
mod loader;
mod lock;
mod manifest;
mod refusal;
mod suggest;
mod verify;

pub use config::{Config, ConfigError, MapMode, Place, PluginConfig, Prefer, Verify};
pub use digest::{BadDigest, Digest};
pub use file::PluginFile;
pub use host::Host;
pub use lock::{LockError, LockReport, Locked, lock};
pub use manifest::{EntryRecord, Manifest, PdkRecord, SchemaRecord};
pub use refusal::{Refusal, Refused};
