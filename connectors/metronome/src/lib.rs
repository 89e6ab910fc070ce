//! `metronome`: a source that emits a numbered event at a fixed interval.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    BatchWriter, Connector, ConnectorInfo, Context, Error, Event, Field, Host, NoSink, Payload,
    Pull, Result, Source, SourceInfo, io, register,
};

/// Emits `{"onramp": "metronome", "ingest_ns": …, "id": 0, 1, 2 …}`, the first at once.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// Milliseconds from one event to the next. Events that could not be emitted in time are left out rather than
    /// made up for.
    pub interval_ms: u64,
    /// End after so many events; never by default.
    pub count: Option<u64>,
}

/// The connector.
pub struct Metronome {
    host: Host,
    interval_ns: u64,
    count: Option<u64>,
}

impl Connector for Metronome {
    type Config = Config;
    type Source = MetronomeSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "metronome",
        summary: "Emits a numbered event at a fixed interval.",
        example: r#"{"interval_ms": 1000}"#,
        source: Some(SourceInfo {
            payload: Payload::Values,
            transactional: false,
            lanes: false,
        }),
        sink: None,
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        if config.interval_ms == 0 {
            return Err(Error::config("`interval_ms` is 0: it must be at least 1"));
        }
        Ok(Metronome {
            host: context.host().clone(),
            interval_ns: config.interval_ms.saturating_mul(1_000_000),
            count: config.count,
        })
    }

    async fn create_source(&mut self) -> Result<MetronomeSource> {
        Ok(MetronomeSource {
            host: self.host.clone(),
            interval_ns: self.interval_ns,
            count: self.count,
            emitted: 0,
            next_ns: None,
        })
    }
}

/// The running metronome.
pub struct MetronomeSource {
    host: Host,
    interval_ns: u64,
    count: Option<u64>,
    emitted: u64,
    /// When the next event is due; none before the first.
    next_ns: Option<u64>,
}

impl MetronomeSource {
    /// The first time after now that is a whole number of intervals after `due_ns`.
    fn after(&self, due_ns: u64, now_ns: u64) -> u64 {
        let intervals = now_ns.saturating_sub(due_ns) / self.interval_ns + 1;
        due_ns.saturating_add(intervals.saturating_mul(self.interval_ns))
    }
}

impl Source for MetronomeSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        if self.count == Some(self.emitted) {
            return Ok(Pull::End);
        }
        let due_ns = self.next_ns.unwrap_or_else(|| self.host.now_ns());
        let sleep = io::sleep_until(&self.host, due_ns);
        if self.host.now_ns() < due_ns && out.wait(sleep).await.is_none() {
            return Ok(Pull::Idle);
        }
        let now_ns = self.host.now_ns();
        let id = self.emitted;
        out.push(|arena| {
            let mut event = Event::new(arena.object(&[
                Field::new("onramp", "metronome".into()),
                Field::new("ingest_ns", now_ns.into()),
                Field::new("id", id.into()),
            ]));
            event.ingest_ns = now_ns;
            event
        });
        self.emitted += 1;
        self.next_ns = Some(self.after(due_ns, now_ns));
        match self.count == Some(self.emitted) {
            true => Ok(Pull::End),
            false => Ok(Pull::Ready),
        }
    }
}

register!(connector Metronome);
