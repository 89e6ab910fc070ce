//! `temblor plugin lock`: writes the sha256 of every listed plugin into `connectors.toml`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use crate::config::{Config, ConfigError};
use crate::digest::Digest;
use crate::file::PluginFile;
use crate::refusal::Refused;

/// What [`lock`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockReport {
    /// The listed plugins, in the order of the file.
    pub locked: Vec<Locked>,
    /// Plugins that were found in directories; they are not locked, since they are not listed.
    pub unlisted: Vec<PathBuf>,
}

/// A plugin that is locked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Locked {
    /// The library.
    pub path: PathBuf,
    /// The digest that stands in the file now.
    pub sha256: Digest,
    /// The digest that stood there before.
    pub before: Option<Digest>,
}

/// Why nothing was locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A listed plugin could not be used anyway.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The file cannot be written.
    #[error("`{}` cannot be written: {error}", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

impl LockError {
    /// Says what to do about it, if there is something to say.
    pub fn help(&self) -> Option<String> {
        match self {
            LockError::Config(error) => error.help().map(str::to_owned),
            LockError::Refused(refused) => Some(refused.help().to_owned()),
            LockError::NotWritten { .. } => {
                Some("make the file and its directory writable".to_owned())
            }
        }
    }
}

/// Writes the sha256 of every listed plugin into the file at `path`.
///
/// Comments, order and layout of the file stay. The file is replaced as a whole or not at all.
///
/// # Errors
///
/// Nothing is written if the file is wrong or a listed plugin is not a whole plugin file.
pub fn lock(path: &Path) -> Result<LockReport, LockError> {
    let text = fs::read_to_string(path)
        .map_err(|error| ConfigError::whole(path, format!("cannot be read: {error}")))?;
    let config = Config::parse(&text, path)?;
    let (listed, found): (Vec<_>, Vec<_>) =
        config.plugins.into_iter().partition(|plugin| plugin.listed);
    let mut locked = Vec::with_capacity(listed.len());
    for plugin in listed {
        let file = PluginFile::read(&plugin.path)?;
        locked.push(Locked {
            path: plugin.path,
            sha256: file.sha256(),
            before: plugin.sha256,
        });
    }
    if locked
        .iter()
        .any(|plugin| plugin.before != Some(plugin.sha256))
    {
        let new_text = with_digests(&text, path, &locked)?;
        replace(path, &new_text).map_err(|error| LockError::NotWritten {
            path: path.to_owned(),
            error,
        })?;
    }
    Ok(LockReport {
        locked,
        unlisted: found.into_iter().map(|plugin| plugin.path).collect(),
    })
}

fn with_digests(text: &str, path: &Path, locked: &[Locked]) -> Result<String, ConfigError> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| ConfigError::whole(path, error.to_string()))?;
    // The text was read as a configuration before, so there is one table for each plugin.
    for (table, plugin) in tables(document.get_mut("plugin")).into_iter().zip(locked) {
        set(table, "sha256", &plugin.sha256.to_string());
    }
    Ok(document.to_string())
}

/// Returns the tables of `[[plugin]]`, or of `plugin = [{ … }]`.
fn tables(item: Option<&mut Item>) -> Vec<&mut dyn TableLike> {
    match item {
        Some(Item::ArrayOfTables(tables)) => tables
            .iter_mut()
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        Some(Item::Value(Value::Array(values))) => values
            .iter_mut()
            .filter_map(Value::as_inline_table_mut)
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        _ => Vec::new(),
    }
}

/// Sets a text and keeps what stands around the old one.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    let mut new = Value::from(text);
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => {
            table.insert(key, Item::Value(new));
        }
    }
}

/// Writes a new file beside the old one and renames it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let path = path.canonicalize()?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new_path = path.with_file_name(name);
    let written = write_new(&new_path, text, &path).and_then(|()| fs::rename(&new_path, &path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&new_path);
    }
    written
}

fn write_new(new_path: &Path, text: &str, old_path: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(new_path)?;
    file.set_permissions(fs::metadata(old_path)?.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
