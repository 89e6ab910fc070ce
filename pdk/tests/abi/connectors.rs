//! The connector that this binary registers: it tells the host's log of everything that it is asked, and does what
//! its configuration says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use temblor_pdk::log::Level;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Buffer, Connector, ConnectorInfo, Context, Error, ErrorKind, Event,
    EventId, FateRange, Fates, Field, Lane, LaneStart, Payload, Pull, Result, Settles, Sink,
    SinkInfo, Source, SourceInfo, Value, io, register,
};

/// What it does.
#[derive(Deserialize, JsonSchema, Default, Clone)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub(crate) struct Config {
    /// Where it panics.
    panic: String,
    /// Whether what it throws panics again when it is dropped.
    bomb: bool,
    /// Where it fails, and with what kind.
    fail: String,
    kind: u32,
    /// What the source does: `values`, `bytes`, `wait`, `end`.
    source: String,
    /// Pulls until it ends.
    pulls: u64,
    /// The host's services that `on_start` uses.
    services: bool,
}

/// Throws when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload panics too");
    }
}

/// What author code does at each place: tells the log, and panics or fails if it should.
#[derive(Clone)]
struct Journal {
    config: Config,
    context: Context,
}

impl Journal {
    fn at(&self, place: &str, what: String) -> Result<()> {
        let host = self.context.host();
        host.log(Level::Info, &format!("{place} {what}"));
        if self.config.panic == place {
            match self.config.bomb {
                true => std::panic::panic_any(Bomb),
                false => panic!("{place} panics"),
            }
        }
        if self.config.fail == place {
            let kind = ErrorKind::from_code(self.config.kind);
            return Err(Error::new(kind, format!("{place} fails")));
        }
        Ok(())
    }
}

/// Tells the log when it is dropped.
struct Guard(Journal, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = self.0.at(self.1, String::new());
        }
    }
}

/// The connector.
pub(crate) struct Probe {
    journal: Journal,
    _guard: Guard,
}

impl Connector for Probe {
    type Config = Config;
    type Source = ProbeSource;
    type Sink = ProbeSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "probe",
        summary: "Does what the test says.",
        example: "{}",
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: true,
            lanes: true,
        }),
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::Late,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        let journal = Journal { config, context };
        journal.at("new", journal.context.alias().to_owned())?;
        let _guard = Guard(journal.clone(), "drop connector");
        Ok(Probe { journal, _guard })
    }

    async fn connect(&mut self) -> Result<()> {
        self.journal.at("connect", String::new())
    }

    async fn create_source(&mut self) -> Result<ProbeSource> {
        self.journal.at("create source", String::new())?;
        let journal = self.journal.clone();
        let _guard = Guard(journal.clone(), "drop source");
        Ok(ProbeSource {
            journal,
            pulls: 0,
            _guard,
        })
    }

    async fn create_sink(&mut self) -> Result<ProbeSink> {
        self.journal.at("create sink", String::new())?;
        let journal = self.journal.clone();
        let _guard = Guard(journal.clone(), "drop sink");
        Ok(ProbeSink { journal, _guard })
    }

    async fn on_start(&mut self) -> Result<()> {
        let host = self.journal.context.host();
        if self.journal.config.services {
            let cell = host.cell("starts", temblor_pdk::CellKind::Counter);
            cell.add(1);
            let now = host.now_ns();
            let stopping = host.is_stopping();
            let blocked = io::blocking(host, || 5).await;
            io::sleep_until(host, 0).await;
            let what = format!("{now} {stopping} {blocked:?}");
            return self.journal.at("start", what);
        }
        self.journal.at("start", String::new())
    }

    async fn on_pause(&mut self) -> Result<()> {
        self.journal.at("pause", String::new())
    }

    async fn on_resume(&mut self) -> Result<()> {
        self.journal.at("resume", String::new())
    }

    async fn on_drain(&mut self) -> Result<()> {
        self.journal.at("drain", String::new())
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.journal.at("stop", String::new())
    }
}

/// The source.
pub(crate) struct ProbeSource {
    journal: Journal,
    pulls: u64,
    _guard: Guard,
}

/// How often a source was polled while it waited, and how often the waker was another.
pub(crate) static WAITS: AtomicU64 = AtomicU64::new(0);
pub(crate) static STRANGE_WAKERS: AtomicU64 = AtomicU64::new(0);

/// Waits for ever, and sees whether the waker stays the same.
async fn wait_for_ever() {
    let mut known: Option<std::task::Waker> = None;
    std::future::poll_fn(|cx| {
        WAITS.fetch_add(1, Ordering::Relaxed);
        match &known {
            Some(known) if known.will_wake(cx.waker()) => {}
            Some(_) => drop(STRANGE_WAKERS.fetch_add(1, Ordering::Relaxed)),
            None => known = Some(cx.waker().clone()),
        }
        std::task::Poll::<()>::Pending
    })
    .await;
}

impl Source for ProbeSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let limits = format!("{} {}", out.room_events(), out.limit_bytes());
        if self.journal.config.source != "wait" {
            self.journal.at("pull", limits)?;
        }
        self.pulls += 1;
        if self.pulls > self.journal.config.pulls && self.journal.config.pulls > 0 {
            return Ok(Pull::End);
        }
        match self.journal.config.source.as_str() {
            "values" => fill_values(out, self.pulls),
            "bytes" => fill_bytes(out),
            "lanes" => tell_of_lanes(out, self.pulls),
            "wait" => {
                if out.wait(wait_for_ever()).await.is_none() {
                    return Ok(Pull::Idle);
                }
            }
            "wake" => {
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    std::task::Poll::Ready(())
                })
                .await;
            }
            _ => return Ok(Pull::Idle),
        }
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        self.journal.at("fates", format!("{fates:?}"))
    }

    async fn on_assigned(&mut self, start: LaneStart) -> Result<()> {
        self.journal.at("assigned", format!("{start:?}"))
    }

    async fn on_revoke(&mut self, lane: Lane, deadline_ns: u64) -> Result<()> {
        self.journal.at("revoke", format!("{lane} {deadline_ns}"))
    }

    async fn on_stored(&mut self, lane: Lane, position: u64) -> Result<()> {
        self.journal.at("stored", format!("{lane} {position}"))
    }

    async fn on_undecodable(&mut self, lane: Lane, pull: u64, reason: &str) -> Result<()> {
        self.journal
            .at("undecodable", format!("{lane} {pull} {reason}"))
    }

    async fn on_lost(&mut self, lane: Lane) -> Result<()> {
        self.journal.at("lost", format!("{lane}"))
    }
}

/// Tells of lanes in every way, then hands over events of one with a position, then what must not be.
fn tell_of_lanes(out: &mut BatchWriter, pull: u64) {
    match pull {
        1 => out.begin_lane(7, "t\u{e4}/7", None),
        2 => out.begin_lane(u32::MAX, "", Some(u64::MAX)),
        3 => out.end_lane(8, 9),
        4 => out.lose_lane(10),
        5 => {
            fill_bytes(out);
            out.position(0);
        }
        6 => {
            fill_bytes(out);
            out.lose_lane(10);
        }
        7 => {
            out.lose_lane(10);
            out.begin_lane(10, "again", None);
        }
        // Nothing to have a position behind.
        _ => out.position(1),
    }
}

fn fill_values(out: &mut BatchWriter, pull: u64) {
    for n in 0..3u64 {
        out.push(|arena| {
            let list = arena.array(&[Value::from(n), Value::from(0.5), Value::NULL]);
            let name = arena.str(&format!("event {n} of {pull}"));
            let fields = [
                Field::new("name", Value::from(name)),
                Field::new("list", list),
            ];
            Event {
                meta: arena.object(&[Field::new("pull", Value::from(pull))]),
                id: EventId {
                    lane: 3,
                    stream: 4,
                    ..EventId::default()
                },
                ingest_ns: n,
                ..Event::new(arena.object(&fields))
            }
        });
    }
}

fn fill_bytes(out: &mut BatchWriter) {
    out.push_buffer(Buffer::from_vec(b"one\ntwo\n".to_vec()), |bytes, sink| {
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            sink.push(Event::new(Value::bytes(line)));
        }
    });
    out.push_bytes(Buffer::from_vec(b"three".to_vec()), 7);
}

/// The sink.
pub(crate) struct ProbeSink {
    journal: Journal,
    _guard: Guard,
}

/// What sinks were told to keep, with the address of each batch's first event.
pub(crate) static KEPT: Mutex<Vec<(Batch, Fates)>> = Mutex::new(Vec::new());

impl Sink for ProbeSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        self.journal.at("write", format!("{batch:?} {fates:?}"))?;
        match self.journal.config.source.as_str() {
            "keep" => {
                let mut kept = KEPT
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                kept.push((batch, fates));
            }
            "split" => {
                fates.acked_range(0..1);
                fates
                    .clone()
                    .failed_range(1..usize::MAX, &Error::rejected("too much"));
                fates.acked_range(5..usize::MAX);
            }
            "fail" => fates.failed(&Error::disconnected("gone")),
            _ => fates.acked(),
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.journal.at("flush", String::new())
    }
}

register!(connector Probe);
