//! `blaster`: a source that replays the lines of a file from memory, as fast as possible or at a rate.

mod replay;
mod schedule;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Connector, ConnectorInfo, Context, Error, NoSink, Payload, Result, SourceInfo, io, register,
};

use replay::Replay;
use schedule::{Extent, Schedule};
pub use source::BlasterSource;

/// Replays the lines of a file: give `iterations` or `duration_s`, and `rate_per_s` to send at a rate.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The file to replay. Each line is one event, without its line end; the file is read once, when the connector
    /// connects.
    pub file: PathBuf,
    /// How many times all lines are sent. Either this or `duration_s` is given.
    pub iterations: Option<u64>,
    /// For how many seconds lines are sent, counted from the first pull. Either this or `iterations` is given.
    pub duration_s: Option<f64>,
    /// Events per second. With it the replay is an open loop: event number `i` is due `i / rate_per_s` seconds after
    /// the first, and carries that time as its ingest time however late it is sent. Without it the replay is a
    /// closed loop: the next events are sent as soon as the engine asks for them.
    pub rate_per_s: Option<f64>,
    /// At most this many events are sent at once; the engine's own bound holds as well.
    pub chunk_events: Option<u32>,
    /// In an open loop, the last so many microseconds before an event is due are spent spinning instead of sleeping:
    /// timers wake late.
    #[serde(default = "default_spin_us")]
    pub spin_us: u64,
}

fn default_spin_us() -> u64 {
    50
}

/// The connector.
pub struct Blaster {
    context: Context,
    file: PathBuf,
    schedule: Schedule,
    chunk_events: usize,
    spin_ns: u64,
    replay: Option<Arc<Replay>>,
}

impl Connector for Blaster {
    type Config = Config;
    type Source = BlasterSource;
    type Sink = NoSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "blaster",
        summary: "Replays the lines of a file from memory, as fast as possible or at a rate.",
        example: r#"{"file": "events.json", "iterations": 1}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: false,
            lanes: false,
        }),
        sink: None,
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        let extent = Extent::new(config.iterations, config.duration_s)?;
        if config.chunk_events == Some(0) {
            return Err(Error::config(
                "`chunk_events` is 0: nothing would ever be sent",
            ));
        }
        Ok(Blaster {
            context,
            file: config.file,
            schedule: Schedule::new(extent, config.rate_per_s)?,
            chunk_events: config.chunk_events.map_or(usize::MAX, |n| n as usize),
            spin_ns: config.spin_us.saturating_mul(1000),
            replay: None,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        let path = self.file.clone();
        let content = io::blocking(self.context.host(), move || std::fs::read(path)).await?;
        let content = content.map_err(|reason| {
            Error::failed(format!("cannot read `{}`: {reason}", self.file.display()))
        })?;
        let Some(replay) = Replay::new(&content) else {
            return Err(Error::failed(format!(
                "`{}` is empty: there is nothing to replay",
                self.file.display()
            )));
        };
        self.replay = Some(Arc::new(replay));
        Ok(())
    }

    async fn create_source(&mut self) -> Result<BlasterSource> {
        let Some(replay) = &self.replay else {
            return Err(Error::failed(
                "the file is read when the connector connects, and it is not connected",
            ));
        };
        Ok(BlasterSource::new(
            self.context.host().clone(),
            Arc::clone(replay),
            self.schedule,
            self.chunk_events,
            self.spin_ns,
        ))
    }
}

register!(connector Blaster);
