//! Where an entry came from, and how it is called.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use crate::digest::Digest;

/// Where an entry came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Provider {
    /// It was compiled into this program.
    Builtin {
        /// The crate that registers it.
        #[serde(rename = "crate")]
        crate_name: String,
        /// The cargo feature that compiles it in, if the program said so.
        feature: Option<String>,
        /// What collected it: `linkme` or `inventory`.
        collector: String,
    },
    /// It was loaded from a library.
    Plugin {
        /// The library.
        path: PathBuf,
        /// The digest of the bytes that were loaded; `None` if the file could not be read.
        sha256: Option<Digest>,
        /// The version of temblor-pdk in it; `None` if its record could not be read.
        pdk: Option<String>,
        /// The version of the crate that registers the entry; `None` as for `pdk`.
        version: Option<String>,
    },
}

impl Provider {
    /// Returns the side that it is on.
    pub fn side(&self) -> Side {
        match self {
            Provider::Builtin { .. } => Side::Builtin,
            Provider::Plugin { .. } => Side::Plugin,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Provider::Builtin { crate_name, .. } => write!(f, "built-in crate `{crate_name}`"),
            Provider::Plugin { path, .. } => write!(f, "plugin `{}`", path.display()),
        }
    }
}

/// One of the two ways to be in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Compiled in.
    Builtin,
    /// Loaded.
    Plugin,
}

impl Side {
    /// Returns the word for it, as in `kafka_consumer@plugin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Builtin => "builtin",
            Side::Plugin => "plugin",
        }
    }
}

/// How an entry is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkMode {
    /// Built in, called as Rust.
    Native,
    /// Built in, called through the same interface as a plugin.
    Abi,
    /// Loaded.
    Dylib,
}

impl LinkMode {
    /// Returns the side that has this mode.
    pub fn side(self) -> Side {
        match self {
            LinkMode::Native | LinkMode::Abi => Side::Builtin,
            LinkMode::Dylib => Side::Plugin,
        }
    }

    /// Returns the word for it, as in `--link blaster=abi`.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkMode::Native => "native",
            LinkMode::Abi => "abi",
            LinkMode::Dylib => "dylib",
        }
    }
}

impl fmt::Display for LinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that a word is no link mode.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a link mode is `native`, `abi` or `dylib`")]
pub struct BadLinkMode;

impl FromStr for LinkMode {
    type Err = BadLinkMode;

    fn from_str(word: &str) -> Result<LinkMode, BadLinkMode> {
        match word {
            "native" => Ok(LinkMode::Native),
            "abi" => Ok(LinkMode::Abi),
            "dylib" => Ok(LinkMode::Dylib),
            _ => Err(BadLinkMode),
        }
    }
}
