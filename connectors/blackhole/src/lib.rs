//! `blackhole`: a sink that swallows events and reports their end-to-end latency and the throughput.

mod hgrm;
mod measure;
mod report;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, Connector, ConnectorInfo, Context, Error, Fates, Host, NoSource, Payload, Result,
    Settles, Sink, SinkInfo, io, register,
};

use measure::Measurement;

/// Swallows events and measures them. Latency runs from an event's ingest time to its arrival here.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// Events that arrive within so many seconds of the first one are swallowed and not measured.
    #[serde(default)]
    pub warmup_s: f64,
    /// Where to write the latencies as an HdrHistogram percentile distribution, in nanoseconds; nowhere by default.
    pub hgrm: Option<PathBuf>,
    /// What to report when the flow stops.
    #[serde(default)]
    pub report: Report,
    /// Where to write the report; by default text goes to standard error and JSON to standard output.
    pub report_file: Option<PathBuf>,
}

/// What to report when the flow stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum Report {
    /// Lines to be read.
    #[default]
    Text,
    /// One line of JSON.
    Json,
    /// Nothing.
    None,
}

/// The connector.
pub struct Blackhole {
    context: Context,
    config: Config,
    measurement: Arc<Mutex<Measurement>>,
}

impl Connector for Blackhole {
    type Config = Config;
    type Source = NoSource;
    type Sink = BlackholeSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "blackhole",
        summary: "Swallows events and reports their end-to-end latency and the throughput.",
        example: r#"{"warmup_s": 1, "report": "text"}"#,
        source: None,
        sink: Some(SinkInfo {
            // Bytes, so that the cost of encoding is part of what is measured.
            payload: Payload::Bytes,
            settles: Settles::OnReturn,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        let measurement = Measurement::new(config.warmup_s)?;
        Ok(Blackhole {
            context,
            config,
            measurement: Arc::new(Mutex::new(measurement)),
        })
    }

    /// Opens the files, so that a path that cannot be written to is known before anything runs. What is in them
    /// stays until there is something to replace it.
    async fn connect(&mut self) -> Result<()> {
        let files = [self.config.hgrm.clone(), self.config.report_file.clone()];
        let opened = io::blocking(self.context.host(), move || {
            files
                .iter()
                .flatten()
                .try_for_each(|path| open(path).map(drop))
        });
        opened.await?
    }

    async fn create_sink(&mut self) -> Result<BlackholeSink> {
        Ok(BlackholeSink {
            host: self.context.host().clone(),
            measurement: Arc::clone(&self.measurement),
        })
    }

    async fn on_stop(&mut self) -> Result<()> {
        let mut outputs = Vec::new();
        {
            let measured = lock(&self.measurement);
            let text = match self.config.report {
                Report::Text => Some(report::text(self.context.alias(), &measured)),
                Report::Json => Some(report::json(&measured)),
                Report::None => None,
            };
            outputs.extend(text.map(|text| (self.report_target(), text)));
            if let Some(path) = &self.config.hgrm {
                outputs.push((Target::File(path.clone()), hgrm::text(measured.latencies())));
            }
        }
        let written = io::blocking(self.context.host(), move || {
            let mut outputs = outputs.iter();
            outputs.try_for_each(|(target, text)| target.write(text))
        });
        written.await?
    }
}

impl Blackhole {
    fn report_target(&self) -> Target {
        match (&self.config.report_file, self.config.report) {
            (Some(path), _) => Target::File(path.clone()),
            (None, Report::Json) => Target::Output,
            (None, _) => Target::Error,
        }
    }
}

/// Where a report goes.
enum Target {
    File(PathBuf),
    Output,
    Error,
}

impl Target {
    fn write(&self, text: &str) -> Result<()> {
        let (name, written) = match self {
            Target::File(path) => {
                let file = open(path)?;
                (format!("`{}`", path.display()), replace(&file, text))
            }
            Target::Output => {
                let mut output = std::io::stdout().lock();
                let written = output.write_all(text.as_bytes());
                let written = written.and_then(|()| output.flush());
                ("standard output".to_owned(), written)
            }
            Target::Error => {
                let written = std::io::stderr().lock().write_all(text.as_bytes());
                ("standard error".to_owned(), written)
            }
        };
        written.map_err(|reason| Error::failed(format!("cannot write {name}: {reason}")))
    }
}

fn open(path: &Path) -> Result<File> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    opened.map_err(|reason| Error::failed(format!("cannot open `{}`: {reason}", path.display())))
}

/// Makes `text` the whole content of a file; what is not a file, such as a pipe, just gets it.
fn replace(mut file: &File, text: &str) -> std::io::Result<()> {
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(text.as_bytes())
}

fn lock(measurement: &Mutex<Measurement>) -> MutexGuard<'_, Measurement> {
    // Recording leaves nothing half-done, so a poisoned measurement is still one.
    measurement.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts and times what it is given, then forgets it.
pub struct BlackholeSink {
    host: Host,
    measurement: Arc<Mutex<Measurement>>,
}

impl Sink for BlackholeSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        // The events of a batch arrive together, so the clock is read once.
        let now_ns = self.host.now_ns();
        lock(&self.measurement).record(&batch, now_ns)
    }
}

register!(connector Blackhole);
