//! The end of a flow, and the orders until then.

use std::sync::Arc;

use log::Level;
use smol::Task;
use temblor_pdk::{Command, Instance, call};

use super::handle::{FlowOrder, FlowState};
use crate::control::{ConnectorState, Order, Status};
use crate::host::Shared;

/// A connector's own instance, beside those of its source and sink.
pub(crate) struct Control {
    pub(crate) instance: Box<dyn Instance>,
    pub(crate) status: Status,
    pub(crate) name: String,
}

/// Everything that a flow consists of while it runs. Dropping it cancels all tasks.
pub(crate) struct Supervisor {
    pub(crate) controls: Vec<Control>,
    pub(crate) sources: Vec<Task<()>>,
    /// Pipelines and sinks.
    pub(crate) others: Vec<Task<()>>,
    pub(crate) source_orders: Vec<flume::Sender<Order>>,
    pub(crate) orders: flume::Receiver<FlowOrder>,
    /// Told when a connector fails.
    pub(crate) failures: flume::Receiver<()>,
}

/// What the supervisor hears of.
enum Heard {
    Order(FlowOrder),
    Failure,
    /// All tasks have ended.
    Ended,
}

impl Supervisor {
    /// Runs until all sources have ended and everything behind them has been flushed.
    pub(crate) async fn run(mut self, state: Arc<FlowState>, shared: Arc<Shared>) {
        let tasks = std::mem::take(&mut self.sources);
        let others = std::mem::take(&mut self.others);
        let mut all = Some(Box::pin(async move {
            for task in tasks {
                task.await;
            }
            for task in others {
                task.await;
            }
        }));
        let mut stopped = false;
        while let Some(tasks) = &mut all {
            let ended = async {
                tasks.as_mut().await;
                Heard::Ended
            };
            let next = next(&self.orders, &self.failures);
            match smol::future::or(ended, next).await {
                Heard::Ended => all = None,
                Heard::Failure | Heard::Order(FlowOrder::Drain) => {
                    self.drain(&state, &shared).await
                }
                Heard::Order(FlowOrder::Stop) => {
                    stopped = true;
                    // Dropping the tasks cancels them, and their tickets fail.
                    all = None;
                }
                Heard::Order(FlowOrder::Pause) => self.pause(&state, &shared).await,
                Heard::Order(FlowOrder::Resume) => self.resume(&state, &shared).await,
            }
        }
        self.tell(&Command::Stop, ConnectorState::Stopped, &state, &shared)
            .await;
        drop(self);
        state.end(stopped);
    }

    fn order_sources(&self, order: Order) {
        for source in &self.source_orders {
            // A source that has ended needs no orders.
            let _ = source.send(order);
        }
    }

    async fn drain(&mut self, state: &FlowState, shared: &Shared) {
        self.order_sources(Order::Drain);
        self.tell(&Command::Drain, ConnectorState::Draining, state, shared)
            .await;
    }

    async fn pause(&mut self, state: &FlowState, shared: &Shared) {
        self.order_sources(Order::Pause);
        self.tell(&Command::Pause, ConnectorState::Paused, state, shared)
            .await;
    }

    async fn resume(&mut self, state: &FlowState, shared: &Shared) {
        self.tell(&Command::Resume, ConnectorState::Running, state, shared)
            .await;
        self.order_sources(Order::Resume);
    }

    /// Gives all connectors a command that carries nothing, and moves those that take it to `next`.
    async fn tell(
        &mut self,
        command: &Command,
        next: ConnectorState,
        state: &FlowState,
        shared: &Shared,
    ) {
        for control in &mut self.controls {
            let command = match command {
                Command::Drain => Command::Drain,
                Command::Pause => Command::Pause,
                Command::Resume => Command::Resume,
                _ => Command::Stop,
            };
            match call(&mut *control.instance, command).await {
                Ok(_) => control.status.set(next),
                Err(error) => {
                    let message = format!("{}: {error}", next.as_str());
                    let logger = &shared.logger;
                    logger.about(Level::Error, &state.name, &control.name, &message);
                    control.status.fail(error);
                }
            }
        }
    }
}

async fn next(orders: &flume::Receiver<FlowOrder>, failures: &flume::Receiver<()>) -> Heard {
    let order = async {
        match orders.recv_async().await {
            Ok(order) => Heard::Order(order),
            Err(_) => std::future::pending().await,
        }
    };
    let failure = async {
        match failures.recv_async().await {
            Ok(()) => Heard::Failure,
            Err(_) => std::future::pending().await,
        }
    };
    smol::future::or(failure, order).await
}
