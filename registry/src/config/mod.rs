//! `connectors.toml`: which plugins there are, and how far each is trusted.

mod directory;
mod error;
mod parse;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use minisign_verify::PublicKey;
use serde::Serialize;

use crate::digest::Digest;

pub use error::{ConfigError, Place};

/// What has to be known about a plugin file before it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Nothing; a sha256 or signature that is given is checked nevertheless.
    None,
    /// Its sha256.
    Sha256,
    /// A minisign signature.
    Minisign,
}

/// How the checked bytes get into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MapMode {
    /// From a sealed memory file, so that what was checked is what runs.
    ///
    /// Backtraces, gdb and profilers find its symbols; valgrind shows only its name.
    #[default]
    Memfd,
    /// From the file itself, for tools that read symbols by file name, as valgrind does.
    ///
    /// Whoever can replace the file between the check and the load decides what runs.
    Path,
}

/// Which of two providers of one name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Prefer {
    /// The plugin.
    Plugin,
    /// What is built in.
    Builtin,
}

/// The content of `connectors.toml`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The file, which all paths in it are relative to.
    pub path: PathBuf,
    /// What is demanded of every plugin.
    ///
    /// Where the file does not say: `sha256` as soon as one plugin has one, else `none`.
    pub verify: Verify,
    /// How plugins are mapped.
    pub map: MapMode,
    /// The key that signatures are checked with.
    pub minisign_key: Option<PublicKey>,
    /// The plugins that are listed, then those found in directories, sorted by path.
    pub plugins: Vec<PluginConfig>,
}

/// One plugin of `connectors.toml`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PluginConfig {
    /// The library.
    pub path: PathBuf,
    /// Where `path` or the directory stands in the file.
    pub place: Place,
    /// Whether the plugin has a `[[plugin]]` table; otherwise it was found in a directory.
    pub listed: bool,
    /// The digest that the file must have.
    pub sha256: Option<Digest>,
    /// The signature, where it is not beside the library with the ending `.minisig`.
    pub minisign: Option<PathBuf>,
    /// The only names that the plugin may register.
    pub provides: Option<Vec<String>>,
    /// Which provider is used if another one has the same name.
    pub prefer: Option<Prefer>,
}

impl Config {
    /// Reads the file, and looks into its directories.
    ///
    /// # Errors
    ///
    /// Names the place of whatever is wrong in the file, of directories that cannot be read too.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|error| ConfigError::whole(path, format!("cannot be read: {error}")))?;
        Config::parse(&text, path)
    }

    /// Parses `text` as if it was the content of `path`, and looks into its directories.
    ///
    /// # Errors
    ///
    /// The same as for [`Config::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        parse::config(error::Source { path, text })
    }
}
