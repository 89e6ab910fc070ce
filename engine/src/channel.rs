//! In-memory sources and sinks, so that an embedding program can feed a flow and take from it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, Event, Fates, Instance,
    NoSink, NoSource, OwnedValue, Payload, Pull, Result, Settles, Sink, SinkInfo, Source,
    SourceInfo, drive,
};

use crate::replay::{Replay, Replayed};

/// Channels of the embedding program by the kind that flows use for them.
pub(crate) type Locals = HashMap<String, Local>;

/// The flow's end of a channel until a flow has it; the channel ends with that flow.
pub(crate) type Slot<T> = Arc<Mutex<Option<T>>>;

/// One end of a channel, as a kind of connector.
#[derive(Clone)]
pub(crate) enum Local {
    Input(Slot<flume::Receiver<OwnedValue>>),
    Output(Slot<flume::Sender<Batch>>),
    Replay(Replayed),
}

fn lock<T>(slot: &Slot<T>) -> MutexGuard<'_, Option<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end_of<T: Clone>(slot: &Slot<T>) -> Result<T> {
    let taken = || Error::config("the channel belongs to a flow that was started before");
    lock(slot).clone().ok_or_else(taken)
}

impl Local {
    pub(crate) fn source(&self) -> Option<SourceInfo> {
        match self {
            Local::Input(_) => InputConnector::INFO.source,
            Local::Output(_) => None,
            Local::Replay(replayed) => Some(replayed.source()),
        }
    }

    pub(crate) fn sink(&self) -> Option<SinkInfo> {
        match self {
            Local::Input(_) | Local::Replay(_) => None,
            Local::Output(_) => OutputConnector::INFO.sink,
        }
    }

    /// Makes the connector.
    ///
    /// # Errors
    /// If another flow has the channel already.
    pub(crate) fn make(&self, context: Context) -> Result<Box<dyn Instance>> {
        Ok(match self {
            Local::Input(values) => drive(InputConnector(end_of(values)?, context)),
            Local::Output(batches) => drive(OutputConnector(end_of(batches)?)),
            Local::Replay(replayed) => Replayed::make(end_of(&replayed.events)?, context),
        })
    }

    /// Leaves the channel to the flow that was started with it.
    pub(crate) fn give_up(&self) {
        match self {
            Local::Input(values) => drop(lock(values).take()),
            Local::Output(batches) => drop(lock(batches).take()),
            Local::Replay(replayed) => drop(lock(&replayed.events).take()),
        }
    }
}

/// Feeds a flow. The flow's source ends when all clones are gone.
#[derive(Clone, Debug)]
pub struct Input {
    pub(crate) values: flume::Sender<OwnedValue>,
}

impl Input {
    /// Hands an event over, waiting for room.
    ///
    /// # Errors
    /// If the flow has ended; the value comes back.
    pub fn send(&self, value: OwnedValue) -> std::result::Result<(), OwnedValue> {
        self.values.send(value).map_err(|error| error.into_inner())
    }

    /// Hands an event over, waiting for room.
    ///
    /// # Errors
    /// If the flow has ended; the value comes back.
    pub async fn send_async(&self, value: OwnedValue) -> std::result::Result<(), OwnedValue> {
        let sent = self.values.send_async(value).await;
        sent.map_err(|error| error.into_inner())
    }
}

/// Takes what a flow delivers. Ends when the flow has ended.
#[derive(Clone, Debug)]
pub struct Output {
    pub(crate) batches: flume::Receiver<Batch>,
}

impl Output {
    /// The next batch, waiting for one; none once the flow has ended.
    #[must_use]
    pub fn receive(&self) -> Option<Batch> {
        self.batches.recv().ok()
    }

    /// The next batch, waiting for one; none once the flow has ended.
    pub async fn receive_async(&self) -> Option<Batch> {
        self.batches.recv_async().await.ok()
    }

    /// The next batch, if one is there now.
    #[must_use]
    pub fn try_receive(&self) -> Option<Batch> {
        self.batches.try_recv().ok()
    }
}

/// The ends of a channel for values: one for the program, one for the flow.
pub(crate) fn input(capacity: usize) -> (Input, Local) {
    let (values, receiver) = flume::bounded(capacity);
    let slot = Arc::new(Mutex::new(Some(receiver)));
    (Input { values }, Local::Input(slot))
}

/// The ends of a channel for events that are sent again: one for the program, one for the flow.
pub(crate) fn replay(capacity: usize, payload: Payload) -> (Replay, Local) {
    let (events, receiver) = flume::bounded(capacity);
    let events_slot = Arc::new(Mutex::new(Some(receiver)));
    let replayed = Replayed {
        payload,
        events: events_slot,
    };
    (Replay { events }, Local::Replay(replayed))
}

/// The ends of a channel for batches: one for the program, one for the flow.
pub(crate) fn output(capacity: usize) -> (Output, Local) {
    let (sender, batches) = flume::bounded(capacity);
    let slot = Arc::new(Mutex::new(Some(sender)));
    (Output { batches }, Local::Output(slot))
}

/// A channel has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {}

fn not_registered<T>() -> Result<T> {
    Err(Error::config("a channel is made by the embedding program"))
}

struct InputConnector(flume::Receiver<OwnedValue>, Context);

impl Connector for InputConnector {
    type Config = Config;
    type Source = InputSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "input",
        summary: "Events from the embedding program.",
        example: "{}",
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: false,
            lanes: false,
        }),
        sink: None,
    };

    fn new(_config: Config, _context: Context) -> Result<Self> {
        not_registered()
    }

    async fn create_source(&mut self) -> Result<InputSource> {
        Ok(InputSource {
            values: self.0.clone(),
            context: self.1.clone(),
        })
    }
}

struct InputSource {
    values: flume::Receiver<OwnedValue>,
    context: Context,
}

impl InputSource {
    fn push(&self, out: &mut BatchWriter, value: &OwnedValue) {
        let ingest_ns = self.context.host().now_ns();
        out.push(|arena: &Arena| Event {
            ingest_ns,
            ..Event::new(arena.value(value))
        });
    }
}

impl Source for InputSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        // The channel keeps a value whose receiving was cut short, so the wait may be dropped.
        let values = self.values.clone();
        match out.wait(values.recv_async()).await {
            None => return Ok(Pull::Idle),
            Some(Err(_)) => return Ok(Pull::End),
            Some(Ok(value)) => self.push(out, &value),
        }
        while out.room_events() > 0
            && let Ok(value) = self.values.try_recv()
        {
            self.push(out, &value);
        }
        Ok(Pull::Ready)
    }
}

struct OutputConnector(flume::Sender<Batch>);

impl Connector for OutputConnector {
    type Config = Config;
    type Source = NoSource;
    type Sink = OutputSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "output",
        summary: "Events for the embedding program.",
        example: "{}",
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::OnReturn,
        }),
    };

    fn new(_config: Config, _context: Context) -> Result<Self> {
        not_registered()
    }

    async fn create_sink(&mut self) -> Result<OutputSink> {
        Ok(OutputSink(self.0.clone()))
    }
}

struct OutputSink(flume::Sender<Batch>);

impl Sink for OutputSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        let sent = self.0.send_async(batch).await;
        sent.map_err(|_| Error::failed("the program takes no more events"))
    }
}
