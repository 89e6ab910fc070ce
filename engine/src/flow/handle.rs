//! A running flow as its owner sees it.

use std::sync::{Arc, Mutex, PoisonError};

use event_listener::{Event as Notify, Listener};
use temblor_pdk::Error;
use temblor_registry::LinkMode;

use crate::control::{ConnectorState, Status};
use crate::fate::{Counts, Tally};
use crate::measure::{Measures, Numbers};
use crate::metrics::{Metric, of_flow};
use crate::queue::{Depth, QueueLevel};

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
    /// Why it failed, if it did.
    pub error: Option<Error>,
    /// The library that it was loaded from, by its file name.
    pub plugin: Option<String>,
    /// What became of the events of its source, if it has one here.
    pub source: Option<Counts>,
    /// What waits for its sink, if it has one here.
    pub queue: Option<QueueLevel>,
    /// What was measured of it.
    pub numbers: Numbers,
}

/// What a flow came to.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// The flow's name.
    pub name: String,
    /// What became of its events.
    pub counts: Counts,
    /// Its connectors.
    pub connectors: Vec<ConnectorReport>,
    /// Whether it was stopped before everything in flight had its fate.
    pub stopped: bool,
}

impl FlowReport {
    /// Whether no connector failed and nothing was cut short.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let failed = |c: &ConnectorReport| c.state == ConnectorState::Failed;
        !self.stopped && !self.connectors.iter().any(failed)
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
    pub(crate) plugin: Option<String>,
    /// The fates of its source's events.
    pub(crate) tally: Option<Arc<Tally>>,
    /// The queue of its sink.
    pub(crate) queue: Option<Depth>,
    pub(crate) measures: Arc<Measures>,
}

impl Known {
    pub(crate) fn report(&self) -> ConnectorReport {
        let (state, error) = self.status.get();
        ConnectorReport {
            name: self.name.clone(),
            kind: self.kind.clone(),
            link_mode: self.link_mode,
            state,
            error,
            plugin: self.plugin.clone(),
            source: self.tally.as_ref().map(|tally| tally.counts()),
            queue: self.queue.as_ref().map(Depth::level),
            numbers: self.measures.numbers(),
        }
    }
}

/// What a flow's tasks and its owner share.
pub(crate) struct FlowState {
    pub(crate) name: String,
    pub(crate) connectors: Vec<Known>,
    /// The queues of pipelines that have one.
    pub(crate) queues: Vec<(String, Depth)>,
    pub(crate) orders: flume::Sender<FlowOrder>,
    pub(crate) report: Mutex<Option<FlowReport>>,
    pub(crate) ended: Notify,
}

impl FlowState {
    pub(crate) fn now(&self, stopped: bool) -> FlowReport {
        let connectors: Vec<_> = self.connectors.iter().map(Known::report).collect();
        let counts = connectors.iter().filter_map(|connector| connector.source);
        FlowReport {
            name: self.name.clone(),
            counts: counts.sum(),
            connectors,
            stopped,
        }
    }

    /// The metrics of the flow, also once it has ended.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let report = self.ended().unwrap_or_else(|| self.now(false));
        let queues = self.queues.iter();
        let queues: Vec<_> = queues
            .map(|(name, depth)| (name.clone(), depth.level()))
            .collect();
        of_flow(&report, &queues)
    }

    pub(crate) fn end(&self, stopped: bool) {
        let report = self.now(stopped);
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
pub struct FlowHandle(pub(crate) Arc<FlowState>);

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

    /// Ends the flow in good order: no pull any more, everything in flight is delivered, every sink is flushed.
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
        self.0.ended().unwrap_or_else(|| self.0.now(false))
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
