//! The batch that a pull fills, and the only place where a source may wait.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use crate::value::EventSink;
use crate::{Arena, Batch, BatchBuilder, Buffer, Event, PullLimits, PullNumber};

/// Set by the engine when it has something else to say.
pub(crate) type Interrupt = Arc<AtomicBool>;

/// What a pull fills.
pub struct BatchWriter {
    builder: BatchBuilder,
    limits: PullLimits,
    interrupt: Interrupt,
}

impl BatchWriter {
    /// Makes an empty one. Room is made for the `expected` number of events, which is that of the pull before.
    pub(crate) fn new(limits: PullLimits, interrupt: Interrupt, expected: usize) -> Self {
        BatchWriter {
            builder: BatchBuilder::with_capacity(expected),
            limits,
            interrupt,
        }
    }

    /// Numbers the events and freezes them.
    pub(crate) fn into_batch(mut self, number: PullNumber) -> Option<Batch> {
        if self.builder.is_empty() {
            return None;
        }
        self.builder.for_each(|at, event| {
            event.id.source = number.source;
            event.id.pull = number.pull;
            event.id.event = at as u32;
        });
        Some(self.builder.seal())
    }

    /// How many events may still be added. More are taken too, but make the batch larger than the engine wants.
    #[must_use]
    pub fn room_events(&self) -> usize {
        (self.limits.events as usize).saturating_sub(self.builder.len())
    }

    /// About how many bytes a pull may hand over.
    #[must_use]
    pub fn limit_bytes(&self) -> usize {
        self.limits.bytes as usize
    }

    /// The number of events added so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.builder.len()
    }

    /// Whether no event was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }

    /// Adds an event whose values are made in the batch's arena.
    pub fn push(&mut self, make: impl for<'a> FnOnce(&'a Arena) -> Event<'a>) {
        self.builder.push(make);
    }

    /// Adds a buffer as one event.
    pub fn push_bytes(&mut self, buffer: Buffer, ingest_ns: u64) {
        self.push_buffer(buffer, |bytes, sink| {
            let mut event = Event::new(crate::Value::bytes(bytes));
            event.ingest_ns = ingest_ns;
            sink.push(event);
        });
    }

    /// Adds the events that `split` finds in a buffer; their payloads are parts of it and must not overlap.
    pub fn push_buffer(
        &mut self,
        buffer: Buffer,
        split: impl for<'a> FnOnce(&'a [u8], &mut EventSink<'a>),
    ) {
        self.builder.push_buffer(buffer, split);
    }

    /// Whether the engine wants this pull to end.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Acquire)
    }

    /// Waits for `future`; yields `None` when the engine interrupts. The future is dropped then, and only then, so
    /// it is the one thing that must bear being dropped half-way.
    pub async fn wait<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        // Not through `self`: a writer can move to another thread, but not be seen from two.
        let interrupt = &self.interrupt;
        poll_fn(|cx| {
            if interrupt.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}
