//! The end of a flow, and the orders until then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use log::Level;
use smol::{Task, Timer};
use temblor_pdk::{Command, Error, Instance, call};

use super::handle::{FlowOrder, FlowState};
use crate::control::{ConnectorState, Order, Status};
use crate::host::Shared;

/// How long a stopped flow waits for what does not end.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a connector of a flow that ended well may take to stop.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A connector's own instance, beside those of its source and sink.
pub(crate) struct Control {
    pub(crate) instance: Box<dyn Instance>,
    pub(crate) status: Status,
    pub(crate) name: String,
    /// Whether it never answered its last command, and can be given none any more.
    pub(crate) abandoned: bool,
}

/// Everything that a flow consists of while it runs. Dropping it cancels all tasks.
pub(crate) struct Supervisor {
    pub(crate) controls: Vec<Control>,
    /// Sources, pipelines and sinks.
    pub(crate) tasks: Vec<Task<()>>,
    /// Ends when the last of the tasks is gone.
    pub(crate) all_gone: flume::Receiver<()>,
    pub(crate) source_orders: Vec<flume::Sender<Order>>,
    pub(crate) orders: flume::Receiver<FlowOrder>,
    /// Orders that came while an earlier one was carried out.
    pub(crate) waiting: VecDeque<FlowOrder>,
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
        let mut stopped = false;
        let mut draining = false;
        loop {
            match self.listen().await {
                Heard::Ended => break,
                Heard::Order(FlowOrder::Stop) => {
                    stopped = true;
                    break;
                }
                // A flow that drains does not turn back.
                _ if draining => {}
                Heard::Failure | Heard::Order(FlowOrder::Drain) => {
                    draining = true;
                    self.drain(&state, &shared).await;
                }
                Heard::Order(FlowOrder::Pause) => self.pause(&state, &shared).await,
                Heard::Order(FlowOrder::Resume) => self.resume(&state, &shared).await,
            }
        }
        if stopped {
            self.cancel().await;
        }
        let patience = if stopped { PATIENCE } else { LAST_WORDS };
        self.end(patience, &state, &shared).await;
        drop(self);
        state.end(stopped);
    }

    async fn listen(&mut self) -> Heard {
        if let Some(order) = self.waiting.pop_front() {
            return Heard::Order(order);
        }
        let tasks = &mut self.tasks;
        let ended = async {
            while let Some(task) = tasks.last_mut() {
                task.await;
                tasks.pop();
            }
            Heard::Ended
        };
        smol::future::or(ended, next(&self.orders, &self.failures)).await
    }

    /// Ends all tasks at once: whatever they hold fails. One that does not come back is left behind.
    async fn cancel(&mut self) {
        self.tasks.clear();
        let gone = async {
            let _ = self.all_gone.recv_async().await;
        };
        let patience = async {
            Timer::after(PATIENCE).await;
        };
        smol::future::or(gone, patience).await;
    }

    fn order_sources(&self, order: Order) {
        for source in &self.source_orders {
            // A source that has ended needs no orders.
            let _ = source.send(order);
        }
    }

    async fn drain(&mut self, state: &FlowState, shared: &Shared) {
        self.order_sources(Order::Drain);
        let draining = ConnectorState::Draining;
        self.tell(|| Command::Drain, draining, state, shared).await;
    }

    async fn pause(&mut self, state: &FlowState, shared: &Shared) {
        self.order_sources(Order::Pause);
        let paused = ConnectorState::Paused;
        self.tell(|| Command::Pause, paused, state, shared).await;
    }

    async fn resume(&mut self, state: &FlowState, shared: &Shared) {
        let running = ConnectorState::Running;
        self.tell(|| Command::Resume, running, state, shared).await;
        self.order_sources(Order::Resume);
    }

    /// Gives all connectors a command, and moves those that take it to `next`. An order to stop cuts it short.
    async fn tell(
        &mut self,
        command: impl Fn() -> Command,
        next: ConnectorState,
        state: &FlowState,
        shared: &Shared,
    ) {
        let Supervisor {
            controls,
            orders,
            waiting,
            ..
        } = self;
        for control in controls {
            if waiting.contains(&FlowOrder::Stop) {
                return;
            }
            let stop = wait_for_stop(orders, waiting);
            control.tell(command(), next, stop, state, shared).await;
        }
    }

    /// Tells all connectors that it is over.
    async fn end(&mut self, patience: Duration, state: &FlowState, shared: &Shared) {
        for control in &mut self.controls {
            let no_point = async {
                Timer::after(patience).await;
            };
            let stopped = ConnectorState::Stopped;
            control
                .tell(Command::Stop, stopped, no_point, state, shared)
                .await;
        }
    }
}

impl Control {
    /// Gives the connector a command and waits for the answer, or until there is no point in waiting any more.
    async fn tell(
        &mut self,
        command: Command,
        next: ConnectorState,
        no_point: impl Future<Output = ()>,
        state: &FlowState,
        shared: &Shared,
    ) {
        if self.abandoned {
            return;
        }
        let answer = async { Some(call(&mut *self.instance, command).await) };
        let given_up = async {
            no_point.await;
            None
        };
        let error = match smol::future::or(answer, given_up).await {
            Some(Ok(_)) => return self.status.set(next),
            Some(Err(error)) => error,
            None => {
                self.abandoned = true;
                Error::failed("the connector does not come back")
            }
        };
        let message = format!("{}: {error}", next.as_str());
        let logger = &shared.logger;
        logger.about(Level::Error, &state.name, &self.name, &message);
        self.status.fail(error);
    }
}

/// Waits for an order to stop; other orders are put off.
async fn wait_for_stop(orders: &flume::Receiver<FlowOrder>, waiting: &mut VecDeque<FlowOrder>) {
    while !waiting.contains(&FlowOrder::Stop) {
        match orders.recv_async().await {
            Ok(order) => waiting.push_back(order),
            Err(_) => std::future::pending().await,
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
