//! A pipeline that is driven event by event, with a clock of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use temblor_lang::{EvalError, Pipeline, Scratch, State};
use temblor_pdk::{Arena, DynCodec, Error, Event, Value};

use super::{ClockKind, Frame};

/// What comes of a frame, or of time that passes.
pub(crate) enum Happening<'a> {
    /// An event arrived at an output port.
    Result {
        /// The place of the port among the outputs of the pipeline.
        port: usize,
        /// The event.
        value: Value<'a>,
    },
    /// The frame is no event.
    Unreadable(Error),
    /// An expression failed.
    Failed {
        /// The event that went in; none if time has passed.
        event: Option<Value<'a>>,
        /// What failed.
        error: EvalError,
    },
}

/// A pipeline and what it keeps from event to event.
pub(crate) struct Stage<'p> {
    pipeline: &'p Pipeline,
    input: usize,
    state: State,
    scratch: Scratch,
    clock: ClockKind,
    /// The number of events so far.
    events: u64,
}

impl<'p> Stage<'p> {
    /// Prepares a pipeline for events at one of its input ports.
    pub(crate) fn new(pipeline: &'p Pipeline, input: usize, clock: ClockKind) -> Stage<'p> {
        Stage {
            pipeline,
            input,
            state: pipeline.state(),
            scratch: Scratch::default(),
            clock,
            events: 0,
        }
    }

    /// Returns the clock that events see.
    pub(crate) fn clock(&self) -> ClockKind {
        self.clock
    }

    /// Decodes frames and runs the events, and tells what happens with the number of the frame that it happens to.
    pub(crate) fn run(
        &mut self,
        mut frames: Vec<Frame>,
        decoder: &mut dyn DynCodec,
        take: &mut dyn FnMut(u64, Happening<'_>),
    ) {
        let arena = Arena::new();
        let mut run = self
            .pipeline
            .start(&arena, &mut self.scratch, &mut self.state);
        for frame in &mut frames {
            let number = frame.number;
            let decoded = match &mut frame.bytes {
                Ok(bytes) => decoder.decode(bytes, &arena),
                Err(error) => Err(error.clone()),
            };
            let data = match decoded {
                Ok(Some(data)) => data,
                Ok(None) => continue,
                Err(error) => {
                    self.events += 1;
                    take(number, Happening::Unreadable(error));
                    continue;
                }
            };
            let mut event = Event::new(data);
            event.id.pull = self.events;
            event.ingest_ns = match self.clock {
                ClockKind::Logical => self.events,
                ClockKind::Wall => now_ns(),
            };
            self.events += 1;
            let done = run.event(self.input, event, &mut |port, event| {
                result(port, event, &mut |happening| take(number, happening));
            });
            if let Err(error) = done {
                let event = Some(data);
                take(number, Happening::Failed { event, error });
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, take: &mut dyn FnMut(Happening<'_>)) {
        self.without_event(false, take);
    }

    /// Lets go of what operators hold back.
    pub(crate) fn flush(&mut self, take: &mut dyn FnMut(Happening<'_>)) {
        self.without_event(true, take);
    }

    /// How many events operators hold back.
    pub(crate) fn held(&self) -> usize {
        self.state.held()
    }

    fn without_event(&mut self, is_end: bool, take: &mut dyn FnMut(Happening<'_>)) {
        let now_ns = match self.clock {
            ClockKind::Logical => self.events,
            ClockKind::Wall => now_ns(),
        };
        let arena = Arena::new();
        let mut run = self
            .pipeline
            .start(&arena, &mut self.scratch, &mut self.state);
        let mut out = |port, event: Event<'_>| result(port, event, take);
        let done = match is_end {
            true => run.flush(now_ns, &mut out),
            false => run.tick(now_ns, &mut out),
        };
        if let Err(error) = done {
            take(Happening::Failed { event: None, error });
        }
    }
}

/// Hands over an event that has arrived; a batch as the events that it stands for.
fn result(port: usize, event: Event<'_>, take: &mut dyn FnMut(Happening<'_>)) {
    for part in event.parts() {
        let value = part.data;
        take(Happening::Result { port, value });
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
