//! Connectors whose every step a test sees and steers, through a probe that both know by name.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Buffer, CellKind, Connector, ConnectorInfo, Context, Error, Event,
    FateRange, Fates, Field, NoSink, NoSource, Payload, Pull, Result, Settles, Sink, SinkInfo,
    Source, SourceInfo, Value, io, log, register,
};

/// What a test and its connectors share.
#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) pulls: AtomicU64,
    pub(crate) fates: Mutex<Vec<FateRange>>,
    /// What a source of bytes hands over, a piece a pull.
    pub(crate) pieces: Mutex<VecDeque<Vec<u8>>>,
    /// What a sink took, in the order of taking.
    pub(crate) taken: Mutex<Vec<(Vec<i64>, Fates)>>,
    pub(crate) life: Mutex<Vec<String>>,
    pub(crate) open: AtomicBool,
    /// How many connectors, sources and sinks there are.
    pub(crate) alive: AtomicU64,
}

impl Probe {
    pub(crate) fn fates(&self) -> Vec<FateRange> {
        lock(&self.fates).clone()
    }

    /// What a sink took, in the order of taking.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        let taken = lock(&self.taken);
        taken
            .iter()
            .flat_map(|(numbers, _)| numbers.clone())
            .collect()
    }

    pub(crate) fn life(&self) -> Vec<String> {
        lock(&self.life).clone()
    }

    pub(crate) fn feed(&self, pieces: &[&[u8]]) {
        lock(&self.pieces).extend(pieces.iter().map(|piece| piece.to_vec()));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The probe of a name.
pub(crate) fn probe(name: &str) -> Arc<Probe> {
    static PROBES: Mutex<Option<HashMap<String, Arc<Probe>>>> = Mutex::new(None);
    let mut probes = lock(&PROBES);
    let probes = probes.get_or_insert_default();
    Arc::clone(probes.entry(name.to_owned()).or_default())
}

/// Counts what is alive.
struct Alive(Arc<Probe>);

impl Alive {
    fn new(probe: &Arc<Probe>) -> Self {
        probe.alive.fetch_add(1, Ordering::SeqCst);
        Alive(Arc::clone(probe))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a test connector is to do.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
#[derive(Default)]
pub(crate) struct Config {
    probe: String,
    /// A source: the sizes of its pulls, of events `{"n": 0, 1 …}`.
    pulls: Vec<u64>,
    /// A source: what comes after that: `end`, `wait` or `fail`; `block` blocks the thread for a while, then ends.
    then: String,
    /// A sink: refuses a batch with such a number.
    refuse: Vec<i64>,
    /// A sink: stops at such a number.
    stop_at: Option<i64>,
    /// Anywhere: panics there.
    panic_in: String,
    /// Anywhere: never comes back there.
    hang_in: String,
    /// Anywhere: an error there.
    fail_in: String,
}

impl Config {
    fn step(&self, place: &str) -> Result<()> {
        assert!(self.panic_in != place, "told to panic in {place}");
        match self.fail_in == place {
            true => Err(Error::failed(format!("told to fail in {place}"))),
            false => Ok(()),
        }
    }

    /// Told to be a `gate`: the outside is there while the probe is open.
    fn gate(&self) -> Result<()> {
        let is_open = || probe(&self.probe).open.load(Ordering::SeqCst);
        match self.then == "gate" && !is_open() {
            true => Err(Error::disconnected("the gate is shut")),
            false => Ok(()),
        }
    }

    async fn slow_step(&self, place: &str) -> Result<()> {
        lock(&probe(&self.probe).life).push(place.to_owned());
        if self.hang_in == place {
            pending::<()>().await;
        }
        self.step(place)
    }
}

/// Panics in its drop if told to.
struct Bomb(Config);

impl Drop for Bomb {
    fn drop(&mut self) {
        let armed = self.0.panic_in == "drop" && !std::thread::panicking();
        assert!(!armed, "told to panic in drop");
    }
}

/// Makes a connector type whose life goes through its probe.
macro_rules! connector {
    ($connector:ident, $source:ty, $sink:ty, $info:expr, $create:ident -> $made:ty, $make:expr) => {
        pub(crate) struct $connector {
            config: Config,
            context: Context,
            _alive: Alive,
        }

        impl Connector for $connector {
            type Config = Config;
            type Source = $source;
            type Sink = $sink;
            const INFO: ConnectorInfo = $info;

            fn new(config: Config, context: Context) -> Result<Self> {
                config.step("new")?;
                let _alive = Alive::new(&probe(&config.probe));
                Ok($connector {
                    config,
                    context,
                    _alive,
                })
            }

            async fn connect(&mut self) -> Result<()> {
                self.config.gate()?;
                self.config.slow_step("connect").await
            }

            async fn $create(&mut self) -> Result<$made> {
                self.config.slow_step("create").await?;
                #[allow(clippy::redundant_closure_call)]
                Ok($make(&self.config, &self.context))
            }

            async fn on_start(&mut self) -> Result<()> {
                self.config.slow_step("start").await
            }

            async fn on_pause(&mut self) -> Result<()> {
                self.config.slow_step("pause").await
            }

            async fn on_resume(&mut self) -> Result<()> {
                self.config.slow_step("resume").await
            }

            async fn on_drain(&mut self) -> Result<()> {
                self.config.slow_step("drain").await
            }

            async fn on_stop(&mut self) -> Result<()> {
                self.config.slow_step("stop").await
            }
        }

        register!(connector $connector);
    };
}

const fn info(
    name: &'static str,
    source: Option<SourceInfo>,
    sink: Option<SinkInfo>,
) -> ConnectorInfo {
    ConnectorInfo {
        name,
        summary: "A test connector.",
        example: "{}",
        source,
        sink,
    }
}

const fn source_info(payload: Payload) -> Option<SourceInfo> {
    Some(SourceInfo {
        payload,
        transactional: true,
        lanes: false,
    })
}

const fn sink_info(settles: Settles) -> Option<SinkInfo> {
    Some(SinkInfo {
        payload: Payload::Values,
        settles,
    })
}

connector!(
    Numbers,
    NumbersSource,
    NoSink,
    info("t_numbers", source_info(Payload::Values), None),
    create_source -> NumbersSource,
    |config: &Config, context: &Context| {
        let probe = probe(&config.probe);
        let _ = context.host().cell("made", CellKind::Counter);
        NumbersSource {
            next: 0,
            sizes: config.pulls.clone().into(),
            config: config.clone(),
            context: context.clone(),
            _bomb: Bomb(config.clone()),
            _alive: Alive::new(&probe),
            probe,
        }
    }
);

connector!(
    Pieces,
    PiecesSource,
    NoSink,
    info("t_pieces", source_info(Payload::Bytes), None),
    create_source -> PiecesSource,
    |config: &Config, _: &Context| PiecesSource(probe(&config.probe), config.clone())
);

connector!(
    Taker,
    NoSource,
    TakerSink,
    info("t_taker", None, sink_info(Settles::OnReturn)),
    create_sink -> TakerSink,
    |config: &Config, context: &Context| TakerSink {
        config: config.clone(),
        context: context.clone(),
        _bomb: Bomb(config.clone()),
        _alive: Alive::new(&probe(&config.probe)),
    }
);

connector!(
    Late,
    NoSource,
    TakerSink,
    info("t_late", None, sink_info(Settles::Late)),
    create_sink -> TakerSink,
    |config: &Config, context: &Context| TakerSink {
        config: config.clone(),
        context: context.clone(),
        _bomb: Bomb(config.clone()),
        _alive: Alive::new(&probe(&config.probe)),
    }
);

pub(crate) struct NumbersSource {
    next: u64,
    sizes: VecDeque<u64>,
    config: Config,
    context: Context,
    probe: Arc<Probe>,
    _bomb: Bomb,
    _alive: Alive,
}

impl Source for NumbersSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        self.probe.pulls.fetch_add(1, Ordering::SeqCst);
        let Some(size) = self.sizes.pop_front() else {
            return self.after(out).await;
        };
        let host = self.context.host();
        host.cell("made", CellKind::Counter).add(size);
        for n in self.next..self.next + size {
            out.push(|arena| Event::new(arena.object(&[Field::new("n", Value::from(n))])));
        }
        self.next += size;
        host.log(log::Level::Debug, &format!("made {size}"));
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        lock(&self.probe.fates).extend_from_slice(fates);
        self.config.step("fates")
    }
}

impl NumbersSource {
    async fn after(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        self.config.step("pull")?;
        match self.config.then.as_str() {
            "wait" => {
                let _: Option<()> = out.wait(pending()).await;
                Ok(Pull::Idle)
            }
            "spin" => Ok(Pull::Ready),
            "fail" => Err(Error::failed("told to fail")),
            "block" => {
                std::thread::sleep(Duration::from_millis(600));
                Ok(Pull::End)
            }
            "until_open" => {
                while !self.probe.open.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok(Pull::End)
            }
            "waker" => {
                let host = self.context.host().clone();
                let slept = out.wait(io::sleep(&host, Duration::from_millis(1))).await;
                Ok(slept.map_or(Pull::Idle, |()| Pull::End))
            }
            "host_callback" => {
                let host = self.context.host().clone();
                io::blocking(&host, || panic!("told to panic in a host callback")).await?;
                Ok(Pull::End)
            }
            _ => Ok(Pull::End),
        }
    }
}

/// Hands over what the probe has; ends when the probe is open and empty.
pub(crate) struct PiecesSource(Arc<Probe>, Config);

impl Source for PiecesSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        self.0.pulls.fetch_add(1, Ordering::SeqCst);
        let piece = lock(&self.0.pieces).pop_front();
        if let Some(piece) = piece {
            out.push_bytes(Buffer::from_vec(piece), 1);
            return Ok(Pull::Ready);
        }
        if self.1.then == "wait" {
            let _: Option<()> = out.wait(pending()).await;
            return Ok(Pull::Idle);
        }
        if self.1.then == "gate" {
            self.0.open.store(false, Ordering::SeqCst);
            return self.1.gate().map(|()| Pull::End);
        }
        Ok(Pull::End)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        lock(&self.0.fates).extend_from_slice(fates);
        Ok(())
    }
}

pub(crate) struct TakerSink {
    config: Config,
    context: Context,
    _bomb: Bomb,
    _alive: Alive,
}

impl Sink for TakerSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        let number = |event: &Event<'_>| event.data.get("n").and_then(Value::as_i64);
        let numbers: Vec<i64> = batch.events().iter().filter_map(number).collect();
        self.config.step("write")?;
        self.config.gate()?;
        if self.config.hang_in == "write" {
            pending::<()>().await;
        }
        self.context
            .host()
            .cell("written", CellKind::Counter)
            .add(batch.len() as u64);
        if numbers.iter().any(|n| self.config.refuse.contains(n)) {
            return Err(Error::rejected(format!("refused {numbers:?}")));
        }
        if let Some(n) = self.config.stop_at
            && numbers.contains(&n)
        {
            return Err(Error::failed(format!("stopped at {n}")));
        }
        if self.config.then == "let_go" {
            drop(fates);
            return Ok(());
        }
        lock(&probe(&self.config.probe).taken).push((numbers, fates));
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.config.slow_step("flush").await
    }
}
