//! Why a plugin is not used: one variant per situation, each with the way out.

use std::io;
use std::path::PathBuf;

use crate::digest::Digest;

/// A plugin that is not used, and why.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{}` is refused: {why}", path.display())]
pub struct Refused {
    /// The file as it was configured.
    pub path: PathBuf,
    /// The reason.
    pub why: Refusal,
}

impl Refused {
    /// Says what to do about it, in one line.
    pub fn help(&self) -> &'static str {
        self.why.help()
    }
}

/// The reason why a plugin is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// The path names something that is not a regular file.
    #[error("it is {what}, not a file")]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
    /// The file is larger than any plugin.
    #[error("it has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The size of the file.
        size: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// The file is no shared library.
    #[error("it is {what}, not a shared library")]
    NotALibrary {
        /// What it is.
        what: String,
    },
    /// The library is for another processor or operating system.
    #[error("it is {plugin}, this host is {host}")]
    OtherPlatform {
        /// What the library is made for.
        plugin: String,
        /// What this program runs on.
        host: String,
    },
    /// The file ends before what its headers promise.
    #[error("the file is cut short: {what} ends at byte {end}, the file has {size}")]
    Truncated {
        /// The part that is cut.
        what: String,
        /// Where the part ends.
        end: u64,
        /// The size of the file.
        size: u64,
    },
    /// The headers of the library contradict each other.
    #[error("the file is damaged: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// The library needs static thread-local storage.
    #[error("it needs static thread-local storage (DF_STATIC_TLS)")]
    StaticTls,
    /// The library would have others loaded from the current directory.
    #[error("it looks for libraries in `{path}`, relative to the current directory")]
    SearchPath {
        /// The relative path.
        path: String,
    },
    /// The library has no section `.temblor`.
    #[error("it has no section `.temblor`, so it is not a Temblor plugin")]
    NoRecord,
    /// A record cannot be read.
    #[error("section `{section}`, record {record}: {reason}")]
    BadRecord {
        /// The section.
        section: &'static str,
        /// The number of the record, from 1.
        record: usize,
        /// What is wrong.
        reason: String,
    },
    /// The records as a whole make no sense.
    #[error("section `.temblor` {reason}")]
    BadManifest {
        /// What is wrong.
        reason: String,
    },
    /// The plugin follows another epoch of the contract.
    #[error(
        "it was built with temblor-pdk {pdk} for plugin contract epoch {plugin}, this host has epoch {host}"
    )]
    OtherEpoch {
        /// The plugin's epoch.
        plugin: u32,
        /// The host's epoch.
        host: u32,
        /// The plugin's version of `temblor-pdk`.
        pdk: String,
    },
    /// The plugin was built for another target triple.
    #[error("it was built for {plugin}, this host for {host}")]
    OtherTarget {
        /// The plugin's target.
        plugin: String,
        /// The host's target.
        host: String,
    },
    /// The layouts of the two sides differ.
    #[error(
        "its layout fingerprint is {plugin}, epoch {epoch} has {host}: its temblor-pdk {pdk} is no released one"
    )]
    OtherLayout {
        /// The epoch of both.
        epoch: u32,
        /// The plugin's version of `temblor-pdk`.
        pdk: String,
        /// The plugin's fingerprint.
        plugin: String,
        /// The host's fingerprint.
        host: String,
    },
    /// The plugin cannot contain its panics.
    #[error("crate `{crate_name}` was built with panic = \"{panic}\"")]
    PanicStrategy {
        /// The crate.
        crate_name: String,
        /// The strategy.
        panic: String,
    },
    /// A sha256 is demanded and none is configured.
    #[error("no sha256 is configured for it, and `verify = \"sha256\"` demands one")]
    NotLocked {
        /// Whether the plugin has a `[[plugin]]` table.
        listed: bool,
    },
    /// The file is not the one that was locked.
    #[error("its sha256 is {found}, configured is {expected}")]
    OtherDigest {
        /// The configured digest.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// The signature cannot be read.
    #[error("its signature `{}` cannot be read: {reason}", signature.display())]
    NoSignature {
        /// The signature file.
        signature: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The signature is not valid for the file and the key.
    #[error("its signature `{}` is not valid: {reason}", signature.display())]
    BadSignature {
        /// The signature file.
        signature: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// All users of the system can change or replace the file, and nothing vouches for it.
    #[error("every user can write `{}`", part.display())]
    WritableByAll {
        /// The file, or a directory above it.
        part: PathBuf,
    },
    /// The verified bytes cannot be put into memory that cannot change.
    #[error("no sealed memory file could be made: {0}")]
    NotMapped(io::Error),
    /// The system's loader does not take the library.
    #[error("the system's loader refused it: {reason}")]
    NotLoaded {
        /// What the loader said.
        reason: String,
    },
    /// The library has no root module of this contract.
    #[error("{reason}")]
    NoRoot {
        /// What is wrong.
        reason: String,
    },
    /// The library does not register what its record says.
    #[error("{reason}")]
    OtherEntries {
        /// What differs.
        reason: String,
    },
    /// The plugin registers a name that `provides` does not list.
    #[error("it registers `{name}`, which `provides` does not list")]
    Unexpected {
        /// The name.
        name: String,
    },
    /// The plugin does not register a name that `provides` lists.
    #[error("it does not register `{name}`, which `provides` lists")]
    Missing {
        /// The name.
        name: String,
    },
}

impl Refusal {
    /// Says what to do about it, in one line.
    pub fn help(&self) -> &'static str {
        match self {
            Refusal::NotFound => "check `path` in connectors.toml; it is relative to that file",
            Refusal::Unreadable(_) => "make the file readable for the user that runs temblor",
            Refusal::NotAFile { .. } => "name the library itself, a file that ends in `.so`",
            Refusal::TooLarge { .. } => "strip the debug information, as in `strip --strip-debug`",
            Refusal::NotALibrary { .. } => "build one with `cargo rustc --lib --crate-type cdylib`",
            Refusal::OtherPlatform { .. } | Refusal::OtherTarget { .. } => {
                "build the plugin for the target of this host"
            }
            Refusal::Truncated { .. } | Refusal::Damaged { .. } => "copy or build the plugin again",
            Refusal::StaticTls => {
                "build the plugin without its own allocator, or with one that uses dynamic \
                 thread-local storage"
            }
            Refusal::SearchPath { .. } => {
                "link it with an absolute path, or with one that starts with `$ORIGIN`"
            }
            Refusal::NoRecord => {
                "build it from a crate that calls `temblor_pdk::register!`; if it does, check that \
                 no step after the build removes sections"
            }
            Refusal::BadRecord { .. }
            | Refusal::BadManifest { .. }
            | Refusal::NoRoot { .. }
            | Refusal::OtherEntries { .. } => {
                "build the plugin again with the temblor-pdk of this host"
            }
            Refusal::OtherEpoch { .. } => {
                "build the plugin with any temblor-pdk of this host's epoch, or use a temblor release \
                 of the plugin's epoch"
            }
            Refusal::OtherLayout { .. } => {
                "build the plugin with an unchanged temblor-pdk of this epoch"
            }
            Refusal::PanicStrategy { .. } => {
                "build the plugin with a profile that has `panic = \"unwind\"`"
            }
            Refusal::NotLocked { listed: true } => "run `temblor plugin lock`",
            Refusal::NotLocked { listed: false } => {
                "list it as `[[plugin]]` in connectors.toml and run `temblor plugin lock`"
            }
            Refusal::OtherDigest { .. } => {
                "if the change is wanted, run `temblor plugin lock`; if not, restore the file"
            }
            Refusal::NoSignature { .. } => "sign the plugin with `minisign -Sm FILE`",
            Refusal::BadSignature { .. } => {
                "sign this very file with the key that `minisign_key` belongs to"
            }
            Refusal::WritableByAll { .. } => {
                "take the right away with `chmod o-w`, or run `temblor plugin lock`"
            }
            Refusal::NotMapped(_) => {
                "allow executable memory files (sysctl vm.memfd_noexec=0 or 1), or set \
                 `map = \"path\"` in `[defaults]` and protect the directory"
            }
            Refusal::NotLoaded { .. } => {
                "install the library that it names, or build the plugin on this system"
            }
            Refusal::Unexpected { .. } | Refusal::Missing { .. } => {
                "check that it is the right file, then change `provides` in connectors.toml"
            }
        }
    }
}
