//! A connector that talks as a test says, and codecs and processors that know what went before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, Batch, BatchWriter, Buffer, Codec, Connector, ConnectorInfo, Context,
    Event, FateRange, Fates, FrameSink, Payload, Postprocessor, Preprocessor, ProcessorInfo, Pull,
    Result, Settles, Sink, SinkInfo, Source, SourceInfo, StreamEnd, Value, register,
};

use crate::connectors::lock;

/// What a source hands over, a pull each.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Bytes of a stream, perhaps with its end behind them.
    Bytes(u64, &'static str, Option<StreamEnd>),
    /// Messages that are each a stream of their own.
    Messages(&'static [&'static str]),
    /// The end of a stream alone.
    End(u64, StreamEnd),
}

/// What a test and its connector share.
#[derive(Default)]
pub(crate) struct Talk {
    pub(crate) steps: Mutex<Vec<Step>>,
    pub(crate) fates: Mutex<Vec<FateRange>>,
    /// What came for each stream; `|` stands for the marker of its end.
    pub(crate) replies: Mutex<HashMap<u64, String>>,
}

pub(crate) fn talk(name: &str) -> Arc<Talk> {
    static TALKS: Mutex<Option<HashMap<String, Arc<Talk>>>> = Mutex::new(None);
    let mut talks = lock(&TALKS);
    let talks = talks.get_or_insert_default();
    Arc::clone(talks.entry(name.to_owned()).or_default())
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct TalkConfig {
    name: String,
}

pub(crate) struct Talker(Arc<Talk>);

impl Connector for Talker {
    type Config = TalkConfig;
    type Source = TalkSource;
    type Sink = TalkSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "t_talk",
        summary: "A test connector.",
        example: r#"{"name": "x"}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: true,
            lanes: false,
        }),
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::OnReturn,
        }),
    };

    fn new(config: TalkConfig, _context: Context) -> Result<Self> {
        Ok(Talker(talk(&config.name)))
    }

    async fn create_source(&mut self) -> Result<TalkSource> {
        let mut steps = lock(&self.0.steps).clone();
        steps.reverse();
        Ok(TalkSource(Arc::clone(&self.0), steps))
    }

    async fn create_sink(&mut self) -> Result<TalkSink> {
        Ok(TalkSink(Arc::clone(&self.0)))
    }
}

register!(connector Talker);

/// A message that has no bytes, as a tombstone in a log has none.
pub(crate) const NOTHING: &str = "<nothing>";

pub(crate) struct TalkSource(Arc<Talk>, Vec<Step>);

fn push(out: &mut BatchWriter, stream: u64, text: &str) {
    let buffer = Buffer::from_vec(text.as_bytes().to_vec());
    out.push_buffer(buffer, |bytes, sink| {
        let data = match text {
            NOTHING => Value::NULL,
            _ => Value::bytes(bytes),
        };
        let mut event = Event::new(data);
        event.id.stream = stream;
        sink.push(event);
    });
}

fn end(out: &mut BatchWriter, stream: u64, end: StreamEnd) {
    match end {
        StreamEnd::Ended => out.end_stream(0, stream),
        StreamEnd::Failed => out.fail_stream(0, stream),
    }
}

impl Source for TalkSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        match self.1.pop() {
            None => return Ok(Pull::End),
            Some(Step::Bytes(stream, text, ends)) => {
                push(out, stream, text);
                ends.into_iter().for_each(|ends| end(out, stream, ends));
            }
            Some(Step::Messages(messages)) => {
                messages.iter().for_each(|m| push(out, ANONYMOUS_STREAM, m));
            }
            Some(Step::End(stream, ends)) => end(out, stream, ends),
        }
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        lock(&self.0.fates).extend_from_slice(fates);
        Ok(())
    }
}

pub(crate) struct TalkSink(Arc<Talk>);

impl Sink for TalkSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        let mut replies = lock(&self.0.replies);
        for event in batch.events() {
            let text = replies.entry(event.id.stream).or_default();
            match event.stream_end() {
                Some(_) => text.push('|'),
                None => {
                    let bytes = event.data.as_bytes().unwrap_or_default();
                    text.push_str(&String::from_utf8_lossy(bytes));
                }
            }
        }
        Ok(())
    }
}

/// How many counting codecs and processors there are, by name.
pub(crate) fn alive(name: &str) -> Arc<AtomicI64> {
    static ALIVE: Mutex<Option<HashMap<String, Arc<AtomicI64>>>> = Mutex::new(None);
    let mut alive = lock(&ALIVE);
    let alive = alive.get_or_insert_default();
    Arc::clone(alive.entry(name.to_owned()).or_default())
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
#[derive(Default)]
pub(crate) struct CountConfig {
    name: String,
}

/// Knows how many went before, and how many of its kind there are.
pub(crate) struct Count {
    before: u64,
    alive: Arc<AtomicI64>,
}

impl Count {
    fn new(config: &CountConfig) -> Self {
        let alive = alive(&config.name);
        alive.fetch_add(1, Ordering::SeqCst);
        Count { before: 0, alive }
    }

    fn next(&mut self) -> u64 {
        self.before += 1;
        self.before
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

const fn info(name: &'static str) -> ProcessorInfo {
    ProcessorInfo {
        name,
        summary: "A test codec or processor.",
        example: "{}",
    }
}

/// Puts a number before every text, in both directions. Where it claims to be stateless, the number shows how long it
/// was kept.
pub(crate) struct CountCodec<const CLAIMS: bool>(Count);

impl<const CLAIMS: bool> Codec for CountCodec<CLAIMS> {
    type Config = CountConfig;
    const INFO: ProcessorInfo = info(if CLAIMS { "t_claims" } else { "t_count" });
    const IS_STATELESS: bool = CLAIMS;

    fn new(config: CountConfig) -> Result<Self> {
        Ok(CountCodec(Count::new(&config)))
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        assert!(frame != b"!", "a test's frame");
        let text = format!("{}{}", self.0.next(), String::from_utf8_lossy(frame));
        Ok(Some(Value::from(arena.str(&text))))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        let text = format!("{}:{} ", self.0.next(), value.as_str().unwrap_or_default());
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

register!(codec CountCodec<false>);
register!(codec CountCodec<true>);

/// Hands over two bytes a frame, and keeps the rest.
pub(crate) struct Pairs(
    Vec<u8>,
    #[expect(dead_code, reason = "counts how many there are")] Count,
);

impl Preprocessor for Pairs {
    type Config = CountConfig;
    const INFO: ProcessorInfo = info("t_pairs");

    fn new(config: CountConfig) -> Result<Self> {
        Ok(Pairs(Vec::new(), Count::new(&config)))
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.0.extend_from_slice(piece);
        while self.0.len() >= 2 {
            let pair: Vec<u8> = self.0.drain(..2).collect();
            out.made(&pair);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.0.len()
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        if !self.0.is_empty() {
            out.made(&std::mem::take(&mut self.0));
        }
        Ok(())
    }
}

register!(preprocessor Pairs);

/// Passes bytes on, and says at the end how many there were.
pub(crate) struct Sum(usize);

impl Postprocessor for Sum {
    type Config = CountConfig;
    const INFO: ProcessorInfo = info("t_sum");

    fn new(_config: CountConfig) -> Result<Self> {
        Ok(Sum(0))
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0 += 1;
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(format!("={}", self.0).as_bytes());
        Ok(())
    }
}

register!(postprocessor Sum);
