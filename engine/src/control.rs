//! What a running flow is told, and how its connectors tell how they are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use temblor_pdk::{Error, Instance};

use crate::decode::Decoder;
use crate::encode::Encoder;

/// When a connector counts as broken, and how often it may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supervision {
    /// A poll that takes longer hangs: the connector is made anew, and whatever the poll comes to is left to itself.
    pub hang_after: Duration,
    /// A pull that was interrupted and takes longer hangs.
    pub answer_within: Duration,
    /// So many panics and hangs within [`Supervision::within`] put a connector into quarantine.
    pub strikes: usize,
    /// See [`Supervision::strikes`].
    pub within: Duration,
    /// How long a quarantine lasts; then the connector is tried again.
    pub quarantine: Duration,
    /// How long a flow that was told to drain may take; then it stops, and what is left fails.
    pub drain_timeout: Duration,
}

impl Default for Supervision {
    fn default() -> Self {
        Supervision {
            hang_after: Duration::from_secs(5),
            answer_within: Duration::from_secs(1),
            strikes: 5,
            within: Duration::from_secs(60),
            quarantine: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// A side of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Sink,
}

impl Side {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Sink => "sink",
        }
    }
}

/// What the task of a source or sink is told, beside the fates of events.
pub(crate) enum Order {
    /// To a source: no pull until told otherwise.
    Pause,
    /// To a source: pulls go on.
    Resume,
    /// To a source: no pull any more; hand on what is kept, wait for the fates, end.
    Drain,
    /// Let go of the instance, and wait for the next one.
    Release,
    /// Go on with this one.
    Renew(Box<Renewal>),
    /// To a sink that has nothing more to write: flush, wait for the fates, end.
    Finish,
    /// There will be no other instance, for this reason: end, and let everything fail that comes.
    Fail(Error),
    /// Say that you hear this.
    Answer,
}

/// A new instance with what codec and processors begin anew with.
pub(crate) struct Renewal {
    /// Counts the instances of a connector, so that what is said of earlier ones is not taken for this one.
    pub(crate) epoch: u64,
    pub(crate) instance: Box<dyn Instance>,
    pub(crate) decoder: Option<Decoder>,
    pub(crate) encoder: Option<Encoder>,
}

/// What the task of a source or sink tells its keeper.
pub(crate) enum Report {
    /// The instance of this epoch cannot go on; the task has let go of it.
    Trouble(Side, u64, Error),
    /// The task has let go of the instance.
    Released(Side),
    /// A source hands nothing more over; a sink has nothing more to write and would flush.
    Finishing(Side),
    /// All is done; the task has ended.
    Ended(Side),
    /// A poll of the task does not return.
    Hung(Side),
    /// Something that the connector has running beside it does not return.
    HungBeside,
    /// The task hears orders.
    Answered,
    /// The task has panicked, which is a bug of the engine.
    Panicked(Side, Error),
}

/// How a connector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectorState {
    /// It is made, and has not touched anything outside.
    Initialised,
    /// It is establishing what it needs outside, for the first time or again.
    Connecting,
    /// It works.
    Running,
    /// It was told to wait.
    Paused,
    /// It broke too often, and is left alone for a while.
    Quarantined,
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
            ConnectorState::Quarantined => "quarantined",
            ConnectorState::Draining => "draining",
            ConnectorState::Stopped => "stopped",
            ConnectorState::Failed => "failed",
        }
    }
}

/// How a connector is, and what has happened to it.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) state: ConnectorState,
    /// Why it failed, or does not work now.
    pub(crate) error: Option<Error>,
    /// How often it was connected again.
    pub(crate) reconnects: u64,
    /// How often it was made anew, after a panic or a hang.
    pub(crate) restarts: u64,
    /// When the quarantine ends, in nanoseconds of the engine's clock.
    pub(crate) quarantined_until_ns: Option<u64>,
    /// Whether an operator has paused it, whatever else it is.
    pub(crate) is_paused: bool,
    /// Whether it has worked.
    pub(crate) has_run: bool,
}

/// The condition of a connector, shared between its tasks and whoever asks.
#[derive(Clone)]
pub(crate) struct Status(Arc<Mutex<Condition>>);

impl Status {
    pub(crate) fn new() -> Self {
        Status(Arc::new(Mutex::new(Condition {
            state: ConnectorState::Initialised,
            error: None,
            reconnects: 0,
            restarts: 0,
            quarantined_until_ns: None,
            is_paused: false,
            has_run: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self) -> Condition {
        self.lock().clone()
    }

    pub(crate) fn state(&self) -> ConnectorState {
        self.lock().state
    }

    /// Moves to another state, in which nothing is wrong. A failed connector stays failed.
    pub(crate) fn set(&self, state: ConnectorState) {
        self.change(|condition| {
            condition.state = state;
            condition.has_run |= state == ConnectorState::Running;
            condition.error = None;
            condition.quarantined_until_ns = None;
        });
    }

    /// Changes something, unless the connector has failed for good.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Condition)) {
        let mut condition = self.lock();
        if condition.state != ConnectorState::Failed {
            change(&mut condition);
        }
    }

    /// Fails the connector for good; the first error is the reason. Says whether it was the first.
    pub(crate) fn fail(&self, error: Error) -> bool {
        let mut condition = self.lock();
        let first = condition.state != ConnectorState::Failed;
        if first {
            condition.state = ConnectorState::Failed;
            condition.error = Some(error);
            condition.quarantined_until_ns = None;
        }
        first
    }
}
