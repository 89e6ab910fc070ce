//! The task of a source or sink, and the next one where it does not come back.

use std::sync::Arc;
use std::time::Duration;

use smol::Task;
use temblor_pdk::{Error, Instance};

use super::within;
use crate::breaker::Breaker;
use crate::control::{Order, Report, Side};
use crate::executor::Watched;
use crate::host::Shared;
use crate::sink::{SinkBody, SinkParts, SinkTask};
use crate::slot::Slot;
use crate::source::{SourceBody, SourceParts, SourceTask};

/// What the tasks of a side are made from.
pub(in crate::flow) enum RunningSide {
    Source {
        parts: Arc<SourceParts>,
        slot: Slot<Box<SourceBody>>,
        settled: flume::Receiver<crate::fate::Settled>,
    },
    Sink {
        parts: Arc<SinkParts>,
        slot: Slot<Box<SinkBody>>,
    },
}

/// The task of a side.
pub(in crate::flow) struct SideTask {
    running: RunningSide,
    side: Side,
    /// The name of flow and connector.
    name: String,
    shared: Arc<Shared>,
    reports: flume::Sender<Report>,
    orders: (flume::Sender<Order>, flume::Receiver<Order>),
    task: Task<()>,
    /// Everything that runs for a flow has one of these as long as it lives.
    alive: flume::Sender<()>,
    /// Whether the task may still have an instance.
    pub(super) has_instance: bool,
    /// Whether a source hands nothing more over.
    pub(super) is_finishing: bool,
    pub(super) has_ended: bool,
}

impl SideTask {
    pub(in crate::flow) fn spawn(
        running: RunningSide,
        instance: Option<Box<dyn Instance>>,
        name: &str,
        shared: &Arc<Shared>,
        reports: &flume::Sender<Report>,
        alive: flume::Sender<()>,
    ) -> Self {
        let side = match &running {
            RunningSide::Source { .. } => Side::Source,
            RunningSide::Sink { .. } => Side::Sink,
        };
        let mut spawned = SideTask {
            running,
            side,
            name: name.to_owned(),
            shared: Arc::clone(shared),
            reports: reports.clone(),
            orders: flume::unbounded(),
            task: shared.executor.spawn(async {}),
            alive,
            has_instance: instance.is_some(),
            is_finishing: false,
            has_ended: false,
        };
        spawned.start(0, instance);
        spawned
    }

    /// Starts a task, in place of the one before.
    fn start(&mut self, owner: u64, instance: Option<Box<dyn Instance>>) {
        let instance = instance.map(|instance| (0, instance));
        let orders = self.orders.1.clone();
        self.task = match &self.running {
            RunningSide::Source {
                parts,
                slot,
                settled,
            } => {
                let task = SourceTask {
                    parts: Arc::clone(parts),
                    slot: slot.clone(),
                    owner,
                    orders,
                    settled: settled.clone(),
                    instance,
                };
                self.watch(task.run())
            }
            RunningSide::Sink { parts, slot } => {
                let task = SinkTask {
                    parts: Arc::clone(parts),
                    slot: slot.clone(),
                    owner,
                    orders,
                    instance,
                };
                self.watch(task.run())
            }
        };
    }

    fn watch(&self, task: impl Future<Output = ()> + Send + 'static) -> Task<()> {
        let alive = self.alive.clone();
        let task = async move {
            let _alive = alive;
            task.await;
        };
        let (reports, side) = (self.reports.clone(), self.side);
        let panicked = move |error: Error| drop(reports.send(Report::Panicked(side, error)));
        let reports = self.reports.clone();
        let watched = Watched::new(&self.name, &self.shared, task, panicked)
            .on_hang(move || drop(reports.send(Report::Hung(side))));
        self.shared.executor.spawn(watched)
    }

    pub(super) fn order(&self, order: Order) {
        // A side that has ended needs no orders.
        let _ = self.orders.0.send(order);
    }

    /// The breaker in front of a sink.
    pub(super) fn breaker(&self) -> Option<&Arc<Breaker>> {
        match &self.running {
            RunningSide::Source { .. } => None,
            RunningSide::Sink { parts, .. } => Some(&parts.breaker),
        }
    }

    pub(super) fn released(&mut self) {
        self.has_instance = false;
    }

    pub(super) fn ended(&mut self) {
        self.has_ended = true;
        self.has_instance = false;
    }

    /// Lets another task take over, if what survives is not in the hands of the one that hangs.
    pub(super) fn replace(&mut self) -> bool {
        let owner = match &self.running {
            RunningSide::Source { slot, .. } => slot.seize(),
            RunningSide::Sink { slot, .. } => slot.seize(),
        };
        let Some(owner) = owner else {
            return false;
        };
        self.has_instance = false;
        self.renew_channels();
        self.start(owner, None);
        true
    }

    /// The task that hangs may wait for what is said next, and take what the one that takes over should hear.
    fn renew_channels(&mut self) {
        let (orders, receiver) = flume::unbounded();
        for order in self.orders.1.try_iter() {
            // The receiver is right here.
            let _ = orders.send(order);
        }
        self.orders = (orders, receiver);
        if let RunningSide::Source { parts, .. } = &self.running {
            parts.fates.wake_whoever_waits();
        }
    }

    /// Ends the side at once; whatever it has fails.
    pub(super) async fn cancel(self, patience: Duration) {
        within(patience, self.task.cancel()).await;
        match self.running {
            RunningSide::Source { slot, .. } => drop(slot.clear()),
            RunningSide::Sink { slot, .. } => drop(slot.clear()),
        }
    }
}
