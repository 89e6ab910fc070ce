//! What a running flow is told, and how its connectors tell how they are.

use std::sync::{Arc, Mutex, PoisonError};

use temblor_pdk::Error;

/// What a source is told, beside the fates of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// No pull until told otherwise.
    Pause,
    /// Pulls go on.
    Resume,
    /// No pull any more; hand on what is kept, wait for the fates, end.
    Drain,
}

/// How a connector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectorState {
    /// It is made, and has not touched anything outside.
    Initialised,
    /// It is establishing what it needs outside.
    Connecting,
    /// It works.
    Running,
    /// It was told to wait.
    Paused,
    /// No event comes in any more; what is in flight is still delivered.
    Draining,
    /// It has ended well.
    Stopped,
    /// It has ended with an error.
    Failed,
}

impl ConnectorState {
    /// The state in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectorState::Initialised => "initialised",
            ConnectorState::Connecting => "connecting",
            ConnectorState::Running => "running",
            ConnectorState::Paused => "paused",
            ConnectorState::Draining => "draining",
            ConnectorState::Stopped => "stopped",
            ConnectorState::Failed => "failed",
        }
    }
}

/// The state of a connector, shared between its tasks and whoever asks.
#[derive(Clone)]
pub(crate) struct Status(Arc<Mutex<(ConnectorState, Option<Error>)>>);

impl Status {
    pub(crate) fn new() -> Self {
        let state = (ConnectorState::Initialised, None);
        Status(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn get(&self) -> (ConnectorState, Option<Error>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Moves to another state. A failed connector stays failed.
    pub(crate) fn set(&self, state: ConnectorState) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != ConnectorState::Failed {
            current.0 = state;
        }
    }

    /// Fails the connector; the first error is the reason. Says whether it was the first.
    pub(crate) fn fail(&self, error: Error) -> bool {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = current.0 != ConnectorState::Failed;
        if first {
            *current = (ConnectorState::Failed, Some(error));
        }
        first
    }
}
