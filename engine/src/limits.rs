//! What the engine holds and waits for at most, so that no source, no sink and no plugin takes all memory or all time.

use std::time::Duration;

use temblor_pdk::{Limit, PullLimits};

use crate::control::Supervision;
use crate::queue::QueueLimits;

/// Writes that a sink that tells fates later may have taken and not settled.
pub(crate) const UNSETTLED_WRITES: usize = 256;
/// Bytes that it may have taken and not settled.
pub(crate) const UNSETTLED_BYTES: usize = 64 * 1024 * 1024;

/// Values that a channel of the embedding program holds.
pub(crate) const CHANNEL_VALUES: usize = 4096;
/// Batches that a channel of the embedding program holds.
pub(crate) const CHANNEL_BATCHES: usize = 64;

/// A poll that takes longer than this holds its worker up.
pub(crate) const STUCK_AFTER: Duration = Duration::from_millis(100);

/// A pull that hands over more is none of a sound connector.
pub(crate) const MOST_EVENTS: usize = 1 << 20;

/// Batches within a circle of pipelines.
pub(crate) const CIRCLE_BATCHES: usize = 1024;
/// Events within a circle of pipelines.
pub(crate) const CIRCLE_EVENTS: usize = 64 * 1024;
/// Memory that a circle of pipelines keeps, in bytes.
pub(crate) const CIRCLE_BYTES: usize = 64 * 1024 * 1024;
/// How often an event goes from pipeline to pipeline of a circle.
pub(crate) const CIRCLE_HOPS: u32 = 1024;

/// What a file may hold that a configuration refers to.
pub(crate) const SECRET_FILE_BYTES: usize = 64 * 1024;

/// Log records of one place in the code about one connector that are shown in a second.
pub(crate) const RECORDS_ALIKE: u64 = 10;

const QUEUE: QueueLimits = QueueLimits::DEFAULT;
const PULL: PullLimits = PullLimits::DEFAULT;
const SUPERVISION: Supervision = Supervision::DEFAULT;

// The table speaks of minutes.
const _: () = assert!(SUPERVISION.within.as_secs() == 60 && SUPERVISION.quarantine.as_secs() == 60);

/// Where those of supervision can be set.
const BUILDER: &str = "`EngineBuilder::supervision`";

/// What becomes of events when there is no room.
const WAITS: &str =
    "whoever puts in waits, and the source is not asked for more; one batch is always taken";

/// What becomes of events for which there is no room in a circle.
const CIRCLE: &str = "the event fails with the reason";

/// All of them, as `temblor limits` lists them.
pub const LIMITS: &[Limit] = &[
    Limit::fixed(
        "a pull, in events",
        PULL.events as u64,
        "events",
        "what there is beyond comes with the next pull",
    )
    .set_by("`EngineBuilder::pull_limits`"),
    Limit::fixed(
        "a pull, in bytes",
        PULL.bytes as u64,
        "bytes",
        "what there is beyond comes with the next pull",
    )
    .set_by("`EngineBuilder::pull_limits`"),
    Limit::fixed(
        "a queue between tasks, in batches",
        QUEUE.parcels as u64,
        "batches",
        WAITS,
    )
    .set_by("`EngineBuilder::queue_limits`"),
    Limit::fixed(
        "a queue between tasks, in events",
        QUEUE.events as u64,
        "events",
        WAITS,
    )
    .set_by("`EngineBuilder::queue_limits`"),
    Limit::fixed(
        "a queue between tasks, in memory that it keeps",
        QUEUE.bytes as u64,
        "bytes",
        WAITS,
    )
    .set_by("`EngineBuilder::queue_limits`"),
    Limit::fixed(
        "within a circle of pipelines, in batches",
        CIRCLE_BATCHES as u64,
        "batches",
        CIRCLE,
    ),
    Limit::fixed(
        "within a circle of pipelines, in events",
        CIRCLE_EVENTS as u64,
        "events",
        CIRCLE,
    ),
    Limit::fixed(
        "within a circle of pipelines, in memory that it keeps",
        CIRCLE_BYTES as u64,
        "bytes",
        CIRCLE,
    ),
    Limit::fixed(
        "ways from pipeline to pipeline of a circle that an event goes",
        CIRCLE_HOPS as u64,
        "ways",
        CIRCLE,
    ),
    Limit::fixed(
        "taken by a sink and not settled, in writes",
        UNSETTLED_WRITES as u64,
        "writes",
        "the sink is given no more until it has settled some",
    ),
    Limit::fixed(
        "taken by a sink and not settled, in memory",
        UNSETTLED_BYTES as u64,
        "bytes",
        "the sink is given no more until it has settled some",
    ),
    Limit::fixed(
        "a channel from the embedding program",
        CHANNEL_VALUES as u64,
        "events",
        "`Input::send` waits",
    ),
    Limit::fixed(
        "a channel to the embedding program",
        CHANNEL_BATCHES as u64,
        "batches",
        "the sink waits",
    ),
    Limit::fixed(
        "a poll of a connector",
        STUCK_AFTER.as_millis() as u64,
        "ms",
        "a substitute worker takes over, and the connector is named",
    ),
    Limit::fixed(
        "a poll of a connector, until it is given up",
        SUPERVISION.hang_after.as_millis() as u64,
        "ms",
        "the connector hangs: it is made anew, and the poll is left to itself",
    )
    .set_by(BUILDER),
    Limit::fixed(
        "a pull that was interrupted",
        SUPERVISION.answer_within.as_millis() as u64,
        "ms",
        "the connector hangs: it is made anew",
    )
    .set_by(BUILDER),
    Limit::fixed(
        "a pull, in events that a connector hands over against the rules",
        MOST_EVENTS as u64,
        "events",
        "it is a bug of the connector: it is made anew",
    ),
    Limit::fixed(
        "panics and hangs of a connector within a minute",
        SUPERVISION.strikes as u64,
        "times",
        "it is left alone for a minute, then tried again",
    )
    .set_by(BUILDER),
    Limit::fixed(
        "draining a flow",
        SUPERVISION.drain_timeout.as_millis() as u64,
        "ms",
        "it is stopped, what is left fails and is counted",
    )
    .set_by(BUILDER),
    Limit::fixed(
        "a file that a configuration refers to",
        SECRET_FILE_BYTES as u64,
        "bytes",
        "the flow does not start",
    ),
    Limit::fixed(
        "log records of one place about one connector",
        RECORDS_ALIKE,
        "records a second",
        "the rest is counted, and one record says how many",
    ),
];
