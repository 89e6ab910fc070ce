//! Events and the ids that follow them through the engine.

use std::mem::offset_of;

use super::Value;

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
    /// Zero; keeps the layout free of padding.
    pub reserved: u32,
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
    size_of::<Event<'_>>(),
    align_of::<Event<'_>>(),
    offset_of!(Event<'_>, data),
    offset_of!(Event<'_>, meta),
    offset_of!(Event<'_>, id),
    offset_of!(Event<'_>, ingest_ns),
];
