//! What the engine says to an instance, and what comes back.

use crate::{Batch, Error, Fates, Instance, Lane, LaneNotice, LaneStart};

/// What became of an event.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Delivered, or dropped by policy.
    Acked = 1,
    /// Not delivered.
    Failed = 2,
}

/// The fate of all events from one place to another of a lane, both ends included.
///
/// Ranges come in order, without gaps within a lane, and may reach over several pulls. Numbers of events are the places
/// at which the source handed them over in their pulls.
///
/// A source of values is told of its events. So is a source of bytes whose events are each a stream of its own (see
/// [`crate::ANONYMOUS_STREAM`]), whatever the engine makes of one: it has failed if any of what came of it has, and is
/// acked if nothing came of it. Where the events of a pull are pieces of a stream, what the engine makes of them knows
/// no borders between pieces, and the pull has one fate: `first_event` is 0 and `last_event` the largest number. The
/// same holds for a pull without events.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FateRange {
    /// The lane.
    pub lane: Lane,
    /// What became of them.
    pub fate: Fate,
    /// The pull of the first event.
    pub first_pull: u64,
    /// The pull of the last event.
    pub last_pull: u64,
    /// The first event's place in its first pull.
    pub first_event: u32,
    /// The last event's place in its last pull; the largest number where that pull has one fate.
    pub last_event: u32,
}

/// How much one pull may hand over.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimits {
    /// At most this many events.
    pub events: u32,
    /// About this many bytes.
    pub bytes: u32,
}

/// Which pull it is; the events that come of it carry both numbers in their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullNumber {
    /// The source, numbered by the engine.
    pub source: u32,
    /// The pull, counted from 0 by the engine.
    pub pull: u64,
}

impl PullLimits {
    /// The bounds that count if nothing else is said.
    pub const DEFAULT: PullLimits = PullLimits {
        events: 512,
        bytes: 256 * 1024,
    };
}

impl Default for PullLimits {
    fn default() -> Self {
        PullLimits::DEFAULT
    }
}

/// What a pull came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// What was there is handed over; there may be more.
    Ready,
    /// There was nothing, or the engine interrupted the wait.
    Idle,
    /// There will never be more.
    End,
}

/// What the engine asks of an instance. One command at a time.
#[derive(Debug)]
pub enum Command {
    /// To a source: hand events over.
    Pull(PullLimits, PullNumber),
    /// To a source: the fate of events.
    Fates(Vec<FateRange>),
    /// To a source: a lane is yours.
    Assigned(LaneStart),
    /// To a source: what is kept of a lane is stored, up to this position.
    Stored(Lane, u64),
    /// To a source: a lane moves away, settle it by this time of the host's clock.
    Revoke(Lane, u64),
    /// To a source: a lane is gone.
    Lost(Lane),
    /// To a source: a frame of this pull of a lane could not be decoded, for this reason.
    Undecodable(Lane, u64, String),
    /// To a sink: take these events.
    Write(Batch, Fates),
    /// To a sink: hand on what you keep.
    Flush,
    /// To a connector: see [`crate::Connector::connect`].
    Connect,
    /// To a connector: see [`crate::Connector::create_source`].
    CreateSource,
    /// To a connector: see [`crate::Connector::create_sink`].
    CreateSink,
    /// To a connector: see [`crate::Connector::on_start`].
    Start,
    /// To a connector: see [`crate::Connector::on_pause`].
    Pause,
    /// To a connector: see [`crate::Connector::on_resume`].
    Resume,
    /// To a connector: see [`crate::Connector::on_drain`].
    Drain,
    /// To a connector: see [`crate::Connector::on_stop`].
    Stop,
}

/// What a command came to.
pub enum Outcome {
    /// Done; nothing to hand over.
    Done,
    /// A pull found nothing, or was interrupted.
    Idle,
    /// A pull's events, and the position behind them, if the source said it.
    Batch(Batch, Option<u64>),
    /// A pull's last events, with the position behind them; the source has no more.
    End(Option<Batch>, Option<u64>),
    /// A pull that handed nothing over and told of a lane.
    Lane(LaneNotice),
    /// The source or sink that was asked for.
    Instance(Box<dyn Instance>),
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Done => f.write_str("Done"),
            Outcome::Idle => f.write_str("Idle"),
            Outcome::Batch(batch, _) => f.debug_tuple("Batch").field(&batch.len()).finish(),
            Outcome::End(batch, _) => {
                let events = batch.as_ref().map_or(0, Batch::len);
                f.debug_tuple("End").field(&events).finish()
            }
            Outcome::Lane(notice) => notice.fmt(f),
            Outcome::Instance(_) => f.write_str("Instance"),
        }
    }
}

/// The answer to a command.
pub type Reply = Result<Outcome, Error>;
