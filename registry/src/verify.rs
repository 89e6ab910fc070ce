//! Whether a plugin file is the one that was meant: its sha256 and its signature.

use std::fs;
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};

use crate::config::{Config, MapMode, PluginConfig, Verify};
use crate::file::PluginFile;
use crate::refusal::{Refusal, Refused};

impl Config {
    /// Checks the bytes of `file` against what is known about `plugin`.
    ///
    /// A sha256 or a signature that is configured is always checked, whatever `verify` demands.
    ///
    /// # Errors
    ///
    /// Refuses a file that differs from what was locked or signed, and one that is not locked or
    /// signed although `verify` demands it.
    pub fn verify(&self, plugin: &PluginConfig, file: &PluginFile) -> Result<(), Refused> {
        let sha256 = check_digest(self, plugin, file);
        sha256
            .and_then(|()| check_signature(self, plugin, file))
            .map_err(|why| file.refused(why))
    }

    /// Returns whether [`Config::verify`] makes sure that the code of `plugin` is what was meant.
    ///
    /// It does not where the file is mapped again after it was checked.
    pub fn vouches(&self, plugin: &PluginConfig) -> bool {
        let signed = plugin.minisign.is_some() || self.verify == Verify::Minisign;
        self.map == MapMode::Memfd && (signed || plugin.sha256.is_some())
    }
}

fn check_digest(config: &Config, plugin: &PluginConfig, file: &PluginFile) -> Result<(), Refusal> {
    match plugin.sha256 {
        Some(expected) if expected != file.sha256() => Err(Refusal::OtherDigest {
            expected,
            found: file.sha256(),
        }),
        None if config.verify == Verify::Sha256 => Err(Refusal::NotLocked {
            listed: plugin.listed,
        }),
        _ => Ok(()),
    }
}

fn check_signature(
    config: &Config,
    plugin: &PluginConfig,
    file: &PluginFile,
) -> Result<(), Refusal> {
    if config.verify != Verify::Minisign && plugin.minisign.is_none() {
        return Ok(());
    }
    let path = plugin
        .minisign
        .clone()
        .unwrap_or_else(|| beside(&plugin.path));
    // The configuration is not accepted without a key where a signature can be asked for.
    let Some(key) = &config.minisign_key else {
        return Err(Refusal::NoSignature {
            signature: path,
            reason: "no key".to_owned(),
        });
    };
    check_with_key(key, path, file.bytes())
}

fn check_with_key(key: &PublicKey, path: PathBuf, bytes: &[u8]) -> Result<(), Refusal> {
    let signature = match fs::read_to_string(&path) {
        Ok(text) => Signature::decode(&text),
        Err(error) => {
            return Err(Refusal::NoSignature {
                signature: path,
                reason: error.to_string(),
            });
        }
    };
    let allow_legacy = false;
    signature
        .and_then(|signature| key.verify(bytes, &signature, allow_legacy))
        .map_err(|error| Refusal::BadSignature {
            signature: path,
            reason: reason(&error).into(),
        })
}

fn reason(error: &minisign_verify::Error) -> &'static str {
    use minisign_verify::Error;
    match error {
        Error::InvalidEncoding => "it is not a minisign signature",
        Error::InvalidSignature => "it was made for other bytes",
        Error::UnexpectedKeyId => "it was made with another key",
        Error::UnexpectedAlgorithm | Error::UnsupportedAlgorithm | Error::UnsupportedLegacyMode => {
            "it uses an algorithm that is not accepted, sign again with minisign 0.11 or later"
        }
        Error::IoError(_) => "it cannot be read",
    }
}

/// `libx.so` is signed by `libx.so.minisig`.
fn beside(library: &Path) -> PathBuf {
    let mut path = library.as_os_str().to_owned();
    path.push(".minisig");
    PathBuf::from(path)
}
