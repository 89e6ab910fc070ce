//! `tcp_client`: makes one connection, reads it and writes to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_rustls::TlsConnector;
use futures_rustls::pki_types::ServerName;
use temblor_pdk::io::{self, Spawned};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Batch, BatchWriter, Connector, ConnectorInfo, Context, Error, Event, Fates, Field, Host,
    Payload, Pull, Result, Settles, Sink, SinkInfo, Source, SourceInfo, StreamEnd, Value, register,
};

use crate::address::Address;
use crate::link::{Content, Link, Piece};
use crate::outbox::{Outbox, Refusal};
use crate::server::{buf_size, handshake_timeout_ms, write_timeout_ms};
use crate::tls::{self, ClientTls, UseTls};
use crate::wire::{Wire, reason_of, within};

/// So many pieces wait for the engine at most, beside the one that was read last.
const PIECES: usize = 4;
/// How long a connection may take to be closed when the flow ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where to connect to, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// Host and port to connect to, such as `example.org:9000`.
    url: String,
    /// Whether to use TLS, or how.
    #[serde(default)]
    tls: Option<UseTls>,
    /// The most bytes that are read at once.
    #[serde(default = "buf_size")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the rest is read later"}))]
    buf_size: usize,
    /// How long connecting may take.
    #[serde(default = "connect_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "connecting has failed"}))]
    connect_timeout_ms: u64,
    /// How long the TLS handshake may take.
    #[serde(default = "handshake_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "connecting has failed"}))]
    handshake_timeout_ms: u64,
    /// How long the server may take nothing of what is sent to it.
    #[serde(default = "write_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is lost, and made anew"}))]
    write_timeout_ms: u64,
}

fn connect_timeout_ms() -> u64 {
    10_000
}

/// The other end of the connection.
struct Remote {
    address: SocketAddr,
    is_tls: bool,
}

/// The connector.
pub struct TcpClient {
    context: Context,
    config: Config,
    address: Address,
    connection: Option<Connected>,
    /// Serves the connection until it ends.
    link: Option<Spawned<()>>,
    is_started: bool,
    has_source: bool,
}

/// What is made anew with every connect.
struct Connected {
    /// Gone once it is served. Nobody else locks it: a lock makes what holds it fit for any thread.
    wire: Mutex<Option<Wire>>,
    remote: Arc<Remote>,
    outbox: Arc<Outbox>,
    pieces: flume::Sender<Piece<Remote>>,
    arriving: flume::Receiver<Piece<Remote>>,
}

impl Connector for TcpClient {
    type Config = Config;
    type Source = TcpClientSource;
    type Sink = TcpClientSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "tcp_client",
        summary: "Makes a TCP connection, reads it and writes to it.",
        example: r#"{"url": "127.0.0.1:9000", "tls": false}"#,
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

    fn new(config: Config, context: Context) -> Result<Self> {
        if config.buf_size == 0 {
            return Err(Error::config(
                "`buf_size` is 0, so nothing could pass\nhelp: leave it out, or give a number above 0",
            ));
        }
        Ok(TcpClient {
            address: Address::parse(&config.url)?,
            context,
            config,
            connection: None,
            link: None,
            is_started: false,
            has_source: false,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        self.end("the connector connects again");
        let tls = self.tls().await?;
        let address = &self.address.text;
        let lost = |reason: String| {
            Error::disconnected(format!("cannot connect to `{address}`: {reason}"))
        };
        let host = self.context.host();
        let limit = self.config.connect_timeout_ms;
        let connecting = self.context.network().connect(address);
        let connection = match within(host, Duration::from_millis(limit), connecting).await {
            Some(Ok(connection)) => connection,
            Some(Err(reason)) => return Err(lost(reason.to_string())),
            None => {
                let reason = format!("no answer within {limit} ms (`connect_timeout_ms`)");
                return Err(lost(reason));
            }
        };
        let peer = connection.peer_addr();
        let peer = peer.map_err(|reason| lost(reason.to_string()))?;
        let remote = Arc::new(Remote {
            address: peer,
            is_tls: tls.is_some(),
        });
        let wire: Wire = match tls {
            None => Box::new(connection),
            Some((connector, name)) => {
                let limit = self.config.handshake_timeout_ms;
                let shaken = connector.connect(name, connection);
                match within(host, Duration::from_millis(limit), shaken).await {
                    Some(Ok(stream)) => Box::new(stream),
                    Some(Err(reason)) => {
                        let reason = reason_of(&reason);
                        return Err(lost(format!("the TLS handshake failed: {reason}")));
                    }
                    None => {
                        return Err(lost(format!(
                            "the TLS handshake was not done within {limit} ms (`handshake_timeout_ms`)"
                        )));
                    }
                }
            }
        };
        let (pieces, arriving) = flume::bounded(PIECES);
        self.connection = Some(Connected {
            wire: Mutex::new(Some(wire)),
            remote,
            outbox: Arc::default(),
            pieces,
            arriving,
        });
        if self.is_started {
            self.serve();
        }
        Ok(())
    }

    async fn create_source(&mut self) -> Result<TcpClientSource> {
        self.has_source = true;
        let address = self.address.text.clone();
        let connected = self.connected()?;
        Ok(TcpClientSource {
            host: self.context.host().clone(),
            arriving: connected.arriving.clone(),
            address,
            lost: None,
        })
    }

    async fn create_sink(&mut self) -> Result<TcpClientSink> {
        let address = self.address.text.clone();
        let outbox = Arc::clone(&self.connected()?.outbox);
        Ok(TcpClientSink { outbox, address })
    }

    async fn on_start(&mut self) -> Result<()> {
        self.is_started = true;
        self.serve();
        Ok(())
    }

    async fn on_stop(&mut self) -> Result<()> {
        if let (Some(connected), Some(link)) = (&self.connection, self.link.take()) {
            connected.outbox.finish("the flow has ended");
            within(self.context.host(), FAREWELL, link).await;
        }
        self.end("the flow has ended");
        Ok(())
    }
}

impl TcpClient {
    async fn tls(&self) -> Result<Option<(TlsConnector, ServerName<'static>)>> {
        let tls = match &self.config.tls {
            None | Some(UseTls::Default(false)) => return Ok(None),
            Some(UseTls::Default(true)) => ClientTls::default(),
            Some(UseTls::With(tls)) => tls.clone(),
        };
        let name = self.address.host.clone();
        let made = io::blocking(self.context.host(), move || tls::connector(&tls, &name));
        Ok(Some(made.await??))
    }

    fn connected(&self) -> Result<&Connected> {
        self.connection
            .as_ref()
            .ok_or_else(|| Error::failed("the connector is not connected"))
    }

    /// Begins to read and to write, once the flow runs.
    fn serve(&mut self) {
        let Some(connected) = &self.connection else {
            return;
        };
        let Some(wire) = crate::lock(&connected.wire).take() else {
            return;
        };
        let outbox = Arc::clone(&connected.outbox);
        let link = Link {
            host: self.context.host().clone(),
            origin: Arc::clone(&connected.remote),
            outbox: Arc::clone(&outbox),
            pieces: self.has_source.then(|| connected.pieces.clone()),
            buf_size: self.config.buf_size,
            idle: Duration::ZERO,
            write_timeout: Duration::from_millis(self.config.write_timeout_ms),
            answers: false,
        };
        self.link = Some(io::spawn(self.context.host(), async move {
            let broken = link.run(wire, std::future::pending()).await;
            outbox.close(broken.as_deref().unwrap_or("the other side closed it"));
        }));
    }

    /// Ends the connection, if there is one.
    fn end(&mut self, reason: &str) {
        self.link = None;
        if let Some(connected) = self.connection.take() {
            connected.outbox.close(reason);
        }
    }
}

/// Hands over what the server sends.
pub struct TcpClientSource {
    host: Host,
    arriving: flume::Receiver<Piece<Remote>>,
    address: String,
    /// Why there is nothing more to come.
    lost: Option<Arc<str>>,
}

impl Source for TcpClientSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let lost = |reason: &str| {
            let address = &self.address;
            Error::disconnected(format!("the connection to `{address}` is lost: {reason}"))
        };
        if let Some(reason) = &self.lost {
            return Err(lost(reason));
        }
        let piece = match out.wait(self.arriving.recv_async()).await {
            None => return Ok(Pull::Idle),
            Some(Ok(piece)) => piece,
            Some(Err(_)) => return Err(lost("the connector has ended it")),
        };
        match piece.content {
            Content::Bytes(bytes) => {
                let now_ns = self.host.now_ns();
                let remote = piece.origin;
                out.push_buffer_with(bytes, |bytes, arena| {
                    let mut event = Event::new(Value::bytes(bytes));
                    event.meta = meta(arena, &remote);
                    event.ingest_ns = now_ns;
                    event
                });
            }
            Content::End(StreamEnd::Ended, _) => {
                out.end_stream(0, 0);
                self.lost = Some("the other side closed it".into());
            }
            Content::End(StreamEnd::Failed, reason) => {
                out.fail_stream(0, 0);
                self.lost = Some(reason.unwrap_or_else(|| "it was closed".into()));
            }
        }
        Ok(Pull::Ready)
    }
}

/// What scripts find in `$tcp_client`.
fn meta<'a>(arena: &'a Arena, remote: &Remote) -> Value<'a> {
    let host = arena.str(&remote.address.ip().to_string());
    let address = arena.object(&[
        Field::new("host", Value::from(host)),
        Field::new("port", Value::from(u64::from(remote.address.port()))),
    ]);
    let client = arena.object(&[
        Field::new("peer", address),
        Field::new("tls", Value::from(remote.is_tls)),
    ]);
    arena.object(&[Field::new("tcp_client", client)])
}

/// Sends events. One counts as delivered when the system has taken it.
pub struct TcpClientSink {
    outbox: Arc<Outbox>,
    address: String,
}

impl Sink for TcpClientSink {
    async fn write(&mut self, batch: Batch, _fates: Fates) -> Result<()> {
        let lost = |reason: &str| {
            let address = &self.address;
            Error::disconnected(format!("the connection to `{address}` is lost: {reason}"))
        };
        for run in batch.byte_runs() {
            let pushed = self.outbox.push(run, usize::MAX);
            pushed.map_err(|refusal| match refusal {
                Refusal::Closed(reason) => lost(&reason),
                Refusal::Full(_) => lost("it takes nothing"),
            })?;
        }
        self.outbox.drained().await.map_err(|reason| lost(&reason))
    }
}

register!(connector TcpClient);
