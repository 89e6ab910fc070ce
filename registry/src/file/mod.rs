//! Reading a plugin file and checking it, before any of its code can run.

mod elf;
mod permission;
mod read;
mod record;

use std::path::{Path, PathBuf};

use crate::contract::Contract;
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::refusal::{Refusal, Refused};

/// A plugin file in memory, whole and well formed.
///
/// What is checked, verified and later mapped are these bytes; the file on disk is not looked at
/// again.
pub struct PluginFile {
    path: PathBuf,
    bytes: Vec<u8>,
    sha256: Digest,
    manifest: Manifest,
}

impl PluginFile {
    /// Reads the file and its manifest.
    ///
    /// # Errors
    ///
    /// Refuses whatever is not a whole shared library for this machine with a readable manifest.
    /// Whether the plugin suits this host is the question of [`PluginFile::check_contract`].
    pub fn read(path: &Path) -> Result<PluginFile, Refused> {
        let refused = |why| Refused {
            path: path.to_owned(),
            why,
        };
        let bytes = read::whole(path).map_err(refused)?;
        let manifest = manifest(&bytes).map_err(refused)?;
        Ok(PluginFile {
            path: path.to_owned(),
            sha256: Digest::of(&bytes),
            bytes,
            manifest,
        })
    }

    /// Checks that the plugin was built for `host`.
    ///
    /// # Errors
    ///
    /// Refuses another epoch, target or layout, and a plugin that aborts on panic.
    pub fn check_contract(&self, host: &Contract) -> Result<(), Refused> {
        check_contract(&self.manifest, host).map_err(|why| self.refused(why))
    }

    /// Checks that not everybody can write the file.
    ///
    /// It matters where neither a sha256 nor a signature vouches for the content.
    ///
    /// # Errors
    ///
    /// Refuses a file that all users of the system can change or replace.
    pub fn check_permissions(&self) -> Result<(), Refused> {
        permission::check(&self.path).map_err(|why| self.refused(why))
    }

    /// Returns the path that the file was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the content of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the digest of the content.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// Returns what the plugin says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Keeps the manifest only.
    pub(crate) fn into_manifest(self) -> Manifest {
        self.manifest
    }

    pub(crate) fn refused(&self, why: Refusal) -> Refused {
        Refused {
            path: self.path.clone(),
            why,
        }
    }
}

fn manifest(bytes: &[u8]) -> Result<Manifest, Refusal> {
    let library = elf::check(bytes)?;
    let records = library.record.ok_or(Refusal::NoRecord)?;
    let (pdk, entries) = record::parse(records)?;
    Ok(Manifest {
        pdk,
        entries,
        schemas: library.schema.map(record::parse_schemas).transpose()?,
        needed: library.needed,
    })
}

fn check_contract(manifest: &Manifest, host: &Contract) -> Result<(), Refusal> {
    let pdk = &manifest.pdk;
    if pdk.epoch != host.epoch {
        return Err(Refusal::OtherEpoch {
            plugin: pdk.epoch,
            host: host.epoch,
            pdk: pdk.pdk.clone(),
        });
    }
    if pdk.target != host.target {
        return Err(Refusal::OtherTarget {
            plugin: pdk.target.clone(),
            host: host.target.clone(),
        });
    }
    if pdk.layout != host.layout {
        return Err(Refusal::OtherLayout {
            epoch: host.epoch,
            pdk: pdk.pdk.clone(),
            plugin: pdk.layout.clone(),
            host: host.layout.clone(),
        });
    }
    match manifest
        .entries
        .iter()
        .find(|entry| entry.panic != "unwind")
    {
        Some(entry) => Err(Refusal::PanicStrategy {
            crate_name: entry.crate_name.clone(),
            panic: entry.panic.clone(),
        }),
        None => Ok(()),
    }
}
