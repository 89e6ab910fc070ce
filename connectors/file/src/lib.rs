//! `file`: a source that reads a file, also again from where it was, and a sink that writes one.

mod config;
mod hash;
mod input;
mod keeper;
mod output;
mod progress;
mod reader;
mod record;

use std::path::Path;
use std::sync::Arc;

use temblor_pdk::io::{self, Disk, Stream};
use temblor_pdk::{
    Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, FateRange, Fates, Host, Payload,
    Pull, Result, Settles, Sink, SinkInfo, Source, SourceInfo, register,
};

use config::Settings;
pub use config::{Config, Mode, OnFailed};
use input::Input;
use keeper::Keeper;
use output::{Appender, Broken};
use reader::Reader;

/// The connector.
pub struct FileConnector {
    context: Context,
    settings: Arc<Settings>,
    opened: Option<Opened>,
    /// Where the position is kept; none where nobody asked for that.
    keeper: Option<Arc<Keeper>>,
    /// Why nothing can be written any more.
    broken: Broken,
}

/// What the path led to.
enum Opened {
    /// A pipe, a device, a terminal.
    Stream(Stream),
    /// An ordinary file, to be read.
    Input(Input),
    /// An ordinary file, to be written.
    Output(Arc<Appender>),
}

impl Connector for FileConnector {
    type Config = Config;
    type Source = FileSource;
    type Sink = FileSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "file",
        summary: "Reads a file to its end, or writes one.",
        example: r#"{"path": "events.json", "mode": "read"}"#,
        // Fates are taken in by a source with a position only; to the others they do not matter.
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

    fn new(config: Config, context: Context) -> Result<Self> {
        Ok(FileConnector {
            context,
            settings: Arc::new(config.check()?),
            opened: None,
            keeper: None,
            broken: Broken::default(),
        })
    }

    async fn connect(&mut self) -> Result<()> {
        let first = self.opened.is_none();
        let work = Connecting {
            settings: Arc::clone(&self.settings),
            disk: Arc::clone(self.context.disk()),
            host: self.context.host().clone(),
            keeper: self.keeper.clone(),
            broken: Arc::clone(&self.broken),
            first,
        };
        // Opening a named pipe waits for the other end.
        let connected = io::blocking(self.context.host(), move || work.connect()).await?;
        let (opened, keeper) = connected?;
        self.opened = Some(opened);
        self.keeper = keeper;
        Ok(())
    }

    async fn create_source(&mut self) -> Result<FileSource> {
        if self.settings.mode != Mode::Read {
            return Err(self.wrong_side("written", "no source", "`mode` to \"read\""));
        }
        let host = self.context.host().clone();
        match &self.opened {
            Some(Opened::Stream(stream)) => Ok(FileSource::Stream(host, stream.clone())),
            Some(Opened::Input(input)) => Ok(FileSource::Reader(Reader::new(
                host,
                Arc::clone(self.context.disk()),
                Arc::clone(&self.settings),
                input.clone(),
                self.keeper.clone(),
            ))),
            _ => Err(self.not_open()),
        }
    }

    async fn create_sink(&mut self) -> Result<FileSink> {
        if self.settings.mode == Mode::Read {
            let help = "`mode` to \"write\", \"append\" or \"truncate\"";
            return Err(self.wrong_side("read", "no sink", help));
        }
        let host = self.context.host().clone();
        match &self.opened {
            Some(Opened::Stream(stream)) => Ok(FileSink::Stream(host, stream.clone())),
            Some(Opened::Output(file)) => Ok(FileSink::File(host, Arc::clone(file))),
            _ => Err(self.not_open()),
        }
    }

    async fn on_pause(&mut self) -> Result<()> {
        self.save().await
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.save().await
    }
}

impl FileConnector {
    fn not_open(&self) -> Error {
        Error::failed(format!("{} is not open", self.settings.name))
    }

    fn wrong_side(&self, used: &str, missing: &str, help: &str) -> Error {
        Error::config(format!(
            "{} is {used}, so the connector has {missing}\nhelp: set {help}",
            self.settings.name
        ))
    }

    /// Writes the position that was reached.
    async fn save(&self) -> Result<()> {
        let Some(keeper) = self.keeper.clone() else {
            return Ok(());
        };
        io::blocking(self.context.host(), move || keeper.save()).await?
    }
}

/// Opens what the path leads to, on a thread that may wait.
struct Connecting {
    settings: Arc<Settings>,
    disk: Arc<dyn Disk>,
    host: Host,
    keeper: Option<Arc<Keeper>>,
    broken: Broken,
    /// Whether nothing was written by this connector yet.
    first: bool,
}

impl Connecting {
    fn connect(self) -> Result<(Opened, Option<Arc<Keeper>>)> {
        let Settings { mode, path, .. } = &*self.settings;
        // A file that is not there is made as an ordinary one, or cannot be opened.
        let is_regular = self.disk.info(path).map_or(true, |info| info.is_regular);
        if !is_regular {
            return Ok((Opened::Stream(self.stream(path, *mode)?), None));
        }
        if *mode == Mode::Read {
            let keeper = self.keeper()?;
            let input = Input::open(&self.settings, &*self.disk, &self.host, keeper.as_deref())?;
            return Ok((Opened::Input(input), keeper));
        }
        let file = Appender::open(
            &self.settings,
            &*self.disk,
            &self.host,
            self.first,
            self.broken,
        )?;
        Ok((Opened::Output(Arc::new(file)), None))
    }

    fn stream(&self, path: &Path, mode: Mode) -> Result<Stream> {
        let name = &self.settings.name;
        if self.settings.is_special() {
            return Err(Error::config(format!(
                "{name} is no ordinary file, so it has no places to come back to\nhelp: leave out `position`, \
                 `follow` and `separator`"
            )));
        }
        let mut options = std::fs::OpenOptions::new();
        match mode {
            Mode::Read => options.read(true),
            // What this connector has already written stays when it connects again.
            Mode::Write | Mode::Truncate if self.first => {
                options.write(true).create(true).truncate(true)
            }
            Mode::Append | Mode::Write | Mode::Truncate => options.create(true).append(true),
        };
        let file = options
            .open(path)
            .map_err(|reason| cannot("open", name, &reason))?;
        Stream::new(name.clone(), file)
    }

    fn keeper(&self) -> Result<Option<Arc<Keeper>>> {
        match (&self.keeper, &self.settings.position) {
            (None, Some(path)) => {
                let disk = Arc::clone(&self.disk);
                Ok(Some(Arc::new(Keeper::open(disk, path)?)))
            }
            (keeper, _) => Ok(keeper.clone()),
        }
    }
}

/// The outside does not let the file be used, for now.
fn cannot(what: &str, name: &str, reason: &std::io::Error) -> Error {
    Error::disconnected(format!("cannot {what} {name}: {reason}"))
}

/// Reads the file in large pieces.
pub enum FileSource {
    /// Of what cannot be read twice.
    Stream(Host, Stream),
    /// Of an ordinary file.
    Reader(Reader),
}

impl Source for FileSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let (host, stream) = match self {
            FileSource::Reader(reader) => return reader.pull(out).await,
            FileSource::Stream(host, stream) => (host, stream),
        };
        let Some(piece) = stream.read(host, out).await? else {
            return Ok(Pull::Idle);
        };
        if piece.is_empty() {
            return Ok(Pull::End);
        }
        out.push_bytes(piece, host.now_ns());
        Ok(Pull::Ready)
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        match self {
            FileSource::Reader(reader) => reader.on_fates(fates),
            FileSource::Stream(..) => Ok(()),
        }
    }
}

/// Writes every batch at once, and has it on the disk when the flow has drained.
pub enum FileSink {
    /// To a pipe, a device or a terminal.
    Stream(Host, Stream),
    /// To an ordinary file.
    File(Host, Arc<Appender>),
}

impl Sink for FileSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        match self {
            FileSink::Stream(host, stream) => stream.write(host, &batch).await,
            FileSink::File(_, file) => file.write(&batch),
        }
    }

    async fn flush(&mut self) -> Result<()> {
        match self {
            FileSink::Stream(host, stream) => stream.sync(host).await,
            FileSink::File(host, file) => {
                let file = Arc::clone(file);
                io::blocking(host, move || file.sync()).await?
            }
        }
    }
}

register!(connector FileConnector);
