//! `stdio`: a source that reads standard input, and a sink that writes standard output.

use std::os::fd::{AsFd, BorrowedFd};

use temblor_pdk::io::Stream;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, Fates, Host, Payload, Pull,
    Result, Settles, Sink, SinkInfo, Source, SourceInfo, register,
};

/// `stdio` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// The connector.
pub struct Stdio {
    host: Host,
}

impl Connector for Stdio {
    type Config = Config;
    type Source = StdinSource;
    type Sink = StdoutSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "stdio",
        summary: "Reads standard input to its end, and writes standard output.",
        example: "{}",
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: false,
            lanes: false,
        }),
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::OnReturn,
        }),
    };

    fn new(_config: Config, context: Context) -> Result<Self> {
        Ok(Stdio {
            host: context.host().clone(),
        })
    }

    async fn create_source(&mut self) -> Result<StdinSource> {
        Ok(StdinSource {
            host: self.host.clone(),
            stream: stream("standard input", std::io::stdin().as_fd())?,
        })
    }

    async fn create_sink(&mut self) -> Result<StdoutSink> {
        Ok(StdoutSink {
            host: self.host.clone(),
            stream: stream("standard output", std::io::stdout().as_fd())?,
        })
    }
}

/// A descriptor of our own on the same file: the buffers of the standard library are not used, and closing ours
/// leaves the process's open.
fn stream(name: &str, fd: BorrowedFd<'_>) -> Result<Stream> {
    let own = fd.try_clone_to_owned();
    let own = own.map_err(|reason| Error::failed(format!("cannot open {name}: {reason}")))?;
    Stream::new(name, own)
}

/// Reads standard input as it comes.
pub struct StdinSource {
    host: Host,
    stream: Stream,
}

impl Source for StdinSource {
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

/// Writes every batch to standard output at once.
pub struct StdoutSink {
    host: Host,
    stream: Stream,
}

impl Sink for StdoutSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        self.stream.write(&self.host, &batch).await
    }
}

register!(connector Stdio);
