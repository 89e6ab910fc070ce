//! One table of everything Temblor can run, built in or loaded from a plugin.
//!
//! A [`Registry`] takes the entries that are compiled into the program and those of the plugins
//! that a [`Config`] (`connectors.toml`) lists. After [`Registry::find`] nobody asks which it was.
//!
//! A plugin passes these steps, and the first that fails is its [`Refusal`]:
//!
//! 1. [`PluginFile::read`]: it is a whole shared library for this machine with a [`Manifest`].
//! 2. [`Config::verify`]: it is the file that was locked or signed.
//! 3. [`PluginFile::check_contract`]: it was built against the same contract as this program.
//! 4. Its names are those that `provides` allows.
//! 5. The bytes that were checked are loaded from memory that nobody can change.
//! 6. Its root module and its entries are what its manifest says.
//!
//! No code of the plugin runs before step 5. From there on it has all rights of the program. It
//! is never unloaded. Plugins are loaded on Linux only.

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
