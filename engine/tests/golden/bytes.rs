//! A golden plugin: a source and a sink of bytes, a codec, a preprocessor and a postprocessor.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use temblor_pdk::futures_io::AsyncWrite;
use temblor_pdk::io::{Connection, Spawned};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, BackoffPolicy, Batch, BatchWriter, Breaker, Buffer, Codec, Connector,
    ConnectorInfo, Context, Error, Event, FateRange, Fates, Field, FrameSink, Host, NoSink,
    NoSource, Payload, Postprocessor, Preprocessor, ProcessorInfo, Pull, Result, Settles, Sink,
    SinkInfo, Source, SourceInfo, Value, io, log, register,
};

/// What `golden_pieces` is told.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct PiecesConfig {
    /// A stream, handed over in pieces.
    stream: String,
    /// Messages that are each a stream of their own, handed over in one pull, with metadata.
    #[serde(default)]
    messages: Vec<String>,
    /// The length of a piece.
    piece: usize,
}

/// The source of bytes.
pub struct Pieces {
    config: PiecesConfig,
    host: Host,
}

impl Connector for Pieces {
    type Config = PiecesConfig;
    type Source = PiecesSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "golden_pieces",
        summary: "Hands text over in pieces, and messages with metadata.",
        example: r#"{"stream": "a=1;b=2;", "piece": 3}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: true,
            lanes: false,
        }),
        sink: None,
    };

    fn new(config: PiecesConfig, context: Context) -> Result<Self> {
        if config.piece == 0 {
            return Err(Error::config("`piece` is at least 1"));
        }
        let host = context.host().clone();
        Ok(Pieces { config, host })
    }

    async fn create_source(&mut self) -> Result<PiecesSource> {
        let pieces = self.config.stream.as_bytes().chunks(self.config.piece);
        Ok(PiecesSource {
            pieces: pieces.map(<[u8]>::to_vec).collect(),
            messages: self.config.messages.clone(),
            host: self.host.clone(),
            is_open: true,
        })
    }
}

/// The running source.
pub struct PiecesSource {
    pieces: VecDeque<Vec<u8>>,
    messages: Vec<String>,
    host: Host,
    is_open: bool,
}

/// The stream that is handed over in pieces.
const STREAM: u64 = 7;

impl Source for PiecesSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let ingest_ns = self.host.now_ns();
        if let Some(piece) = self.pieces.pop_front() {
            out.push_buffer(Buffer::from_vec(piece), |bytes, sink| {
                let mut event = Event::new(Value::bytes(bytes));
                (event.id.stream, event.ingest_ns) = (STREAM, ingest_ns);
                sink.push(event);
            });
            return Ok(Pull::Ready);
        }
        if std::mem::replace(&mut self.is_open, false) {
            out.end_stream(0, STREAM);
            return Ok(Pull::Ready);
        }
        let messages = std::mem::take(&mut self.messages);
        if !messages.is_empty() {
            let ends: Vec<usize> = messages.iter().map(String::len).collect();
            let buffer = Buffer::from_vec(messages.concat().into_bytes());
            out.push_buffer_split(buffer, |bytes, arena, sink| {
                let mut start = 0;
                for (at, len) in ends.into_iter().enumerate() {
                    let mut event = Event::new(Value::bytes(&bytes[start..start + len]));
                    start += len;
                    event.meta = arena.object(&[Field::new("message", Value::from(at))]);
                    event.id.stream = ANONYMOUS_STREAM;
                    event.ingest_ns = ingest_ns;
                    sink.push(event);
                }
            });
        }
        Ok(Pull::End)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        for range in fates {
            log::debug!(target: "golden", "{range:?}");
        }
        Ok(())
    }

    async fn on_undecodable(&mut self, lane: u32, pull: u64, reason: &str) -> Result<()> {
        let message = format!("pull {pull} of lane {lane} cannot be decoded: {reason}");
        self.host.log(log::Level::Warn, &message);
        Ok(())
    }
}

register!(connector Pieces);

/// What `golden_wire` is told.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct WireConfig {
    /// Where to connect to.
    address: String,
}

/// A sink that writes to a connection, and settles later, on a task beside it.
pub struct Wire {
    config: WireConfig,
    context: Context,
    connection: Option<Box<dyn Connection>>,
}

impl Connector for Wire {
    type Config = WireConfig;
    type Source = NoSource;
    type Sink = WireSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "golden_wire",
        summary: "Writes bytes to a connection, and settles later.",
        example: r#"{"address": "127.0.0.1:9"}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::Late,
        }),
    };

    fn new(config: WireConfig, context: Context) -> Result<Self> {
        Ok(Wire {
            config,
            context,
            connection: None,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        let connection = self.context.network().connect(&self.config.address).await;
        self.connection = Some(connection.map_err(|e| Error::disconnected(e.to_string()))?);
        Ok(())
    }

    async fn create_sink(&mut self) -> Result<WireSink> {
        let connection = self.connection.take();
        let connection = connection.ok_or_else(|| Error::disconnected("not connected"))?;
        let host = self.context.host().clone();
        let waiting = Waiting::default();
        let settling = io::spawn(&host, settle(host.clone(), Arc::clone(&waiting)));
        Ok(WireSink {
            connection,
            breaker: Breaker::new(BackoffPolicy::default(), 1),
            host,
            waiting,
            _settling: settling,
        })
    }
}

/// Writes whose fates are still to be told.
type Waiting = Arc<Mutex<VecDeque<Fates>>>;

/// Tells fates until the sink has gone.
async fn settle(host: Host, waiting: Waiting) {
    while Arc::strong_count(&waiting) > 1 && !host.is_stopping() {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        match next {
            Some(fates) => fates.acked(),
            None => io::sleep(&host, Duration::from_millis(1)).await,
        }
    }
}

/// The running sink.
pub struct WireSink {
    connection: Box<dyn Connection>,
    breaker: Breaker,
    host: Host,
    waiting: Waiting,
    _settling: Spawned<()>,
}

impl Sink for WireSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        if !self.breaker.allows(self.host.now_ns()) {
            return Err(Error::disconnected("the breaker is open"));
        }
        let bytes = batch.byte_runs().collect::<Vec<_>>().concat();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let connection = &mut self.connection;
            let wrote = std::future::poll_fn(|cx| Pin::new(&mut *connection).poll_write(cx, rest));
            match wrote.await {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(reason) => {
                    self.breaker.failed(self.host.now_ns());
                    return Err(Error::disconnected(reason.to_string()));
                }
            }
        }
        self.breaker.succeeded();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(fates);
        Ok(())
    }
}

register!(connector Wire);

/// What has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Nothing {}

/// `key=number`, to a record and back.
pub struct Pairs;

impl Codec for Pairs {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden-pairs",
        summary: "Reads and writes `key=number`.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Pairs)
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let text = std::str::from_utf8(frame).map_err(|e| Error::rejected(e.to_string()))?;
        if text.is_empty() {
            return Ok(None);
        }
        let (key, number) = text
            .split_once('=')
            .ok_or_else(|| Error::rejected("it has no `=`"))?;
        let number: i64 = number
            .parse()
            .map_err(|_| Error::rejected("it is no number"))?;
        Ok(Some(arena.object(&[Field::new(key, Value::from(number))])))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        let record = value
            .as_object()
            .ok_or_else(|| Error::rejected("it is no record"))?;
        for (key, value) in record.iter() {
            out.extend_from_slice(key.as_bytes());
            out.push(b'=');
            value.write_json(out);
        }
        Ok(())
    }
}

register!(codec Pairs);

/// Cuts at semicolons.
pub struct Semicolons {
    held: Vec<u8>,
}

impl Preprocessor for Semicolons {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden-semicolons",
        summary: "Cuts at semicolons.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Semicolons { held: Vec::new() })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let mut rest = piece;
        while let Some(at) = rest.iter().position(|byte| *byte == b';') {
            let frame = &rest[..at];
            rest = &rest[at + 1..];
            if self.held.is_empty() && frame.is_empty() {
                out.failed(&Error::rejected("an empty frame"));
            } else if self.held.is_empty() {
                out.part(frame);
            } else {
                self.held.extend_from_slice(frame);
                out.made(&self.held);
                self.held.clear();
            }
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn held(&self) -> usize {
        self.held.len()
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        if !self.held.is_empty() {
            out.made(&self.held);
            self.held.clear();
        }
        Ok(())
    }
}

register!(preprocessor Semicolons);

/// Puts a line end behind each event.
pub struct Lines {
    ends: Vec<usize>,
    has_time: bool,
    kept: Vec<u8>,
}

impl Postprocessor for Lines {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden-lines",
        summary: "Puts a line end behind each event.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Lines {
            ends: Vec::new(),
            has_time: false,
            kept: Vec::new(),
        })
    }

    fn process(&mut self, bytes: &[u8], _out: &mut Vec<u8>) -> Result<()> {
        self.kept.extend_from_slice(bytes);
        self.kept
            .extend_from_slice(if self.has_time { b" timed\n" } else { b"\n" });
        self.ends.clear();
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.flush(out)
    }

    fn came_in(&mut self, ingest_ns: u64) {
        self.has_time = ingest_ns > 0;
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.ends.clear();
        let mut end = 0;
        for line in self.kept.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            self.ends.push(end);
        }
        out.append(&mut self.kept);
        Ok(())
    }

    fn ends(&self) -> Option<&[usize]> {
        Some(&self.ends)
    }
}

register!(postprocessor Lines);
