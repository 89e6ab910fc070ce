//! `test.toml`: what the files of a case do not say themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use temblor_pdk::OwnedValue;

use super::super::failure::Failure;
use super::find::{Case, SETTINGS};

/// The settings of a case, all of them optional. Paths are relative to its directory.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// The program, if it lies elsewhere or is one of several.
    pub(super) program: Option<PathBuf>,
    /// Which pipeline of a `.troy` file is meant.
    pub(super) pipeline: Option<String>,
    /// The input port.
    pub(super) port: Option<String>,
    /// The codec of the input, if the ending of its name does not say it.
    pub(super) decoder: Option<String>,
    /// What the input goes through before it is decoded.
    pub(super) preprocessors: Vec<String>,
    /// The codec of files that `--update` makes.
    pub(super) encoder: Option<String>,
    /// Directories in which modules are looked for first.
    pub(super) modules: Vec<PathBuf>,
    /// Arguments of the flow of a `.troy` file.
    pub(super) args: BTreeMap<String, OwnedValue>,
    /// Whether operators send what they hold back when the input has ended.
    pub(super) flush: bool,
}

impl Settings {
    /// Reads the settings of a case.
    pub(super) fn read(case: &Case) -> Result<Settings, Failure> {
        if !case.files.iter().any(|file| file == SETTINGS) {
            return Ok(Settings::default());
        }
        let shown = case.shown(SETTINGS);
        let text = fs::read_to_string(case.path(SETTINGS))
            .map_err(|error| Failure::wrong(format!("`{shown}` cannot be read: {error}")))?;
        toml::from_str(&text).map_err(|error| {
            let message = format!("`{shown}` cannot be used: {}", error.to_string().trim_end());
            Failure::wrong(message).help("docs/testing.md lists what it may hold")
        })
    }
}
