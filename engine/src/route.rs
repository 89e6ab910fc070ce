//! Where events go from a port: through pipelines that run right here, or into a queue.

mod lanes;
#[cfg(test)]
mod tests;
mod time;

use std::fmt::{self, Display};
use std::sync::Arc;

use log::Level;
use temblor_lang::{EvalError, Pipeline, Scratch, State};
use temblor_pdk::{Batch, EventId, Value};

use crate::breaker::Breaker;
use crate::circle::RoundSender;
use crate::clock::Clock;
use crate::feedback::Feedback;
use crate::kept::Kept;
use crate::letter::{Letters, OnFailure, Stage};
use crate::log::Logger;
use crate::parcel::{Parcel, Tickets};
use crate::queue::Sender;
pub(crate) use lanes::turn;
use lanes::{Key, Lanes, key_of};

/// What a port is connected to.
pub(crate) enum Target {
    /// A pipeline with this one upstream, and that need not be told the time: it runs in the same task.
    Inline(Box<Node>, usize),
    /// A sink, or a pipeline with a task of its own, and the port there.
    Queue(Sender, usize, Arc<Breaker>),
    /// Another pipeline of the same circle, and the port there.
    Round(RoundSender, usize),
}

/// A running pipeline and what its output ports are connected to.
pub(crate) struct Node {
    pipeline: Pipeline,
    scratch: Scratch,
    /// What the pipeline keeps from event to event.
    state: State,
    /// The states of lanes, where each has its own; the one above is none then.
    lanes: Option<Lanes>,
    /// What came in and its windows and operators still keep.
    kept: Kept,
    /// Whether it has windows or operators that keep what came in from being acked. Where each lane has its state,
    /// checkpoints do that.
    keeps: bool,
    /// The output `err`.
    err: Option<usize>,
    outputs: Vec<Vec<Target>>,
    letters: Letters,
    /// None without an operator that wants it.
    feedback: Option<Box<Feedback>>,
    flow: String,
    name: String,
    logger: Logger,
}

/// What a run over a batch found.
#[derive(Default)]
struct Found {
    /// Events that failed, by their place, with the reason.
    errors: Vec<(usize, EvalError)>,
    /// Events that windows or operators took.
    absorbed: Vec<EventId>,
    /// Whether windows or operators kept events for later, so that what came out may stand for any.
    has_held: bool,
    /// Whether what windows held is gone.
    has_lost: bool,
}

impl Node {
    pub(crate) fn new(
        pipeline: Pipeline,
        outputs: Vec<Vec<Target>>,
        flow: &str,
        name: &str,
        logger: Logger,
        clock: Option<Clock>,
    ) -> Self {
        let state = pipeline.state();
        let feedback = pipeline.ways(&state);
        let lanes = pipeline.is_by_lane().then(Lanes::default);
        let keeps = lanes.is_none() && state.progress().next().is_some();
        Node {
            keeps,
            lanes,
            err: pipeline.output("err"),
            state,
            pipeline,
            scratch: Scratch::default(),
            kept: Kept::default(),
            letters: Letters::of_pipeline(flow, name),
            feedback: feedback.map(|ways| Box::new(Feedback::new(ways, clock))),
            outputs,
            flow: flow.to_owned(),
            name: name.to_owned(),
            logger,
        }
    }

    /// Whether events that come in could not all be handed on now.
    pub(crate) fn is_blocked(&self) -> bool {
        let Some(feedback) = &self.feedback else {
            return self.outputs.iter().any(|targets| is_blocked(targets));
        };
        let is_closed = |port: usize| is_blocked(self.targets(port));
        feedback.is_blocked(&self.state, |port| self.is_read(port), is_closed)
    }

    /// Whether an operator that leads around closed ways has no other left, so that it would lose what came in.
    pub(crate) fn is_stuck(&self) -> bool {
        let is_closed = |port: usize| is_blocked(self.targets(port));
        let feedback = self.feedback.as_ref();
        feedback.is_some_and(|feedback| feedback.is_stuck(|port| self.is_read(port), is_closed))
    }

    fn targets(&self, port: usize) -> &[Target] {
        self.outputs.get(port).map_or(&[][..], |targets| targets)
    }

    fn is_read(&self, port: usize) -> bool {
        !self.targets(port).is_empty()
    }

    /// Whether [`Node::hear`] has something to do.
    pub(crate) fn wants_feedback(&self) -> bool {
        self.feedback.is_some()
    }

    /// Tells operators what has become of the events that they sent, and which ways are closed.
    pub(crate) fn hear(&mut self) {
        if let Some(feedback) = &mut self.feedback {
            let outputs = &self.outputs;
            let is_closed = |port: usize| outputs.get(port).is_some_and(|to| is_blocked(to));
            feedback.hand_over(&mut self.state, is_closed);
        }
    }

    /// Whether [`Node::tick`] has to be called.
    pub(crate) fn wants_ticks(&self) -> bool {
        self.pipeline.wants_ticks()
    }

    /// Runs a parcel through the pipeline and hands on what comes out.
    pub(crate) async fn run(&mut self, port: usize, parcel: Parcel) {
        self.hear();
        let key = key_of(&parcel.batch).filter(|_| self.lanes.is_some());
        if !self.swap(key) {
            return self.refuse(parcel);
        }
        let (results, found) = self.run_events(port, &parcel.batch);
        self.swap(key);
        let letters = self.fail(&parcel, &found.errors);
        let Parcel { batch, tickets } = parcel;
        if found.has_lost {
            tickets.all_failed();
            self.kept.tickets().for_each(Tickets::all_failed);
        }
        tickets.absorbed(found.absorbed.iter());
        drop(batch);
        if results.iter().any(|batch| !batch.is_empty()) {
            let onward = match found.has_held || !self.kept.is_empty() {
                true => tickets.of_all(self.kept.tickets()),
                false => tickets.clone(),
            };
            self.hand_on(results, &onward).await;
            onward.release();
        }
        if let Some(letters) = letters {
            self.send_letters(letters).await;
        }
        match self.keeps {
            true => self.kept.add(tickets, self.state.progress()),
            false => tickets.release(),
        }
    }

    /// Puts the state of a lane in the place of the one that there is, or back. Returns whether there is one.
    fn swap(&mut self, key: Option<Key>) -> bool {
        match (&mut self.lanes, key) {
            (Some(lanes), Some(key)) => lanes.swap(key, &mut self.state),
            _ => true,
        }
    }

    /// Events failed. Returns the records of them, for the port `err` if it is connected.
    fn fail(&self, parcel: &Parcel, errors: &[(usize, EvalError)]) -> Option<Parcel> {
        if errors.is_empty() {
            return None;
        }
        self.warn(errors.iter().map(|(_, error)| error));
        let stage = |error: &EvalError| match error.is_of_operator() {
            true => Stage::Operator,
            false => Stage::Script,
        };
        let is_read = self.err.is_some_and(|err| !self.outputs[err].is_empty());
        let letters = &self.letters;
        letters.refused(stage, parcel, errors, OnFailure::Fail, is_read)
    }

    async fn send_letters(&mut self, letters: Parcel) {
        if let Some(targets) = self.err.and_then(|err| self.outputs.get_mut(err)) {
            // Boxed, because pipelines nest.
            Box::pin(deliver(letters, targets)).await;
        }
    }

    fn run_events(&mut self, port: usize, batch: &Batch) -> (Vec<Batch>, Found) {
        let Node {
            pipeline,
            scratch,
            state,
            feedback,
            ..
        } = self;
        if let (Some(feedback), Some(last)) = (&feedback, batch.events().last()) {
            feedback.set_time(last.ingest_ns);
        }
        batch.derive_many(self.outputs.len(), |events, arena, outs| {
            let mut run = pipeline.start(arena, scratch, state);
            let mut found = Found::default();
            for (at, event) in events.iter().enumerate() {
                let done = run.event(port, *event, &mut |port, result| outs[port].push(result));
                if let Err(error) = done {
                    found.errors.push((at, error));
                    if let (Some(feedback), Some(trail)) = (&feedback, run.trail()) {
                        feedback.failed(trail);
                    }
                }
                if run.has_kept() {
                    found.absorbed.push(event.id);
                }
            }
            found.has_held = run.has_held();
            found.has_lost = run.has_lost();
            found
        })
    }

    async fn hand_on(&mut self, results: Vec<Batch>, tickets: &Tickets) {
        for (port, mut batch) in results.into_iter().enumerate() {
            let Some(targets) = self.outputs.get_mut(port) else {
                continue;
            };
            let feedback = self.feedback.as_ref().filter(|_| !batch.is_empty());
            let observer = feedback.and_then(|feedback| feedback.observe(&mut batch));
            if !batch.is_empty() && targets.is_empty() && Some(port) == self.err {
                batch
                    .events()
                    .iter()
                    .for_each(|event| tickets.failed(&event.id));
                self.warn(batch.events().iter().map(|event| Unread(event.data)));
            } else if !batch.is_empty() {
                let mut tickets = tickets.clone();
                observer
                    .into_iter()
                    .for_each(|observer| tickets.observe(observer));
                let parcel = Parcel { batch, tickets };
                let parcel = match Some(port) == self.err {
                    true => self.letters.of_program(parcel),
                    false => parcel,
                };
                // Boxed, because pipelines nest.
                Box::pin(deliver(parcel, targets)).await;
            }
        }
    }

    /// Says why events failed: the first reason, and how many there are.
    fn warn(&self, errors: impl ExactSizeIterator<Item = impl Display>) {
        let count = errors.len();
        let Some(first) = errors.take(1).next() else {
            return;
        };
        let message = match count {
            1 => first.to_string(),
            _ => format!("{count} events failed, the first: {first}"),
        };
        self.logger
            .about_pipeline(Level::Warn, &self.flow, &self.name, &message);
    }
}

/// What arrived at a port `err` that nothing is connected to: an error and its event, or whatever the program sent.
struct Unread<'a>(Value<'a>);

impl Display for Unread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get("error").and_then(Value::as_str) {
            Some(error) => f.write_str(error.trim_end())?,
            None => f.write_str("an event came to port `err`")?,
        }
        f.write_str("\nhelp: connect the port `err` of the pipeline, to keep what fails")
    }
}

/// Lets the pipelines of these targets send what they still keep.
pub(crate) async fn finish(targets: &mut [Target], now_ns: u64) {
    for target in targets {
        if let Target::Inline(node, _) = target {
            node.finish(now_ns).await;
        }
    }
}

/// Whether one of the targets cannot take events now; a source that leads there does not pull.
pub(crate) fn is_blocked(targets: &[Target]) -> bool {
    targets.iter().any(|target| match target {
        Target::Inline(node, _) => node.is_blocked(),
        Target::Queue(_, _, breaker) => breaker.is_open(),
        // The pipelines of a circle tell each other.
        Target::Round(..) => false,
    })
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
        Target::Queue(sender, port, _) => sender.send(*port, parcel).await,
        Target::Round(sender, port) => sender.send(*port, parcel),
    }
}
