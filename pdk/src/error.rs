//! Errors that say what the engine will do about them.

/// What the engine does when a connector or a codec returns an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot work: the flow does not start.
    Config,
    /// The outside is gone for now: the connector is connected again by its policy, and its events wait.
    Disconnected,
    /// These events cannot be taken, now or later: they fail or what else its settings say, the connector goes on.
    Rejected,
    /// The connector cannot go on, for good: it fails with this error.
    Failed,
    /// The connector panicked, hangs or does what it must not: it is made anew.
    Bug,
}

impl ErrorKind {
    /// The kind as a number that keeps its meaning across versions.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            ErrorKind::Config => 1,
            ErrorKind::Disconnected => 2,
            ErrorKind::Rejected => 3,
            ErrorKind::Failed => 4,
            ErrorKind::Bug => 5,
        }
    }

    /// The kind of a number; an unknown one counts as [`ErrorKind::Failed`].
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        match code {
            1 => ErrorKind::Config,
            2 => ErrorKind::Disconnected,
            3 => ErrorKind::Rejected,
            5 => ErrorKind::Bug,
            _ => ErrorKind::Failed,
        }
    }
}

/// What went wrong, and what the engine should do about it.
///
/// The message names the thing and the reason, in lower case and without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The result of everything that a connector or codec does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
        }
    }

    /// The configuration cannot work.
    pub fn config(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, message)
    }

    /// The outside is gone.
    pub fn disconnected(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Disconnected, message)
    }

    /// This event cannot be taken.
    pub fn rejected(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Rejected, message)
    }

    /// The connector cannot go on.
    pub fn failed(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Failed, message)
    }

    /// What the engine should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    /// An I/O error stops the connector unless it says otherwise.
    fn from(error: std::io::Error) -> Self {
        Error::failed(error.to_string())
    }
}
