//! Operators, the nodes of a pipeline that are neither selects nor scripts: the trait that authors implement, and the
//! erased form that the engine calls.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Arena, Event, ProcessorInfo, Result};

/// A node of a pipeline. Its name is `module::kind`, as in `generic::counter`.
///
/// It is called with one event at a time, by one thread at a time. Events live in memory of the caller: what an
/// operator keeps beyond a call it copies, as [`crate::OwnedValue`] or into a batch of its own.
pub trait Operator: Sized + Send + 'static {
    /// What a user writes behind `with`; an empty record where nothing is written. A configuration that is needed has
    /// a field without default, one that there is not has no field, and both deny unknown fields.
    type Config: DeserializeOwned + JsonSchema;

    /// What it says about itself.
    const INFO: ProcessorInfo;

    /// Makes the operator.
    ///
    /// # Errors
    /// Where the configuration cannot work.
    fn new(config: Self::Config) -> Result<Self>;

    /// The names of its output ports, in the order of the numbers that [`OperatorSink::send`] takes. Asked once, when
    /// the operator is made. A name may stand there twice; then both numbers mean the same port.
    fn outputs(&self) -> Vec<String> {
        vec!["out".to_owned()]
    }

    /// Takes an event that came in on `port`, and sends what it becomes. Any name of a port is fine.
    ///
    /// # Errors
    /// Where the event cannot be taken. The caller then sends `{"error": …, "event": …}` to port `err`; what was sent
    /// before the error stays sent.
    fn on_event<'a>(
        &mut self,
        port: &str,
        event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()>;

    /// Called about every 100 ms with the time of the flow's clock.
    ///
    /// # Errors
    /// Where it cannot be done; the caller reports it.
    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        let _ = (now_ns, arena, out);
        Ok(())
    }

    /// The flow drains: sends what is left. Nothing but `drop` follows.
    ///
    /// # Errors
    /// Where it cannot be done; the caller reports it.
    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        let _ = (arena, out);
        Ok(())
    }

    /// What became of events that it sent. Called only where [`Operator::wants_feedback`] says so.
    fn on_feedback(&mut self, feedback: &Feedback) {
        let _ = feedback;
    }

    /// Whether the events that it sends have to be acknowledged, and it wants to learn that. Asked once, when the
    /// operator is made.
    fn wants_feedback(&self) -> bool {
        false
    }

    /// Whether it sends events elsewhere while the circuit breaker behind an output is open, as
    /// [`FeedbackKind::Open`] tells it. Then whoever sends it events need not stop as long as the way behind one of its
    /// outputs is free. Asked once, when the operator is made, and only where it wants feedback.
    fn routes_around(&self) -> bool {
        false
    }

    /// Whether whoever sends it events should stop for now. Events that come nevertheless are taken.
    fn paused(&self) -> bool {
        false
    }

    /// How many of the events that it was given it keeps for later, the last ones. The engine keeps what came in from
    /// being acked meanwhile.
    fn held(&self) -> usize {
        0
    }
}

/// Contraflow: what became of an event that an operator sent, or of the way behind one of its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The number of the output.
    pub output: u32,
    /// What happened.
    pub kind: FeedbackKind,
    /// When, by the flow's clock.
    pub now_ns: u64,
}

/// What happened behind an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackKind {
    /// An event arrived.
    Ack {
        /// The time between its sending and this.
        latency_ns: u64,
    },
    /// An event was lost.
    Fail,
    /// The circuit breaker opened: nothing can be sent there until it closes.
    Open,
    /// The circuit breaker closed: events can be sent there again. All are closed at first.
    Close,
}

/// Takes the events that an operator sends.
pub struct OperatorSink<'s, 'a> {
    take: &'s mut dyn FnMut(u32, Event<'a>),
}

impl<'s, 'a> OperatorSink<'s, 'a> {
    /// Makes a sink that hands every event, with the number of its output, to `take`. The number is within
    /// [`DynOperator::outputs`].
    pub fn new(take: &'s mut dyn FnMut(u32, Event<'a>)) -> Self {
        OperatorSink { take }
    }

    /// Sends an event to an output, by its place in [`Operator::outputs`]. An output that there is not makes the call
    /// fail when it returns.
    pub fn send(&mut self, output: u32, event: Event<'a>) {
        (self.take)(output, event);
    }
}

/// An operator whose type is not known; see [`Operator`]. A panic of the author's code is an error of the call, and
/// of all that follow.
pub trait DynOperator: Send {
    /// See [`Operator::outputs`].
    fn outputs(&self) -> Vec<String>;

    /// See [`Operator::on_event`].
    ///
    /// # Errors
    /// See [`Operator::on_event`].
    fn on_event<'a>(
        &mut self,
        port: &str,
        event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()>;

    /// See [`Operator::on_tick`].
    ///
    /// # Errors
    /// See [`Operator::on_tick`].
    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()>;

    /// See [`Operator::finish`].
    ///
    /// # Errors
    /// See [`Operator::finish`].
    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()>;

    /// See [`Operator::on_feedback`].
    fn on_feedback(&mut self, feedback: &Feedback);

    /// See [`Operator::wants_feedback`].
    fn wants_feedback(&self) -> bool;

    /// See [`Operator::routes_around`].
    fn routes_around(&self) -> bool;

    /// See [`Operator::paused`].
    fn paused(&self) -> bool;

    /// See [`Operator::held`].
    fn held(&self) -> usize;
}
