//! What is wrong in `connectors.toml`, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A place in a text, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, counted in characters.
    pub column: usize,
}

impl Place {
    /// Finds the place of the byte at `offset`.
    pub(crate) fn of(text: &str, offset: usize) -> Place {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        }
    }
}

/// An error in `connectors.toml`.
///
/// It reads `file:line:column: what is wrong`; the way out is [`ConfigError::help`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    path: PathBuf,
    place: Option<Place>,
    message: String,
    help: Option<String>,
}

impl ConfigError {
    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the place in the file; `None` if the file as a whole is wrong.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Says what to do about it, if there is something to say.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    pub(crate) fn whole(path: &Path, message: String) -> ConfigError {
        ConfigError {
            path: path.to_owned(),
            place: None,
            message,
            help: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> ConfigError {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

/// The text that is being read, for turning spans into places.
#[derive(Clone, Copy)]
pub(super) struct Source<'t> {
    pub(super) path: &'t Path,
    pub(super) text: &'t str,
}

impl Source<'_> {
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place::of(self.text, span.start)
    }

    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError {
            path: self.path.to_owned(),
            place: Some(self.place(span)),
            message: message.into(),
            help: None,
        }
    }
}
