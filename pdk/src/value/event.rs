//! Events and the ids that follow them through the engine.

use std::mem::offset_of;

use super::{Array, Value};

/// Names an event for its whole life: where it came from and which one it was.
///
/// `lane` is what can move between processes (a Kafka partition), `stream` what ends on its own (a connection, a
/// file), `pull` the batch in which the source handed it over, `event` its place in that pull.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The source, numbered by the engine.
    pub source: u32,
    /// The lane within the source; 0 where the source has one.
    pub lane: u32,
    /// The stream within the lane; 0 where there is one.
    pub stream: u64,
    /// The pull, counted from 0 by the engine.
    pub pull: u64,
    /// The place within the pull.
    pub event: u32,
    /// Bits that go with the event; see [`Event::is_batch`] and [`Event::stream_end`]. The upper half is the engine's,
    /// within pipelines; the others are zero.
    pub flags: u32,
}

/// The flag of an event that stands for many.
const BATCH: u32 = 1;
/// The flag of a marker: the stream has ended.
const ENDED: u32 = 1 << 1;
/// The flag of a marker: the stream has broken off.
const FAILED: u32 = 1 << 2;

/// The stream of events that are each a stream of their own, as datagrams are: codec and processors begin anew with
/// each, and are finished after it.
pub const ANONYMOUS_STREAM: u64 = u64::MAX;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// It is complete: what codec and processors still keep becomes events.
    Ended,
    /// It has broken off: what they still keep is dropped.
    Failed,
}

/// One event: data, metadata, when it came in and its id.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The payload: bytes before decoding and after encoding, any value between.
    pub data: Value<'a>,
    /// The metadata record (`$` in scripts), or null where there is none.
    pub meta: Value<'a>,
    /// Which event this is. Sources may set `lane` and `stream`; the engine fills in the rest.
    pub id: EventId,
    /// When it came in, in nanoseconds of the host's clock; 0 lets the engine fill it in.
    pub ingest_ns: u64,
}

impl<'a> Event<'a> {
    /// Makes an event of `data` with nothing else known.
    #[must_use]
    pub fn new(data: Value<'a>) -> Self {
        Event {
            data,
            meta: Value::NULL,
            id: EventId::default(),
            ingest_ns: 0,
        }
    }

    /// Whether the event stands for many: then its payload is an array of
    /// `{"data": {"value": …, "meta": …, "ingest_ns": …, "kind": null, "is_batch": …}}`. Scripts see that array;
    /// what takes events out of a pipeline takes [`Event::parts`].
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.id.flags & BATCH != 0
    }

    /// The same event, standing for many or not; see [`Event::is_batch`].
    #[must_use]
    pub fn with_batch(mut self, is_batch: bool) -> Self {
        self.id.flags &= !BATCH;
        if is_batch {
            self.id.flags |= BATCH;
        }
        self
    }

    /// How the stream of this event ended, if the event is no event but the marker of that. The engine takes markers
    /// out; they stand behind the last event of a pull.
    #[must_use]
    pub fn stream_end(&self) -> Option<StreamEnd> {
        match self.id.flags & (ENDED | FAILED) {
            0 => None,
            ENDED => Some(StreamEnd::Ended),
            _ => Some(StreamEnd::Failed),
        }
    }

    /// The same event as a marker; see [`Event::stream_end`].
    #[must_use]
    pub fn with_stream_end(mut self, end: StreamEnd) -> Self {
        self.id.flags |= match end {
            StreamEnd::Ended => ENDED,
            StreamEnd::Failed => FAILED,
        };
        self
    }

    /// The events that this one stands for, with its id. It stands for itself if it is no batch, and also if a script
    /// has put another payload into a batch.
    pub fn parts(self) -> impl Iterator<Item = Event<'a>> {
        let items = self
            .data
            .as_array()
            .filter(|items| self.is_batch() && items.iter().all(|item| self.part(item).is_some()));
        let itself = items.is_none().then(|| self.with_batch(false));
        let items = items.map_or(&[][..], Array::as_slice);
        let parts = items.iter().filter_map(move |item| self.part(*item));
        itself.into_iter().chain(parts)
    }

    /// The event that an item of a batch stands for.
    fn part(self, item: Value<'a>) -> Option<Event<'a>> {
        let item = item.get("data")?;
        let part = Event {
            data: item.get("value")?,
            meta: item.get("meta").unwrap_or_default(),
            id: self.id,
            ingest_ns: item.get("ingest_ns").and_then(Value::as_u64)?,
        };
        Some(part.with_batch(item.get("is_batch").and_then(Value::as_bool)?))
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<EventId>(),
    align_of::<EventId>(),
    offset_of!(EventId, source),
    offset_of!(EventId, lane),
    offset_of!(EventId, stream),
    offset_of!(EventId, pull),
    offset_of!(EventId, event),
    offset_of!(EventId, flags),
    size_of::<Event<'_>>(),
    align_of::<Event<'_>>(),
    offset_of!(Event<'_>, data),
    offset_of!(Event<'_>, meta),
    offset_of!(Event<'_>, id),
    offset_of!(Event<'_>, ingest_ns),
    BATCH as usize,
    ENDED as usize,
    FAILED as usize,
    ANONYMOUS_STREAM as usize,
];
