//! One table of everything Temblor can run, built in or loaded from a plugin.

mod choice;
mod config;
mod contract;
mod digest;
mod entry;
mod error;
mod file;
mod listing;
mod load;
mod loader;
mod lock;
mod manifest;
mod provider;
mod refusal;
mod registry;
mod suggest;
mod table;
mod verify;

pub use config::{Config, ConfigError, MapMode, Place, PluginConfig, Prefer, Verify};
pub use contract::Contract;
pub use digest::{BadDigest, Digest};
pub use entry::Registered;
pub use error::RegistryError;
pub use file::PluginFile;
pub use listing::{Listing, Status};
pub use lock::{LockError, LockReport, Locked, lock};
pub use manifest::{EntryRecord, Manifest, PdkRecord, SchemaRecord};
pub use provider::{BadLinkMode, LinkMode, Provider, Side};
pub use refusal::{Refusal, Refused};
pub use registry::{Expected, Registry};
