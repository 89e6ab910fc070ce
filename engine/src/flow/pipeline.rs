//! The task of a pipeline that has one of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::future::or;

use super::graph::PipelineTask;
use crate::breaker::Contraflow;
use crate::circle::Round;
use crate::clock::Clock;
use crate::executor::give_way;
use crate::queue::Taken;

/// How often time passes for pipelines that wait for it.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Runs a pipeline that has a task of its own. Time passes for it also while nothing comes in.
pub(super) async fn run_pipeline(
    mut pipeline: PipelineTask,
    contraflow: Arc<Contraflow>,
    clock: Clock,
    is_logical: bool,
) {
    let ticks = pipeline.node.wants_ticks() && !is_logical;
    if let Some(member) = pipeline.member {
        let round = Round {
            node: pipeline.node,
            queue: pipeline.queue,
            breaker: pipeline.breaker,
            member,
            contraflow,
            clock,
            ticks,
        };
        return round.run().await;
    }
    let mut due = Instant::now() + TICK;
    let mut change = contraflow.listen();
    pipeline.pass_on_contraflow();
    loop {
        let is_stuck = pipeline.node.is_stuck();
        let queue = &pipeline.queue;
        let parcel = async {
            match is_stuck {
                // Until a breaker closes, which is contraflow.
                true => std::future::pending().await,
                false => Next::Taken(queue.next().await),
            }
        };
        let tick = async {
            match ticks {
                true => drop(smol::Timer::at(due).await),
                false => std::future::pending().await,
            }
            Next::Tick
        };
        let changed = async {
            (&mut change).await;
            Next::Contraflow
        };
        // What comes back has priority; then ticks, so that a busy queue does not keep time from passing.
        match or(changed, or(tick, parcel)).await {
            Next::Taken(Some(Taken::Parcel(port, parcel))) => {
                give_way(&clock).await;
                pipeline.node.run(port, parcel).await;
                pipeline.look_at_operators();
            }
            Next::Taken(Some(Taken::Turn(turn))) => pipeline.node.turn(&turn).await,
            Next::Taken(None) => break,
            Next::Tick => {
                pipeline.node.tick(clock.now_ns()).await;
                pipeline.look_at_operators();
                due = Instant::now() + TICK;
            }
            Next::Contraflow => {
                change = contraflow.listen();
                pipeline.node.hear();
                pipeline.pass_on_contraflow();
            }
        }
    }
    pipeline.node.finish(clock.now_ns()).await;
}

/// What a pipeline with a task of its own does next.
enum Next {
    Taken(Option<Taken>),
    Tick,
    /// A breaker has opened or closed.
    Contraflow,
}

impl PipelineTask {
    /// An operator may have begun to pause, or have ended it.
    fn look_at_operators(&self) {
        if self.node.wants_feedback() {
            self.pass_on_contraflow();
        }
    }

    /// The pipeline's own breaker is open while one is behind it that holds it up.
    fn pass_on_contraflow(&self) {
        match self.node.is_blocked() {
            true => self
                .breaker
                .open("an operator of the pipeline pauses, or a sink behind it takes no events"),
            false => self.breaker.close(),
        }
    }
}
