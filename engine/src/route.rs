//! Where events go from a port: through pipelines that run right here, or into a queue.

use log::Level;
use temblor_lang::{Pipeline, Scratch, State};

use crate::log::Logger;
use crate::parcel::Parcel;
use crate::queue::Sender;

/// What a port is connected to.
pub(crate) enum Target {
    /// A pipeline with this one upstream: it runs in the same task.
    Inline(Box<Node>, usize),
    /// A sink, or a pipeline with several upstreams, and the port there.
    Queue(Sender, usize),
}

/// A running pipeline and what its output ports are connected to.
pub(crate) struct Node {
    pipeline: Pipeline,
    scratch: Scratch,
    /// What the pipeline keeps from event to event.
    state: State,
    outputs: Vec<Vec<Target>>,
    flow: String,
    name: String,
    logger: Logger,
}

impl Node {
    pub(crate) fn new(
        pipeline: Pipeline,
        outputs: Vec<Vec<Target>>,
        flow: &str,
        name: &str,
        logger: Logger,
    ) -> Self {
        Node {
            state: pipeline.state(),
            pipeline,
            scratch: Scratch::default(),
            outputs,
            flow: flow.to_owned(),
            name: name.to_owned(),
            logger,
        }
    }

    /// Runs a parcel through the pipeline and hands on what comes out.
    pub(crate) async fn run(&mut self, port: usize, parcel: Parcel) {
        let Parcel { batch, tickets } = parcel;
        let Node {
            pipeline,
            scratch,
            state,
            ..
        } = self;
        let (results, errors) = batch.derive_many(self.outputs.len(), |events, arena, outs| {
            let mut run = pipeline.start(arena, scratch, state);
            let mut errors = Vec::new();
            for (at, event) in events.iter().enumerate() {
                let done = run.event(port, *event, &mut |port, result| outs[port].push(result));
                if let Err(error) = done {
                    errors.push((at, error));
                }
            }
            errors
        });
        for (at, error) in errors {
            if let Some(event) = batch.events().get(at) {
                tickets.failed(&event.id);
            }
            let message = error.to_string();
            self.logger
                .about(Level::Warn, &self.flow, &self.name, &message);
        }
        drop(batch);
        for (batch, targets) in results.into_iter().zip(&mut self.outputs) {
            if !batch.is_empty() {
                let parcel = Parcel {
                    batch,
                    tickets: tickets.clone(),
                };
                // Boxed, because pipelines nest.
                Box::pin(deliver(parcel, targets)).await;
            }
        }
        tickets.release();
    }
}

/// Hands a parcel to everything that a port is connected to.
pub(crate) async fn deliver(parcel: Parcel, targets: &mut [Target]) {
    let Some((last, others)) = targets.split_last_mut() else {
        parcel.tickets.dead_end(parcel.ids());
        parcel.tickets.release();
        return;
    };
    for target in others {
        let copy = Parcel {
            batch: parcel.batch.clone(),
            tickets: parcel.tickets.clone(),
        };
        hand_over(copy, target).await;
    }
    hand_over(parcel, last).await;
}

async fn hand_over(parcel: Parcel, target: &mut Target) {
    match target {
        Target::Inline(node, port) => node.run(*port, parcel).await,
        Target::Queue(sender, port) => sender.send(*port, parcel).await,
    }
}
