//! A running flow as its owner sees it.

use std::sync::{Arc, Mutex, PoisonError};

use event_listener::{Event as Notify, Listener};
use temblor_pdk::Error;
use temblor_registry::LinkMode;

use crate::breaker::Breaker;
use crate::control::{ConnectorState, Status};
use crate::fate::{Counts, Tally};

/// What a connector of a flow came to, or is at.
#[derive(Clone, Debug)]
pub struct ConnectorReport {
    /// Its name in the flow.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// How it is called.
    pub link_mode: LinkMode,
    /// How it is.
    pub state: ConnectorState,
    /// Why it failed, or why it does not work now.
    pub error: Option<Error>,
    /// Whether it is paused by an operator, whatever else it is.
    pub is_paused: bool,
    /// Why sources that lead to it do not pull: its circuit breaker is open.
    pub breaker: Option<String>,
    /// How often its connection was made again.
    pub reconnects: u64,
    /// How often it was made anew, after a panic or a hang.
    pub restarts: u64,
    /// When its quarantine ends, in nanoseconds since the Unix epoch.
    pub quarantined_until_ns: Option<u64>,
}

/// How a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowState {
    /// A connector has not been connected yet.
    Starting,
    /// Events go through it.
    Running,
    /// It was told to wait.
    Paused,
    /// No event comes in any more; what is in flight is still delivered.
    Draining,
    /// It has ended well.
    Stopped,
    /// It has ended, and not well.
    Failed,
}

impl FlowState {
    /// The state in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FlowState::Starting => "starting",
            FlowState::Running => "running",
            FlowState::Paused => "paused",
            FlowState::Draining => "draining",
            FlowState::Stopped => "stopped",
            FlowState::Failed => "failed",
        }
    }
}

/// What a flow came to.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// The flow's name.
    pub name: String,
    /// How it is.
    pub state: FlowState,
    /// What became of its events.
    pub counts: Counts,
    /// Its connectors.
    pub connectors: Vec<ConnectorReport>,
    /// Whether it was stopped before everything in flight had its fate.
    pub stopped: bool,
    /// How many events had no fate when it was stopped; they have failed.
    pub left: u64,
    /// What went wrong beside its connectors.
    pub error: Option<String>,
}

impl FlowReport {
    /// Whether no connector failed and nothing was cut short.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let failed = |c: &ConnectorReport| c.state == ConnectorState::Failed;
        !self.stopped && self.error.is_none() && !self.connectors.iter().any(failed)
    }
}

/// What a flow can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowOrder {
    Pause,
    Resume,
    Drain,
    Stop,
}

/// A connector as the flow's owner knows it.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) link_mode: LinkMode,
    pub(crate) status: Status,
    /// In front of its sink.
    pub(crate) breaker: Option<Arc<Breaker>>,
}

/// How far the life of a flow is.
#[derive(Clone, Default)]
pub(crate) struct Life {
    pub(crate) is_paused: bool,
    pub(crate) is_draining: bool,
    /// How many events had no fate when it was stopped.
    pub(crate) stopped: Option<u64>,
    pub(crate) error: Option<String>,
}

/// What a flow's tasks and its owner share.
pub(crate) struct FlowShared {
    pub(crate) name: String,
    pub(crate) tally: Arc<Tally>,
    pub(crate) connectors: Vec<Known>,
    pub(crate) orders: flume::Sender<FlowOrder>,
    pub(crate) life: Mutex<Life>,
    pub(crate) report: Mutex<Option<FlowReport>>,
    pub(crate) ended: Notify,
}

impl FlowShared {
    /// Looks at the life of the flow, or changes it.
    pub(crate) fn life(&self) -> std::sync::MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> FlowReport {
        let connector = |known: &Known| {
            let condition = known.status.get();
            let breaker = known.breaker.as_ref().and_then(|breaker| breaker.reason());
            ConnectorReport {
                name: known.name.clone(),
                kind: known.kind.clone(),
                link_mode: known.link_mode,
                state: condition.state,
                error: condition.error,
                is_paused: condition.is_paused,
                breaker: breaker.map(|reason| reason.to_string()),
                reconnects: condition.reconnects,
                restarts: condition.restarts,
                quarantined_until_ns: condition.quarantined_until_ns,
            }
        };
        let has_run = |known: &Known| known.status.get().has_run;
        let life = self.life().clone();
        let state = match life {
            Life {
                is_draining: true, ..
            } => FlowState::Draining,
            Life {
                is_paused: true, ..
            } => FlowState::Paused,
            _ if !self.connectors.iter().all(has_run) => FlowState::Starting,
            _ => FlowState::Running,
        };
        FlowReport {
            name: self.name.clone(),
            state,
            counts: self.tally.counts(),
            connectors: self.connectors.iter().map(connector).collect(),
            stopped: life.stopped.is_some(),
            left: life.stopped.unwrap_or_default(),
            error: life.error,
        }
    }

    pub(crate) fn end(&self) {
        let mut report = self.now();
        report.state = match report.is_ok() {
            true => FlowState::Stopped,
            false => FlowState::Failed,
        };
        let mut slot = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(report);
        drop(slot);
        self.ended.notify(usize::MAX);
    }

    pub(crate) fn ended(&self) -> Option<FlowReport> {
        let slot = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        slot.clone()
    }

    pub(crate) fn order(&self, order: FlowOrder) {
        // A flow that has ended needs no orders.
        let _ = self.orders.send(order);
    }
}

/// A running flow. Dropping the handle leaves the flow running; dropping the engine stops it.
#[derive(Clone)]
pub struct FlowHandle(pub(crate) Arc<FlowShared>);

impl FlowHandle {
    /// The flow's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Stops pulling, until [`FlowHandle::resume`]. What is in flight is delivered.
    pub fn pause(&self) {
        self.0.order(FlowOrder::Pause);
    }

    /// Goes on pulling.
    pub fn resume(&self) {
        self.0.order(FlowOrder::Resume);
    }

    /// Ends the flow in good order: no pull any more, everything in flight is delivered, every sink is flushed. What
    /// takes longer than [`crate::Supervision::drain_timeout`] is cut short; then [`FlowReport::left`] says how much.
    pub fn drain(&self) {
        self.0.order(FlowOrder::Drain);
    }

    /// Ends the flow at once; what is in flight fails.
    pub fn stop(&self) {
        self.0.order(FlowOrder::Stop);
    }

    /// How the flow is now.
    #[must_use]
    pub fn report(&self) -> FlowReport {
        self.0.ended().unwrap_or_else(|| self.0.now())
    }

    /// Whether the flow has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.ended().is_some()
    }

    /// Blocks until the flow has ended.
    #[must_use]
    pub fn wait(&self) -> FlowReport {
        loop {
            let ended = self.0.ended.listen();
            if let Some(report) = self.0.ended() {
                return report;
            }
            ended.wait();
        }
    }

    /// Waits until the flow has ended.
    pub async fn wait_async(&self) -> FlowReport {
        loop {
            let ended = self.0.ended.listen();
            if let Some(report) = self.0.ended() {
                return report;
            }
            ended.await;
        }
    }
}

impl std::fmt::Debug for FlowHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FlowHandle({})", self.0.name)
    }
}
