//! The rows of `temblor connectors`.

use std::path::PathBuf;

use serde::Serialize;

use crate::provider::Provider;

/// Whether an entry can be used under its plain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is used.
    Ok,
    /// Another provider of the name is used; this one can be asked for with `@`.
    Shadowed,
    /// Several providers have the name, and nothing says which is used.
    Duplicate,
    /// Its plugin is not used at all.
    Refused,
    /// It is newer than this program; the rest of its plugin is used.
    Newer,
}

/// One row: an entry of one provider, or a plugin that is refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// The name; `None` for a refused plugin whose record cannot be read.
    pub name: Option<String>,
    /// The kind, as in `connector`; `None` as for `name`.
    pub kind: Option<String>,
    /// The version of the crate that registers it.
    pub version: Option<String>,
    /// Where it comes from.
    pub provider: Provider,
    /// Whether it is used.
    pub status: Status,
    /// Why it is not used.
    pub reason: Option<String>,
    /// The library, for plugins.
    pub path: Option<PathBuf>,
}
