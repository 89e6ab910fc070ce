//! `file`: a source that reads a file, and a sink that writes one.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use temblor_pdk::io::{self, Stream};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, Fates, Host, Payload, Pull,
    Result, Settles, Sink, SinkInfo, Source, SourceInfo, register,
};

/// Reads a file to its end, or writes one.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// What to do with the file.
    pub mode: Mode,
}

/// What to do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub enum Mode {
    /// Read it to its end: the connector is a source.
    Read,
    /// Make it, or replace what is in it; the same as `truncate`, as Tremor has it.
    Write,
    /// Make it, or write behind what is in it.
    Append,
    /// Make it, or replace what is in it.
    Truncate,
}

/// The connector.
pub struct FileConnector {
    context: Context,
    path: PathBuf,
    mode: Mode,
    stream: Option<Stream>,
}

impl Connector for FileConnector {
    type Config = Config;
    type Source = FileSource;
    type Sink = FileSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "file",
        summary: "Reads a file to its end, or writes one.",
        example: r#"{"path": "events.json", "mode": "read"}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: false,
        }),
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::OnReturn,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        Ok(FileConnector {
            context,
            path: config.path,
            mode: config.mode,
            stream: None,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        // What this connector has already written stays when it connects again.
        let mode = match (self.mode, &self.stream) {
            (Mode::Write | Mode::Truncate, Some(_)) => Mode::Append,
            (mode, _) => mode,
        };
        let path = self.path.clone();
        // Opening a named pipe waits for the other end.
        let opened = io::blocking(self.context.host(), move || open(&path, mode)).await?;
        self.stream = Some(opened?);
        Ok(())
    }

    async fn create_source(&mut self) -> Result<FileSource> {
        if self.mode != Mode::Read {
            return Err(self.wrong_side("written", "no source", "`mode` to \"read\""));
        }
        Ok(FileSource {
            host: self.context.host().clone(),
            stream: self.stream()?,
        })
    }

    async fn create_sink(&mut self) -> Result<FileSink> {
        if self.mode == Mode::Read {
            let help = "`mode` to \"write\", \"append\" or \"truncate\"";
            return Err(self.wrong_side("read", "no sink", help));
        }
        Ok(FileSink {
            host: self.context.host().clone(),
            stream: self.stream()?,
        })
    }
}

impl FileConnector {
    fn stream(&self) -> Result<Stream> {
        let stream = self.stream.clone();
        stream.ok_or_else(|| Error::failed(format!("`{}` is not open", self.path.display())))
    }

    fn wrong_side(&self, used: &str, missing: &str, help: &str) -> Error {
        let path = self.path.display();
        Error::config(format!(
            "`{path}` is {used}, so the connector has {missing}\nhelp: set {help}"
        ))
    }
}

fn open(path: &Path, mode: Mode) -> Result<Stream> {
    let name = format!("`{}`", path.display());
    let opened = match mode {
        Mode::Read => File::open(path),
        Mode::Append => OpenOptions::new().create(true).append(true).open(path),
        Mode::Write | Mode::Truncate => File::create(path),
    };
    let file = opened.map_err(|reason| Error::failed(format!("cannot open {name}: {reason}")))?;
    Stream::new(name, file)
}

/// Reads the file in large pieces.
pub struct FileSource {
    host: Host,
    stream: Stream,
}

impl Source for FileSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let Some(piece) = self.stream.read(&self.host, out).await? else {
            return Ok(Pull::Idle);
        };
        if piece.is_empty() {
            return Ok(Pull::End);
        }
        out.push_bytes(piece, self.host.now_ns());
        Ok(Pull::Ready)
    }
}

/// Writes every batch at once, and has it on the disk when the flow has drained.
pub struct FileSink {
    host: Host,
    stream: Stream,
}

impl Sink for FileSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        self.stream.write(&self.host, &batch).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.sync(&self.host).await
    }
}

register!(connector FileConnector);
