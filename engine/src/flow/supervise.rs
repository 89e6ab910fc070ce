//! The end of a flow, and the orders until then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;
use smol::future::or;
use smol::{Task, Timer};

use super::handle::{FlowOrder, FlowShared};
use super::keeper::KeeperOrder;
use crate::host::Shared;

/// How long a stopped flow waits for what does not end.
const PATIENCE: Duration = Duration::from_millis(500);

/// The keeper of a connector.
pub(super) struct Kept {
    pub(super) orders: flume::Sender<KeeperOrder>,
    pub(super) task: Task<()>,
}

/// Everything that a flow consists of while it runs. Dropping it cancels all tasks.
pub(super) struct Supervisor {
    pub(super) keepers: Vec<Kept>,
    pub(super) pipelines: Vec<Task<()>>,
    /// Ends when no connector and no pipeline has anything more to do.
    pub(super) all_done: flume::Receiver<()>,
    /// Ends when the last of the tasks that have events is gone.
    pub(super) all_gone: flume::Receiver<()>,
    pub(super) orders: flume::Receiver<FlowOrder>,
    /// Told when a connector fails for good.
    pub(super) failures: flume::Receiver<()>,
    /// When a flow that drains is cut short.
    pub(super) deadline: Option<Instant>,
}

/// What the supervisor hears of.
enum Heard {
    Order(FlowOrder),
    Failure,
    /// Everything has ended.
    Ended,
    /// The time to drain is over.
    Late,
}

impl Supervisor {
    /// Runs until all sources have ended and everything behind them has been flushed.
    pub(super) async fn run(mut self, flow: Arc<FlowShared>, shared: Arc<Shared>) {
        let well = loop {
            match self.listen().await {
                Heard::Ended => break true,
                Heard::Order(FlowOrder::Stop) => break false,
                Heard::Late => {
                    let message = format!(
                        "not drained within {:?}: {} event(s) left",
                        shared.supervision.drain_timeout,
                        flow.in_flight()
                    );
                    shared.logger.about_flow(Level::Error, &flow.name, &message);
                    break false;
                }
                // A flow that drains does not turn back.
                _ if self.deadline.is_some() => {}
                Heard::Failure | Heard::Order(FlowOrder::Drain) => {
                    self.deadline = Instant::now().checked_add(shared.supervision.drain_timeout);
                    flow.life().is_draining = true;
                    self.order(KeeperOrder::Drain);
                }
                Heard::Order(FlowOrder::Pause) => {
                    flow.life().is_paused = true;
                    self.order(KeeperOrder::Pause);
                }
                Heard::Order(FlowOrder::Resume) => {
                    flow.life().is_paused = false;
                    self.order(KeeperOrder::Resume);
                }
            }
        };
        if !well {
            flow.life().stopped = Some(flow.in_flight());
            // Whatever pipelines hold fails.
            self.pipelines.clear();
        }
        self.order(KeeperOrder::Stop { well });
        for keeper in self.keepers.drain(..) {
            keeper.task.await;
        }
        if !well {
            self.wait_for_all().await;
        }
        drop(self);
        flow.end();
    }

    async fn listen(&self) -> Heard {
        let ended = async {
            // Nothing is ever sent.
            let _ = self.all_done.recv_async().await;
            Heard::Ended
        };
        let late = async {
            match self.deadline {
                Some(deadline) => drop(Timer::at(deadline).await),
                None => std::future::pending().await,
            }
            Heard::Late
        };
        or(ended, or(late, next(&self.orders, &self.failures))).await
    }

    /// Waits until what was cancelled is gone. What does not come back is left behind.
    async fn wait_for_all(&self) {
        let gone = async {
            let _ = self.all_gone.recv_async().await;
        };
        let patience = async {
            Timer::after(PATIENCE).await;
        };
        or(gone, patience).await;
    }

    fn order(&self, order: KeeperOrder) {
        for keeper in &self.keepers {
            // A keeper that is gone needs no orders.
            let _ = keeper.orders.send(order);
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
    or(failure, order).await
}
