//! `tcp_server`: takes connections, each a stream of its own, and sends replies to them.

mod accept;
mod peers;
mod sides;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use event_listener::Event as Notify;
use futures_rustls::TlsAcceptor;
use temblor_pdk::io::{self, Listener, Spawned};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Connector, ConnectorInfo, Context, Error, Host, Payload, Result, Settles, SinkInfo, SourceInfo,
    log, register,
};

use self::peers::{Peer, Peers};
pub use self::sides::{TcpServerSink, TcpServerSource};
use crate::address::Address;
use crate::link::Piece;
use crate::tls::{self, ServerTls};

/// So many pieces wait for the engine at most; every connection has one more.
const PIECES: usize = 64;
/// At most one warning of a kind in this time.
const WARNING_NS: u64 = 1_000_000_000;

/// Where to listen, and what a connection may do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// Host and port to listen at, such as `127.0.0.1:9000`; port 0 lets the system choose.
    url: String,
    /// The certificate and the key; without it connections are in plain text.
    #[serde(default)]
    tls: Option<ServerTls>,
    /// The most bytes that are read at once.
    #[serde(default = "buf_size")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the rest is read later"}))]
    buf_size: usize,
    /// How many connections may wait to be taken.
    #[serde(default = "backlog")]
    #[schemars(extend("x-limit" = {"unit": "connections", "beyond": "the system refuses it"}))]
    backlog: u32,
    /// How many connections there may be at once; further ones are closed.
    #[serde(default = "max_connections")]
    #[schemars(extend("x-limit" = {"unit": "connections", "beyond": "a new one is closed"}))]
    max_connections: usize,
    /// How long nothing may come from a connection or go to it; 0 is for ever.
    #[serde(default = "idle_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is closed"}))]
    idle_timeout_ms: u64,
    /// How long the TLS handshake may take.
    #[serde(default = "handshake_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is closed"}))]
    handshake_timeout_ms: u64,
    /// How long a peer may take nothing of what is sent to it.
    #[serde(default = "write_timeout_ms")]
    #[schemars(extend("x-limit" = {"unit": "ms", "beyond": "the connection is closed"}))]
    write_timeout_ms: u64,
    /// The most bytes that may wait to be sent to one peer; further replies are refused.
    #[serde(default = "max_pending_bytes")]
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "further replies to this peer are refused"}))]
    max_pending_bytes: usize,
}

pub(crate) fn buf_size() -> usize {
    64 * 1024
}

fn backlog() -> u32 {
    128
}

fn max_connections() -> usize {
    1_024
}

fn idle_timeout_ms() -> u64 {
    600_000
}

pub(crate) fn handshake_timeout_ms() -> u64 {
    10_000
}

pub(crate) fn write_timeout_ms() -> u64 {
    30_000
}

fn max_pending_bytes() -> usize {
    16 * 1024 * 1024
}

/// What the connector, its sides and the tasks of its connections share.
pub(crate) struct Server {
    host: Host,
    config: Config,
    tls: Option<TlsAcceptor>,
    peers: Peers,
    pieces: flume::Sender<Piece<Peer>>,
    /// Whether there is a source, which takes pieces.
    is_read: AtomicBool,
    /// Whether there is a sink, which answers.
    answers: AtomicBool,
    /// The number of the source, once it was pulled.
    source: AtomicU64,
    ending: Ending,
    warned_ns: std::sync::Mutex<std::collections::HashMap<&'static str, u64>>,
}

/// Tells all tasks that nothing is to be read any more.
#[derive(Default)]
struct Ending {
    reached: AtomicBool,
    changed: Notify,
}

impl Ending {
    fn reach(&self) {
        self.reached.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
    }

    fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Acquire)
    }

    async fn wait(&self) {
        while !self.is_reached() {
            let changed = self.changed.listen();
            // Looked at again, because it may have changed before the listener was there.
            if !self.is_reached() {
                changed.await;
            }
        }
    }
}

impl Server {
    /// Warns, at most once a second of each kind.
    fn warn(&self, kind: &'static str, message: &str) {
        let now_ns = self.host.now_ns();
        let mut warned = crate::lock(&self.warned_ns);
        let last = warned.entry(kind).or_insert(0);
        if *last == 0 || now_ns.saturating_sub(*last) >= WARNING_NS {
            *last = now_ns.max(1);
            drop(warned);
            self.host.log(log::Level::Warn, message);
        }
    }
}

/// The connector.
pub struct TcpServer {
    context: Context,
    config: Config,
    address: Address,
    /// Made when it connects.
    listener: Option<Box<dyn Listener>>,
    parts: Option<Parts>,
    /// Takes connections until it is dropped.
    accepting: Option<Spawned<()>>,
    is_started: bool,
    has_source: bool,
    has_sink: bool,
}

/// What is made anew with every connect.
struct Parts {
    server: Arc<Server>,
    arriving: flume::Receiver<Piece<Peer>>,
}

impl Connector for TcpServer {
    type Config = Config;
    type Source = TcpServerSource;
    type Sink = TcpServerSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "tcp_server",
        summary: "Takes TCP connections, reads them and sends replies.",
        example: r#"{"url": "127.0.0.1:9000", "max_connections": 100}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: false,
            lanes: false,
        }),
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::Late,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        for (name, value) in [
            ("buf_size", config.buf_size),
            ("max_connections", config.max_connections),
            ("max_pending_bytes", config.max_pending_bytes),
        ] {
            if value == 0 {
                return Err(Error::config(format!(
                    "`{name}` is 0, so nothing could pass\nhelp: leave it out, or give a number above 0"
                )));
            }
        }
        Ok(TcpServer {
            address: Address::parse(&config.url)?,
            context,
            config,
            listener: None,
            parts: None,
            accepting: None,
            is_started: false,
            has_source: false,
            has_sink: false,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        self.end();
        let host = self.context.host().clone();
        let tls = match self.config.tls.clone() {
            Some(tls) => Some(io::blocking(&host, move || tls::acceptor(&tls)).await??),
            None => None,
        };
        let address = &self.address.text;
        let listener = self.context.network().listen(address, self.config.backlog);
        let listener = listener.await.map_err(|reason| {
            Error::disconnected(format!("cannot listen at `{address}`: {reason}"))
        })?;
        if let Ok(address) = listener.local_addr() {
            let message = format!("listening at {address}");
            host.log(log::Level::Info, &message);
        }
        self.listener = Some(listener);
        let (pieces, arriving) = flume::bounded(PIECES);
        let server = Arc::new(Server {
            peers: Peers::new(host.now_ns()),
            host,
            config: self.config.clone(),
            tls,
            pieces,
            // After a reconnect the sides are made one after the other, while connections come already.
            is_read: AtomicBool::new(self.has_source),
            answers: AtomicBool::new(self.has_sink),
            source: AtomicU64::new(sides::NO_SOURCE),
            ending: Ending::default(),
            warned_ns: Default::default(),
        });
        self.parts = Some(Parts { server, arriving });
        if self.is_started {
            self.accept();
        }
        Ok(())
    }

    async fn create_source(&mut self) -> Result<TcpServerSource> {
        self.has_source = true;
        let parts = self.parts()?;
        parts.server.is_read.store(true, Ordering::Release);
        Ok(TcpServerSource::new(&parts.server, parts.arriving.clone()))
    }

    async fn create_sink(&mut self) -> Result<TcpServerSink> {
        self.has_sink = true;
        let server = Arc::clone(&self.parts()?.server);
        server.answers.store(true, Ordering::Release);
        Ok(TcpServerSink::new(&server))
    }

    async fn on_start(&mut self) -> Result<()> {
        self.is_started = true;
        self.accept();
        Ok(())
    }

    async fn on_drain(&mut self) -> Result<()> {
        self.accepting = None;
        self.listener = None;
        if let Some(parts) = &self.parts {
            parts.server.ending.reach();
        }
        Ok(())
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.end();
        Ok(())
    }
}

impl TcpServer {
    fn parts(&self) -> Result<&Parts> {
        self.parts
            .as_ref()
            .ok_or_else(|| Error::failed("the connector is not connected"))
    }

    /// Begins to take connections, once the flow runs.
    fn accept(&mut self) {
        if let (Some(listener), Some(parts)) = (self.listener.take(), &self.parts) {
            let server = Arc::clone(&parts.server);
            let host = server.host.clone();
            self.accepting = Some(io::spawn(&host, accept::run(server, listener)));
        }
    }

    /// Ends everything that runs.
    fn end(&mut self) {
        self.accepting = None;
        self.listener = None;
        if let Some(parts) = self.parts.take() {
            parts.server.ending.reach();
            parts.server.peers.close_all("the connector has stopped");
        }
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.end();
    }
}

register!(connector TcpServer);
