//! Sources that stand in for others: they send whole events, with their metadata, that the program hands over.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    BatchWriter, Connector, ConnectorInfo, Context, Error, Event, Instance, NoSink, OwnedValue,
    Payload, Pull, Result, Source, SourceInfo, Value, drive,
};

use crate::channel::Slot;

/// An event that is sent again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Again {
    /// The payload: bytes, or a string, for a source of bytes.
    pub data: OwnedValue,
    /// The metadata.
    pub meta: OwnedValue,
    /// When it came in, in nanoseconds since 1970; 0 for now.
    pub ingest_ns: u64,
}

/// Feeds a flow with events that are sent again. The flow's source ends when all clones are gone.
#[derive(Clone, Debug)]
pub struct Replay {
    pub(crate) events: flume::Sender<Again>,
}

impl Replay {
    /// Hands an event over, waiting for room.
    ///
    /// # Errors
    /// If the flow has ended; the event comes back.
    pub fn send(&self, event: Again) -> std::result::Result<(), Again> {
        self.events.send(event).map_err(|error| error.into_inner())
    }
}

/// The flow's end.
#[derive(Clone)]
pub(crate) struct Replayed {
    pub(crate) payload: Payload,
    pub(crate) events: Slot<flume::Receiver<Again>>,
}

impl Replayed {
    pub(crate) fn source(&self) -> SourceInfo {
        SourceInfo {
            payload: self.payload,
            transactional: false,
            lanes: false,
        }
    }

    pub(crate) fn make(events: flume::Receiver<Again>, context: Context) -> Box<dyn Instance> {
        drive(ReplayConnector(events, context))
    }
}

/// There is nothing to configure.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde")]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {}

struct ReplayConnector(flume::Receiver<Again>, Context);

impl Connector for ReplayConnector {
    type Config = Config;
    type Source = ReplaySource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "replay",
        summary: "Events that are sent again.",
        example: "{}",
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: false,
            lanes: false,
        }),
        sink: None,
    };

    fn new(_config: Config, _context: Context) -> Result<Self> {
        Err(Error::config("it is made by the embedding program"))
    }

    async fn create_source(&mut self) -> Result<ReplaySource> {
        Ok(ReplaySource {
            events: self.0.clone(),
            context: self.1.clone(),
        })
    }
}

struct ReplaySource {
    events: flume::Receiver<Again>,
    context: Context,
}

impl ReplaySource {
    fn push(&self, out: &mut BatchWriter, again: &Again) {
        let ingest_ns = match again.ingest_ns {
            0 => self.context.host().now_ns(),
            ns => ns,
        };
        out.push(|arena| Event {
            meta: match again.meta {
                OwnedValue::Null => Value::NULL,
                ref meta => arena.value(meta),
            },
            ingest_ns,
            ..Event::new(arena.value(&again.data))
        });
    }
}

impl Source for ReplaySource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        // The channel keeps an event whose receiving was cut short, so the wait may be dropped.
        let events = self.events.clone();
        match out.wait(events.recv_async()).await {
            None => return Ok(Pull::Idle),
            Some(Err(_)) => return Ok(Pull::End),
            Some(Ok(again)) => self.push(out, &again),
        }
        while out.room_events() > 0
            && let Ok(again) = self.events.try_recv()
        {
            self.push(out, &again);
        }
        Ok(Pull::Ready)
    }
}
