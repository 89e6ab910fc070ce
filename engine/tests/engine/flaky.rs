//! Connectors that lose their connection, panic, hang and refuse when the test says so.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, Event, FateRange, Fates, Field,
    NoSource, Payload, Pull, Result, Settles, Sink, SinkInfo, Source, SourceInfo, Value, register,
};

use crate::connectors::lock;

/// What goes wrong at one call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Nothing.
    Well,
    /// The connection is lost.
    Lost,
    /// The events are refused.
    Refuse,
    /// It cannot go on.
    Fail,
    Panic,
    /// The thread is blocked until the world opens, and for 30 s at most.
    Block,
    /// The thread of a source is blocked so once it has waited for an event, or was interrupted.
    BlockLater,
    /// It waits for ever, whatever it is told.
    Hang,
    /// More events than any sound source hands over.
    Flood,
    /// Events of several lanes.
    Lanes,
}

/// What a test and its connectors share.
pub(crate) struct World {
    /// Whether there is nobody to connect to.
    pub(crate) is_down: AtomicBool,
    pub(crate) opened: AtomicBool,
    pub(crate) connects: AtomicU64,
    pub(crate) pulls: AtomicU64,
    pub(crate) life: Mutex<Vec<&'static str>>,
    /// What the next calls of each kind come to; those behind go well.
    pub(crate) acts: Mutex<HashMap<&'static str, VecDeque<Act>>>,
    pub(crate) written: Mutex<Vec<i64>>,
    /// What was written to a sink of bytes, connection by connection.
    pub(crate) sent: Mutex<Vec<String>>,
    /// Writes of a sink that settles late, with the instance that took them.
    pub(crate) kept: Mutex<Vec<(Vec<i64>, Fates)>>,
    pub(crate) fates: Mutex<Vec<FateRange>>,
    feed: (flume::Sender<i64>, flume::Receiver<i64>),
}

impl World {
    pub(crate) fn act(&self, place: &'static str, acts: impl IntoIterator<Item = Act>) {
        lock(&self.acts).entry(place).or_default().extend(acts);
    }

    pub(crate) fn feed(&self, numbers: impl IntoIterator<Item = i64>) {
        numbers
            .into_iter()
            .for_each(|n| self.feed.0.send(n).unwrap());
    }

    pub(crate) fn written(&self) -> Vec<i64> {
        lock(&self.written).clone()
    }

    pub(crate) fn life(&self) -> Vec<&'static str> {
        lock(&self.life).clone()
    }

    fn next(&self, place: &'static str) -> Act {
        let mut acts = lock(&self.acts);
        let act = acts.get_mut(place).and_then(VecDeque::pop_front);
        act.unwrap_or(Act::Well)
    }

    async fn connect(&self) -> Result<()> {
        self.connects.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Error::disconnected("nobody is there"));
        }
        self.step("connect").await.map(drop)
    }

    fn block(&self) {
        for _ in 0..30_000 {
            if self.opened.load(Ordering::SeqCst) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    async fn step(&self, place: &'static str) -> Result<Act> {
        lock(&self.life).push(place);
        match self.next(place) {
            Act::Lost => Err(Error::disconnected(format!("the peer is gone in {place}"))),
            Act::Refuse => Err(Error::rejected(format!("refused in {place}"))),
            Act::Fail => Err(Error::failed(format!("told to fail in {place}"))),
            Act::Panic => panic!("told to panic in {place}"),
            Act::Block => {
                self.block();
                Ok(Act::Well)
            }
            Act::Hang => pending().await,
            act => Ok(act),
        }
    }
}

/// The world of a name.
pub(crate) fn world(name: &str) -> Arc<World> {
    static WORLDS: Mutex<Option<HashMap<String, Arc<World>>>> = Mutex::new(None);
    let mut worlds = lock(&WORLDS);
    let worlds = worlds.get_or_insert_default();
    let make = || World {
        is_down: AtomicBool::new(false),
        opened: AtomicBool::new(false),
        connects: AtomicU64::new(0),
        pulls: AtomicU64::new(0),
        life: Mutex::default(),
        acts: Mutex::default(),
        written: Mutex::default(),
        sent: Mutex::default(),
        kept: Mutex::default(),
        fates: Mutex::default(),
        feed: flume::unbounded(),
    };
    let world = worlds
        .entry(name.to_owned())
        .or_insert_with(|| Arc::new(make()));
    Arc::clone(world)
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    world: String,
}

fn made(config: &Config) -> Arc<World> {
    let world = world(&config.world);
    assert!(world.next("new") != Act::Panic, "told to panic in new");
    world
}

const SOURCE: Option<SourceInfo> = Some(SourceInfo {
    payload: Payload::Values,
    transactional: true,
    lanes: false,
});

const fn info(name: &'static str, source: Option<SourceInfo>, settles: Settles) -> ConnectorInfo {
    ConnectorInfo {
        name,
        summary: "A test connector that breaks.",
        example: r#"{"world": "x"}"#,
        source,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles,
        }),
    }
}

pub(crate) struct Flaky(Arc<World>);

impl Connector for Flaky {
    type Config = Config;
    type Source = FlakySource;
    type Sink = FlakySink;
    const INFO: ConnectorInfo = info("t_flaky", SOURCE, Settles::OnReturn);

    fn new(config: Config, _: Context) -> Result<Self> {
        Ok(Flaky(made(&config)))
    }

    async fn connect(&mut self) -> Result<()> {
        self.0.connect().await
    }

    async fn create_source(&mut self) -> Result<FlakySource> {
        self.0.step("create_source").await?;
        Ok(FlakySource(Arc::clone(&self.0)))
    }

    async fn create_sink(&mut self) -> Result<FlakySink> {
        self.0.step("create_sink").await?;
        Ok(FlakySink(Arc::clone(&self.0), false))
    }

    async fn on_start(&mut self) -> Result<()> {
        self.0.step("start").await.map(drop)
    }

    async fn on_pause(&mut self) -> Result<()> {
        self.0.step("pause").await.map(drop)
    }

    async fn on_resume(&mut self) -> Result<()> {
        self.0.step("resume").await.map(drop)
    }

    async fn on_drain(&mut self) -> Result<()> {
        self.0.step("drain").await.map(drop)
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.0.step("stop").await.map(drop)
    }
}

register!(connector Flaky);

pub(crate) struct FlakyLate(Arc<World>);

impl Connector for FlakyLate {
    type Config = Config;
    type Source = NoSource;
    type Sink = FlakySink;
    const INFO: ConnectorInfo = info("t_flaky_late", None, Settles::Late);

    fn new(config: Config, _: Context) -> Result<Self> {
        Ok(FlakyLate(made(&config)))
    }

    async fn connect(&mut self) -> Result<()> {
        self.0.connect().await
    }

    async fn create_sink(&mut self) -> Result<FlakySink> {
        self.0.step("create_sink").await?;
        Ok(FlakySink(Arc::clone(&self.0), true))
    }

    async fn on_start(&mut self) -> Result<()> {
        self.0.step("start").await.map(drop)
    }

    async fn on_pause(&mut self) -> Result<()> {
        self.0.step("pause").await.map(drop)
    }

    async fn on_resume(&mut self) -> Result<()> {
        self.0.step("resume").await.map(drop)
    }

    async fn on_drain(&mut self) -> Result<()> {
        self.0.step("drain").await.map(drop)
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.0.step("stop").await.map(drop)
    }
}

register!(connector FlakyLate);

pub(crate) struct FlakySource(Arc<World>);

impl Source for FlakySource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let world = &self.0;
        world.pulls.fetch_add(1, Ordering::SeqCst);
        let act = world.step("pull").await?;
        let feed = world.feed.1.clone();
        let fed = out.wait(feed.recv_async()).await;
        if act == Act::BlockLater {
            world.block();
        }
        let Some(Ok(n)) = fed else {
            return Ok(Pull::Idle);
        };
        let count = if act == Act::Flood { 1 << 21 } else { 1 };
        for at in 0..count {
            out.push(|arena| {
                let mut event = Event::new(arena.object(&[Field::new("n", Value::from(n))]));
                event.id.lane = u32::from(act == Act::Lanes && at == 0);
                event
            });
        }
        if act == Act::Lanes {
            out.push(|_| Event::new(Value::NULL));
        }
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        self.0.step("fates").await?;
        lock(&self.0.fates).extend_from_slice(fates);
        Ok(())
    }
}

pub(crate) struct FlakySink(Arc<World>, bool);

impl Sink for FlakySink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        let number = |event: &Event<'_>| event.data.get("n").and_then(Value::as_i64);
        let numbers: Vec<i64> = batch.events().iter().filter_map(number).collect();
        self.0.step("write").await?;
        if self.1 {
            lock(&self.0.kept).push((numbers.clone(), fates));
        }
        lock(&self.0.written).extend(numbers);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.0.step("flush").await.map(drop)
    }
}

pub(crate) struct FlakyBytes(Arc<World>);

impl Connector for FlakyBytes {
    type Config = Config;
    type Source = NoSource;
    type Sink = BytesSink;
    const INFO: ConnectorInfo = ConnectorInfo {
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::OnReturn,
        }),
        ..info("t_flaky_bytes", None, Settles::OnReturn)
    };

    fn new(config: Config, _: Context) -> Result<Self> {
        Ok(FlakyBytes(made(&config)))
    }

    async fn connect(&mut self) -> Result<()> {
        self.0.connect().await
    }

    async fn create_sink(&mut self) -> Result<BytesSink> {
        lock(&self.0.sent).push(String::new());
        Ok(BytesSink(Arc::clone(&self.0)))
    }
}

register!(connector FlakyBytes);

pub(crate) struct BytesSink(Arc<World>);

impl Sink for BytesSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        self.0.step("write").await?;
        let mut sent = lock(&self.0.sent);
        for event in batch.events() {
            let bytes = event.data.as_bytes().unwrap_or_default();
            let here = sent.last_mut().expect("there is a connection");
            here.push_str(&String::from_utf8_lossy(bytes));
        }
        Ok(())
    }
}
