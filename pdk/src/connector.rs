//! The traits that a connector author implements. They are plain `async fn`s; the boundary is not visible in them.

use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    Batch, BatchWriter, ConnectorInfo, Context, Error, FateRange, Fates, Lane, LaneStart, Pull,
    Result,
};

/// A named kind of thing that talks to the outside.
///
/// The engine makes one from its configuration, connects it, asks it for a source or a sink, and tells it about its
/// life: started, paused, resumed, draining, stopped. All of it happens on one task; no two methods run at once.
pub trait Connector: Sized + Send + 'static {
    /// What a user writes. Derive `Deserialize` with `deny_unknown_fields` and `JsonSchema`.
    type Config: DeserializeOwned + JsonSchema + Send + 'static;
    /// Its source, or [`NoSource`].
    type Source: Source;
    /// Its sink, or [`NoSink`].
    type Sink: Sink;

    /// What it says about itself.
    const INFO: ConnectorInfo;

    /// Makes the connector. Touches nothing outside.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Config`] where the configuration cannot work.
    fn new(config: Self::Config, context: Context) -> Result<Self>;

    /// Establishes what the connector needs outside; called again after [`crate::ErrorKind::Disconnected`].
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn connect(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes the source.
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn create_source(&mut self) -> impl Future<Output = Result<Self::Source>> + Send {
        async { Err(Error::config("the connector has no source")) }
    }

    /// Makes the sink.
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn create_sink(&mut self) -> impl Future<Output = Result<Self::Sink>> + Send {
        async { Err(Error::config("the connector has no sink")) }
    }

    /// The flow runs from here on.
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn on_start(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// No pull or write until [`Connector::on_resume`].
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn on_pause(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Pulls and writes go on.
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn on_resume(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// No pull comes any more; what is in flight is still delivered.
    ///
    /// # Errors
    /// Anything that keeps it from working.
    fn on_drain(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// The end: source and sink are gone already.
    ///
    /// # Errors
    /// Anything that could not be finished.
    fn on_stop(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// A running side that hands events over.
pub trait Source: Send + 'static {
    /// Hands over what is there now, up to the writer's bounds, and never waits to fill them. One pull is of one
    /// lane and one stream. Events without a time get the time of their decoding.
    ///
    /// A source with lanes tells of them in pulls of their own; see [`crate::LaneNotice`].
    ///
    /// Where there is nothing it waits, through [`BatchWriter::wait`], which yields `None` when the engine has
    /// something else to say; then the pull returns [`Pull::Idle`] within 100 ms and is called again later.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn pull(&mut self, out: &mut BatchWriter) -> impl Future<Output = Result<Pull>> + Send;

    /// Learns the fate of events, in order within a lane, each exactly once; see [`FateRange`]. A transactional source
    /// advances its position here and nowhere else.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn on_fates(&mut self, fates: &[FateRange]) -> impl Future<Output = Result<()>> + Send {
        let _ = fates;
        async { Ok(()) }
    }

    /// Learns that a frame of a pull could not be decoded, and why; what became of the pull is told later. For those
    /// who answer whoever sent it; told to transactional sources, once a pull.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn on_undecodable(
        &mut self,
        lane: Lane,
        pull: u64,
        reason: &str,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (lane, pull, reason);
        async { Ok(()) }
    }

    /// A lane that this source began is its own from here on, and what it hands over of it starts at a position: at
    /// that in `start` if there is one, otherwise where the source chooses.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn on_assigned(&mut self, start: LaneStart) -> impl Future<Output = Result<()>> + Send {
        let _ = start;
        async { Ok(()) }
    }

    /// What the engine keeps of a lane is stored, with the position behind the records that are in it. A source whose
    /// lane is kept ([`LaneStart::is_kept`]) commits up to there, whatever else has its fate.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn on_stored(&mut self, lane: Lane, position: u64) -> impl Future<Output = Result<()>> + Send {
        let _ = (lane, position);
        async { Ok(()) }
    }

    /// A lane that this source ends moves away now: everything in flight of it has its fate and was told, and the
    /// position can be settled until the deadline.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn on_revoke(
        &mut self,
        lane: Lane,
        deadline_ns: u64,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (lane, deadline_ns);
        async { Ok(()) }
    }

    /// A lane is gone: forget it and settle nothing more. The answer to a lane that was lost, and to one whose events
    /// have not got their fates by the deadline of its end.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn on_lost(&mut self, lane: Lane) -> impl Future<Output = Result<()>> + Send {
        let _ = lane;
        async { Ok(()) }
    }
}

/// A running side that takes events.
pub trait Sink: Send + 'static {
    /// Takes a batch. With [`crate::Settles::OnReturn`] all of it is acked when this returns `Ok` and failed when
    /// it returns an error; with [`crate::Settles::Late`] the sink keeps `fates` and tells later.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn write(&mut self, batch: Batch, fates: Fates) -> impl Future<Output = Result<()>> + Send;

    /// Hands on whatever the sink still keeps; called when the flow drains.
    ///
    /// # Errors
    /// Anything; the kind says what the engine does.
    fn flush(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// The source of a connector that has none.
pub enum NoSource {}

impl Source for NoSource {
    async fn pull(&mut self, _out: &mut BatchWriter) -> Result<Pull> {
        match *self {}
    }
}

/// The sink of a connector that has none.
pub enum NoSink {}

impl Sink for NoSink {
    async fn write(&mut self, _batch: Batch, _fates: Fates) -> Result<()> {
        match *self {}
    }
}
