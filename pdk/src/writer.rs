//! The batch that a pull fills, and the only place where a source may wait.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use crate::value::EventSink;
use crate::{
    Arena, Batch, BatchBuilder, Buffer, Error, ErrorKind, Event, Lane, LaneNotice, Outcome, Pull,
    PullLimits, PullNumber, Reply, StreamEnd,
};

/// Set by the engine when it has something else to say.
pub(crate) type Interrupt = Arc<AtomicBool>;

/// What a pull fills.
pub struct BatchWriter {
    builder: BatchBuilder,
    limits: PullLimits,
    number: PullNumber,
    interrupt: Interrupt,
    position: Option<u64>,
    notice: Option<LaneNotice>,
    /// Whether there was a notice already.
    has_too_many: bool,
}

impl BatchWriter {
    /// Makes an empty one. Room is made for the `expected` number of events, which is that of the pull before.
    pub(crate) fn new(
        limits: PullLimits,
        number: PullNumber,
        interrupt: Interrupt,
        expected: usize,
    ) -> Self {
        BatchWriter {
            builder: BatchBuilder::with_capacity(expected),
            limits,
            number,
            interrupt,
            position: None,
            notice: None,
            has_too_many: false,
        }
    }

    /// What the pull came to.
    pub(crate) fn finish(mut self, pull: Pull) -> Reply {
        let position = self.position;
        let Some(notice) = self.notice.take() else {
            return Ok(match (pull, self.into_batch()) {
                (Pull::End, batch) => Outcome::End(batch, position),
                (_, Some(batch)) => Outcome::Batch(batch, position),
                (_, None) => Outcome::Idle,
            });
        };
        if self.has_too_many || !self.is_empty() || pull == Pull::End {
            return Err(Error::new(
                ErrorKind::Bug,
                format!(
                    "a pull told of lane {} and more; a notice has a pull of its own",
                    notice.lane()
                ),
            ));
        }
        Ok(Outcome::Lane(notice))
    }

    /// Numbers the events and freezes them.
    fn into_batch(mut self) -> Option<Batch> {
        if self.builder.is_empty() {
            return None;
        }
        let number = self.number;
        self.builder.for_each(|at, event| {
            event.id.source = number.source;
            event.id.pull = number.pull;
            event.id.event = at as u32;
        });
        Some(self.builder.seal())
    }

    /// Which source this is, and which pull. The events carry both in their ids, and so does what becomes of them: a
    /// sink of the same connector finds by them whom to answer.
    #[must_use]
    pub fn number(&self) -> PullNumber {
        self.number
    }

    /// Ends a stream, behind the events of this pull, which are of the same stream: what its codec and preprocessors
    /// still keep becomes events. Nothing may follow in this pull; the number of the stream may be used again later.
    pub fn end_stream(&mut self, lane: Lane, stream: u64) {
        self.push_end(lane, stream, StreamEnd::Ended);
    }

    /// A stream has broken off: like [`BatchWriter::end_stream`], but what its codec and preprocessors still keep is
    /// dropped, since it is half of something.
    pub fn fail_stream(&mut self, lane: Lane, stream: u64) {
        self.push_end(lane, stream, StreamEnd::Failed);
    }

    fn push_end(&mut self, lane: Lane, stream: u64, end: StreamEnd) {
        self.push(|_| {
            let mut event = Event::new(crate::Value::NULL).with_stream_end(end);
            (event.id.lane, event.id.stream) = (lane, stream);
            event
        });
    }

    /// A lane came to this source, or begins anew: what was pulled of it before counts for nothing any more. `name` is
    /// what the lane is called in every process, `committed` the position that is known outside. The engine says where
    /// to start, with [`crate::Source::on_assigned`], before the next pull. Nothing else may be in this pull.
    pub fn begin_lane(&mut self, lane: Lane, name: impl Into<String>, committed: Option<u64>) {
        let name = name.into();
        self.tell(LaneNotice::Begin {
            lane,
            name,
            committed,
        });
    }

    /// A lane has to move away by a time of the host's clock, and nothing more of it is handed over. When everything
    /// in flight has its fate, the engine answers with [`crate::Source::on_revoke`]; if that takes too long, with
    /// [`crate::Source::on_lost`]. Nothing else may be in this pull.
    pub fn end_lane(&mut self, lane: Lane, deadline_ns: u64) {
        self.tell(LaneNotice::End { lane, deadline_ns });
    }

    /// A lane is gone already. The engine answers with [`crate::Source::on_lost`] before the next pull. Nothing else
    /// may be in this pull.
    pub fn lose_lane(&mut self, lane: Lane) {
        self.tell(LaneNotice::Lose { lane });
    }

    fn tell(&mut self, notice: LaneNotice) {
        self.has_too_many |= self.notice.replace(notice).is_some();
    }

    /// Says where to go on behind the events of this pull, if their lane is assigned anew. Without events it says
    /// nothing.
    pub fn position(&mut self, next: u64) {
        self.position = Some(next);
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

    /// Adds one event of a buffer, whose values may point into it and into the batch's arena: metadata go there.
    pub fn push_buffer_with(
        &mut self,
        buffer: Buffer,
        make: impl for<'a> FnOnce(&'a [u8], &'a Arena) -> Event<'a>,
    ) {
        self.builder.push_buffer_with(buffer, make);
    }

    /// Adds the events that `split` finds in a buffer, whose values may point into it and into the batch's arena:
    /// metadata go there. Payloads must not overlap.
    pub fn push_buffer_split(
        &mut self,
        buffer: Buffer,
        split: impl for<'a> FnOnce(&'a [u8], &'a Arena, &mut EventSink<'a>),
    ) {
        self.builder.push_buffer_split(buffer, split);
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
