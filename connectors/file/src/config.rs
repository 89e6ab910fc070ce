//! What a user writes, and what is made of it.

use std::path::PathBuf;
use std::time::Duration;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

/// How often the position is written if nothing else is said.
const INTERVAL_MS: u64 = 100;

/// Reads a file to its end or for ever, or writes one.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// What to do with the file.
    pub mode: Mode,
    /// Reading: a file in which is kept how far the events are delivered, so that the next run goes on from there.
    #[serde(default)]
    pub position: Option<PathBuf>,
    /// Reading with `position`: it is written at most so often, in milliseconds; 100 by default.
    #[serde(default)]
    pub position_interval_ms: Option<u64>,
    /// Reading with `position`: what to do when events fail; `retry` by default.
    #[serde(default)]
    pub on_failed: Option<OnFailed>,
    /// Reading: whether to wait for more at the end of the file, and to go on with the file that takes its place.
    #[serde(default)]
    pub follow: bool,
    /// What stands behind each event of the file. Reading with `position` or `follow`: the file is read up to the last
    /// one that is there; a newline by default. Appending: half an event behind the last one, as a killed process
    /// leaves it, is cut off; nothing is by default.
    #[serde(default)]
    pub separator: Option<String>,
}

/// What to do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum Mode {
    /// Read it: the connector is a source.
    Read,
    /// Make it, or replace what is in it; the same as `truncate`, as Tremor has it.
    Write,
    /// Make it, or write behind what is in it.
    Append,
    /// Make it, or replace what is in it.
    Truncate,
}

/// What to do when events fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum OnFailed {
    /// Read them again after a while, five times; then stop as with `stop`.
    Retry,
    /// Go on, and count them.
    Skip,
    /// Stop: the position stays in front of them.
    Stop,
}

/// A configuration that fits together.
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    /// The path as messages show it.
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) position: Option<PathBuf>,
    pub(crate) interval: Duration,
    pub(crate) on_failed: OnFailed,
    pub(crate) follow: bool,
    /// As it was written, if it was.
    pub(crate) separator: Option<String>,
}

impl Settings {
    /// Whether places in the file matter.
    pub(crate) fn is_special(&self) -> bool {
        self.position.is_some() || self.follow || self.separator.is_some()
    }
}

impl Config {
    pub(crate) fn check(self) -> Result<Settings> {
        let for_reading = [
            ("position", self.position.is_some()),
            ("follow", self.follow),
        ];
        let for_position = [
            ("position_interval_ms", self.position_interval_ms.is_some()),
            ("on_failed", self.on_failed.is_some()),
        ];
        if self.mode != Mode::Read {
            refuse(&for_reading, "is for reading", "leave it out")?;
        }
        if self.position.is_none() {
            let help = "add `position`, or leave it out";
            refuse(&for_position, "needs `position`", help)?;
        }
        let unused = self.mode == Mode::Read && self.position.is_none() && !self.follow;
        let truncates = matches!(self.mode, Mode::Write | Mode::Truncate);
        if self.separator.is_some() && (unused || truncates) {
            let written = [("separator", true)];
            let reason = "is for `position`, `follow` and mode \"append\"";
            refuse(&written, reason, "leave it out")?;
        }
        if self.separator.as_deref() == Some("") {
            return Err(Error::config(
                "`separator` is empty\nhelp: leave it out, or give what stands behind each event",
            ));
        }
        Ok(Settings {
            name: format!("`{}`", self.path.display()),
            path: self.path,
            mode: self.mode,
            position: self.position,
            interval: Duration::from_millis(self.position_interval_ms.unwrap_or(INTERVAL_MS)),
            on_failed: self.on_failed.unwrap_or(OnFailed::Retry),
            follow: self.follow,
            separator: self.separator,
        })
    }
}

/// Refuses the first key that is written where it means nothing.
fn refuse(keys: &[(&str, bool)], reason: &str, help: &str) -> Result<()> {
    match keys.iter().find(|(_, written)| *written) {
        Some((key, _)) => Err(Error::config(format!("`{key}` {reason}\nhelp: {help}"))),
        None => Ok(()),
    }
}
