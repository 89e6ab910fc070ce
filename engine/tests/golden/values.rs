//! A golden plugin: a source and a sink of values, a source with lanes, an operator and functions for scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use temblor_pdk::io::Open;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Batch, BatchWriter, Call, Cell, CellKind, Connector, ConnectorInfo, Context, Error,
    Event, Fate, FateRange, Fates, Feedback, Field, Function, FunctionError, FunctionModule,
    FunctionResult, Lane, LaneStart, NoSink, NoSource, Operator, OperatorSink, OwnedValue, Payload,
    ProcessorInfo, Pull, Result, Settles, Sink, SinkInfo, Source, SourceInfo, Value, io, log,
    register,
};

/// What became of the events of a source.
struct Told {
    acked: Cell,
    failed: Cell,
}

impl Told {
    fn new(context: &Context) -> Self {
        let cell = |name| context.host().cell(name, CellKind::Counter);
        Told {
            acked: cell("acked"),
            failed: cell("failed"),
        }
    }

    /// Counts the fates of pulls of `size` events each.
    fn take(&self, fates: &[FateRange], size: u64) {
        for range in fates {
            let place = |pull: u64, event: u32| pull * size + u64::from(event).min(size - 1);
            let first = place(range.first_pull, range.first_event);
            let last = place(range.last_pull, range.last_event);
            match range.fate {
                Fate::Acked => self.acked.add(last - first + 1),
                Fate::Failed => self.failed.add(last - first + 1),
            }
        }
    }

    fn all(&self) -> u64 {
        self.acked.get() + self.failed.get()
    }
}

/// What `golden_values` is told.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct ValuesConfig {
    /// So many pulls of ten events each.
    pulls: u64,
}

/// The source of values.
pub struct Values {
    config: ValuesConfig,
    context: Context,
    told: Arc<Told>,
}

impl Connector for Values {
    type Config = ValuesConfig;
    type Source = ValuesSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "golden_values",
        summary: "Makes values of every kind in its own memory.",
        example: r#"{"pulls": 3}"#,
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: true,
            lanes: false,
        }),
        sink: None,
    };

    fn new(config: ValuesConfig, context: Context) -> Result<Self> {
        let told = Arc::new(Told::new(&context));
        Ok(Values {
            config,
            context,
            told,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        let host = self.context.host();
        let answer = io::blocking(host, || 6 * 7).await?;
        let before = host.now_ns();
        io::sleep(host, Duration::from_millis(1)).await;
        let has_slept = host.now_ns() > before;
        host.log(
            log::Level::Info,
            &format!(
                "connected, {answer}, slept: {has_slept}, more: {}",
                host.offers("golden", 1)
            ),
        );
        Ok(())
    }

    async fn create_source(&mut self) -> Result<ValuesSource> {
        Ok(ValuesSource {
            pulls: self.config.pulls,
            pulled: 0,
            told: Arc::clone(&self.told),
        })
    }

    async fn on_stop(&mut self) -> Result<()> {
        let (acked, failed) = (self.told.acked.get(), self.told.failed.get());
        self.context
            .host()
            .log(log::Level::Info, &format!("{acked} acked, {failed} failed"));
        Ok(())
    }
}

/// The running source.
pub struct ValuesSource {
    pulls: u64,
    pulled: u64,
    told: Arc<Told>,
}

/// Events of a pull.
const SIZE: u64 = 10;

/// A record with a value of each kind; `wide` has enough fields for an index.
fn record<'a>(arena: &'a Arena, id: u64) -> Value<'a> {
    let wide: Vec<Field<'a>> = (0..40_u64)
        .map(|at| Field::new(arena.str(&format!("field_{at}")), Value::from(at * id)))
        .collect();
    arena.object(&[
        Field::new("id", id.into()),
        Field::new("text", arena.str(&format!("event {id}: \u{e4}")).into()),
        Field::new("float", 0.5.into()),
        Field::new("large", u64::MAX.into()),
        Field::new("none", Value::NULL),
        Field::new("yes", true.into()),
        Field::new("list", arena.array(&[Value::from(id), Value::NULL])),
        Field::new("wide", arena.object(&wide)),
    ])
}

impl Source for ValuesSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        if self.pulled == self.pulls {
            return Ok(Pull::End);
        }
        for at in 0..SIZE {
            let id = self.pulled * SIZE + at;
            out.push(|arena| {
                let mut event = Event::new(record(arena, id));
                event.meta = arena.object(&[Field::new("from", arena.str("golden").into())]);
                event
            });
        }
        self.pulled += 1;
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        self.told.take(fates, SIZE);
        Ok(())
    }
}

register!(connector Values);

/// What `golden_lanes` is told.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct LanesConfig {
    /// The position that is known outside.
    committed: u64,
}

/// A source that begins a lane, hands three events over, and lets the lane go.
pub struct Lanes {
    config: LanesConfig,
    context: Context,
}

impl Connector for Lanes {
    type Config = LanesConfig;
    type Source = LanesSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "golden_lanes",
        summary: "Tells of a lane and of its position in it.",
        example: r#"{"committed": 40}"#,
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: true,
            lanes: true,
        }),
        sink: None,
    };

    fn new(config: LanesConfig, context: Context) -> Result<Self> {
        Ok(Lanes { config, context })
    }

    async fn create_source(&mut self) -> Result<LanesSource> {
        Ok(LanesSource {
            committed: self.config.committed,
            told: Told::new(&self.context),
            context: self.context.clone(),
            at: Stage::New,
        })
    }
}

/// How far the lane is.
enum Stage {
    New,
    Begun,
    Owned(u64),
    Pulled,
    Ending,
    Gone,
}

/// The lane that there is.
const LANE: Lane = 3;

/// The running source.
pub struct LanesSource {
    committed: u64,
    told: Told,
    context: Context,
    at: Stage,
}

impl LanesSource {
    fn say(&self, message: &str) {
        self.context.host().log(log::Level::Info, message);
    }
}

impl Source for LanesSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let host = self.context.host().clone();
        match self.at {
            Stage::New => {
                out.begin_lane(LANE, "golden/3", Some(self.committed));
                self.at = Stage::Begun;
            }
            Stage::Owned(start) => {
                for at in 0..3 {
                    out.push(|_| {
                        let mut event = Event::new(Value::from(start + at));
                        event.id.lane = LANE;
                        event
                    });
                }
                out.position(start + 3);
                self.at = Stage::Pulled;
            }
            Stage::Pulled if self.told.all() == 3 => {
                out.end_lane(LANE, host.now_ns() + 10_000_000_000);
                self.at = Stage::Ending;
            }
            Stage::Begun | Stage::Pulled | Stage::Ending => {
                let pause = io::sleep(&host, Duration::from_millis(1));
                if out.wait(pause).await.is_none() {
                    return Ok(Pull::Idle);
                }
            }
            Stage::Gone => return Ok(Pull::End),
        }
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        for range in fates {
            self.say(&format!("fates of lane {}", range.lane));
            let count = u64::from(range.last_event.min(2) - range.first_event + 1);
            match range.fate {
                Fate::Acked => self.told.acked.add(count),
                Fate::Failed => self.told.failed.add(count),
            }
        }
        Ok(())
    }

    async fn on_assigned(&mut self, start: LaneStart) -> Result<()> {
        let (lane, position) = (start.lane, start.position);
        self.say(&format!(
            "lane {lane} from {position:?}, kept: {}",
            start.is_kept
        ));
        self.at = Stage::Owned(start.position.unwrap_or(self.committed));
        Ok(())
    }

    async fn on_stored(&mut self, lane: Lane, position: u64) -> Result<()> {
        self.say(&format!("lane {lane} stored up to {position}"));
        Ok(())
    }

    async fn on_revoke(&mut self, lane: Lane, deadline_ns: u64) -> Result<()> {
        let in_time = self.context.host().now_ns() < deadline_ns;
        self.say(&format!("lane {lane} revoked, in time: {in_time}"));
        self.at = Stage::Gone;
        Ok(())
    }

    async fn on_lost(&mut self, lane: Lane) -> Result<()> {
        self.say(&format!("lane {lane} lost"));
        self.at = Stage::Gone;
        Ok(())
    }
}

register!(connector Lanes);

/// What `golden_ledger` is told.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct LedgerConfig {
    /// The file to write to.
    path: String,
    /// The event that is refused, by its `id`.
    refuse: Option<u64>,
}

/// A sink that writes lines and settles later, on a thread of its own.
pub struct Ledger {
    config: LedgerConfig,
    context: Context,
}

impl Connector for Ledger {
    type Config = LedgerConfig;
    type Source = NoSource;
    type Sink = LedgerSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "golden_ledger",
        summary: "Writes values as lines of JSON, and settles later.",
        example: r#"{"path": "ledger.jsonl"}"#,
        source: None,
        sink: Some(SinkInfo {
            payload: Payload::Values,
            settles: Settles::Late,
        }),
    };

    fn new(config: LedgerConfig, context: Context) -> Result<Self> {
        Ok(Ledger { config, context })
    }

    async fn create_sink(&mut self) -> Result<LedgerSink> {
        Ok(LedgerSink {
            config: self.config.clone(),
            context: self.context.clone(),
            written: Arc::default(),
        })
    }
}

/// The running sink.
pub struct LedgerSink {
    config: LedgerConfig,
    context: Context,
    written: Arc<AtomicU64>,
}

impl Sink for LedgerSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        let mut lines = Vec::new();
        let mut refused = None;
        for (at, event) in batch.events().iter().enumerate() {
            let id = event.data.get("id").and_then(Value::as_u64);
            if id.is_some() && id == self.config.refuse {
                refused = Some(at);
                continue;
            }
            event.data.write_json(&mut lines);
            lines.push(b' ');
            event.meta.write_json(&mut lines);
            lines.push(b'\n');
        }
        let (disk, path) = (Arc::clone(self.context.disk()), self.config.path.clone());
        io::blocking(self.context.host(), move || {
            let file = disk.open(path.as_ref(), Open::Append)?;
            let mut rest = &lines[..];
            while !rest.is_empty() {
                rest = rest.get(file.append(rest)?..).unwrap_or_default();
            }
            file.sync()
        })
        .await??;
        let written = Arc::clone(&self.written);
        std::thread::spawn(move || {
            let len = batch.len();
            written.fetch_add(len as u64, Ordering::Relaxed);
            drop(batch);
            match refused {
                Some(at) => {
                    fates.acked_range(at + 1..len);
                    fates.failed_range(at..at + 1, &Error::rejected("it is the one"));
                    fates.acked_range(0..at);
                }
                None => fates.acked(),
            }
        });
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let written = self.written.load(Ordering::Relaxed);
        let host = self.context.host();
        host.log(log::Level::Debug, &format!("{written} written"));
        Ok(())
    }
}

register!(connector Ledger);

/// What `golden::tag` is told.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct TagConfig {
    /// Put beside each event.
    tag: String,
}

/// An operator that keeps one event back, and adds a tag to each.
pub struct Tag {
    tag: String,
    kept: Option<(OwnedValue, OwnedValue)>,
    came: u64,
}

impl Tag {
    fn send<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) {
        if let Some((data, meta)) = self.kept.take() {
            let fields = [
                Field::new("tag", arena.str(&self.tag).into()),
                Field::new("event", arena.value(&data)),
            ];
            let mut event = Event::new(arena.object(&fields));
            event.meta = arena.value(&meta);
            out.send(u32::from(self.came.is_multiple_of(2)), event);
        }
    }
}

impl Operator for Tag {
    type Config = TagConfig;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden::tag",
        summary: "Keeps one event back, and adds a tag to each.",
        example: r#"{"tag": "a"}"#,
    };

    fn new(config: TagConfig) -> Result<Self> {
        Ok(Tag {
            tag: config.tag,
            kept: None,
            came: 0,
        })
    }

    fn outputs(&self) -> Vec<String> {
        vec!["out".to_owned(), "even".to_owned()]
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        self.send(arena, out);
        self.kept = Some((event.data.to_owned_value(), event.meta.to_owned_value()));
        self.came += 1;
        Ok(())
    }

    fn on_tick<'a>(
        &mut self,
        _now_ns: u64,
        _arena: &'a Arena,
        _out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        Ok(())
    }

    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        self.send(arena, out);
        Ok(())
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        log::trace!("{feedback:?}");
    }

    fn wants_feedback(&self) -> bool {
        true
    }

    fn held(&self) -> usize {
        usize::from(self.kept.is_some())
    }
}

register!(operator Tag);

/// `golden`: functions for scripts.
pub struct Functions;

impl FunctionModule for Functions {
    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden",
        summary: "Functions that read, make and refuse values.",
        example: "{}",
    };

    const FUNCTIONS: &'static [Function] = &[
        Function::new("twice", 1, twice),
        Function::new("field", 2, field),
        Function::new("timed", 0, |call| Ok(Value::from(call.ingest_ns > 0))).impure(),
        Function::new("fail", 1, |call| Err(FunctionError::failed(call.str(0)?))),
    ];
}

register!(functions Functions);

fn twice<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let value = call.arg(0).as_i64().ok_or(FunctionError::BadType)?;
    let twice = value.checked_mul(2);
    Ok(Value::from(
        twice.ok_or_else(|| FunctionError::failed("it is too large"))?,
    ))
}

/// A field of a record, found by whatever index the record's maker has built.
fn field<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let record = call.arg(0).as_object().ok_or(FunctionError::BadType)?;
    let found = record.get(call.str(1)?);
    found.ok_or_else(|| FunctionError::failed("there is no such field"))
}
