//! How a command ends: its exit code, and what it says when it fails.

use std::fmt;
use std::process::ExitCode;

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// Something went wrong while it ran.
    Failed,
    /// What was asked for makes no sense: usage, configuration or program.
    Wrong,
    /// A connector or plugin could not start.
    NotStarted,
    /// Whatever a connector asked for.
    Asked(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Wrong => 2,
            Exit::NotStarted => 3,
            Exit::Asked(status) => status,
        })
    }
}

/// Why a command did not do what it was asked for: the thing, the reason, the way out.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    help: Option<String>,
}

impl Failure {
    /// Something went wrong at run time.
    pub(crate) fn failed(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Failed, message)
    }

    /// What was asked for is wrong.
    pub(crate) fn wrong(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Wrong, message)
    }

    /// A connector or plugin cannot start.
    pub(crate) fn not_started(message: impl Into<String>) -> Failure {
        Failure::new(Exit::NotStarted, message)
    }

    fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure {
            exit,
            message: message.into(),
            help: None,
        }
    }

    /// Adds the way out.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }

    /// Adds the way out, if there is one to name.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Failure {
        self.help = help.or(self.help);
        self
    }

    /// Returns what went wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the way out.
    pub(crate) fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// What a command returns. A command that has reported its failures itself returns their exit code.
pub(crate) type Outcome = Result<Exit, Failure>;
