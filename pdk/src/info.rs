//! What a connector or a codec says about itself, in constants that can be read without running it.

/// What crosses between a connector and the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Bytes: codec and processors run in the engine.
    Bytes,
    /// Values: the connector makes or takes them itself.
    Values,
}

/// When a sink tells the fate of the events that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settles {
    /// When `write` returns: all of them acked, or all of them failed.
    OnReturn,
    /// Later, in any order, through [`crate::Fates`].
    Late,
}

/// What the source of a connector is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// What it hands over.
    pub payload: Payload,
    /// Whether it wants to learn the fate of its events.
    pub transactional: bool,
    /// Whether it tells the engine of its lanes, so that they can move between processes; see
    /// [`crate::LaneNotice`]. Such a source is transactional.
    pub lanes: bool,
}

/// What the sink of a connector is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkInfo {
    /// What it takes.
    pub payload: Payload,
    /// When it tells fates.
    pub settles: Settles,
}

/// What a connector says about itself.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorInfo {
    /// The name that flows use.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// A configuration that works, as a JSON object.
    pub example: &'static str,
    /// Its source, if it has one.
    pub source: Option<SourceInfo>,
    /// Its sink, if it has one.
    pub sink: Option<SinkInfo>,
}

/// What a codec, a preprocessor or a postprocessor says about itself.
#[derive(Clone, Copy, Debug)]
pub struct ProcessorInfo {
    /// The name that flows use.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// A configuration that works, as a JSON object.
    pub example: &'static str,
}

/// The capabilities of an entry as bits, as they cross the boundary.
pub(crate) mod flags {
    /// It has a source.
    pub(crate) const SOURCE: u32 = 1;
    /// It has a sink.
    pub(crate) const SINK: u32 = 1 << 1;
    /// The source hands over bytes.
    pub(crate) const SOURCE_BYTES: u32 = 1 << 2;
    /// The sink takes bytes.
    pub(crate) const SINK_BYTES: u32 = 1 << 3;
    /// The source wants to learn fates.
    pub(crate) const TRANSACTIONAL: u32 = 1 << 4;
    /// The sink tells fates later.
    pub(crate) const LATE: u32 = 1 << 5;
    /// The source tells of its lanes.
    pub(crate) const LANES: u32 = 1 << 6;
    /// The codec keeps nothing from one frame to the next.
    pub(crate) const STATELESS: u32 = 1 << 16;
    /// The crate was built with `panic = "abort"`.
    pub(crate) const PANIC_ABORT: u32 = 1 << 31;
}

impl ConnectorInfo {
    /// The capabilities as bits.
    #[must_use]
    pub const fn flags(&self) -> u32 {
        let mut bits = 0;
        if let Some(source) = &self.source {
            bits |= flags::SOURCE;
            if matches!(source.payload, Payload::Bytes) {
                bits |= flags::SOURCE_BYTES;
            }
            if source.transactional {
                bits |= flags::TRANSACTIONAL;
            }
            if source.lanes {
                bits |= flags::LANES;
            }
        }
        if let Some(sink) = &self.sink {
            bits |= flags::SINK;
            if matches!(sink.payload, Payload::Bytes) {
                bits |= flags::SINK_BYTES;
            }
            if matches!(sink.settles, Settles::Late) {
                bits |= flags::LATE;
            }
        }
        bits
    }

    /// Reads the source's side back from bits.
    #[must_use]
    pub const fn source_of(bits: u32) -> Option<SourceInfo> {
        if bits & flags::SOURCE == 0 {
            return None;
        }
        Some(SourceInfo {
            payload: payload(bits & flags::SOURCE_BYTES),
            transactional: bits & flags::TRANSACTIONAL != 0,
            lanes: bits & flags::LANES != 0,
        })
    }

    /// Reads the sink's side back from bits.
    #[must_use]
    pub const fn sink_of(bits: u32) -> Option<SinkInfo> {
        if bits & flags::SINK == 0 {
            return None;
        }
        let settles = match bits & flags::LATE {
            0 => Settles::OnReturn,
            _ => Settles::Late,
        };
        Some(SinkInfo {
            payload: payload(bits & flags::SINK_BYTES),
            settles,
        })
    }
}

const fn payload(bytes: u32) -> Payload {
    match bytes {
        0 => Payload::Values,
        _ => Payload::Bytes,
    }
}
