//! `http_server`: listens, and makes events of requests and answers of events.

mod accept;
mod budget;
mod config;
mod connection;
mod exchange;
mod respond;
mod sides;
mod turn;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_rustls::TlsAcceptor;
use hyper::{HeaderMap, StatusCode};
use temblor_pdk::io::{self, Listener, Spawned};
use temblor_pdk::{
    Connector, ConnectorInfo, Context, Error, Host, Payload, Result, Settles, SinkInfo, SourceInfo,
    log::Level, register,
};

use self::budget::Budget;
use self::config::Config;
use self::exchange::Exchange;
use self::sides::{HttpSink, HttpSource};
use crate::time::{Warnings, within};

/// How long the connector waits at its end for answers that are being written.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What all connections of a server share.
pub(crate) struct Server {
    config: Config,
    /// Of every answer that the flow gives.
    headers: HeaderMap,
    status_acked: StatusCode,
    host: Host,
    exchange: Exchange,
    budget: Budget,
    tls: Option<TlsAcceptor>,
    /// How many connections there are.
    connections: AtomicUsize,
    /// Of connections, of requests and of answers that were refused: none hides the others.
    refused_connections: Warnings,
    refused_requests: Warnings,
    refused_answers: Warnings,
    ending: Ending,
    tasks: Mutex<Vec<Spawned<()>>>,
}

/// Tells everybody who listens that the flow drains.
struct Ending {
    /// Dropped when it does.
    running: Mutex<Option<flume::Sender<()>>>,
    ended: flume::Receiver<()>,
}

impl Ending {
    fn new() -> Self {
        let (running, ended) = flume::bounded(1);
        Ending {
            running: Mutex::new(Some(running)),
            ended,
        }
    }

    fn begin(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.take();
    }

    async fn wait(&self) {
        // Nothing is ever sent, so this ends with the sender.
        let _ = self.ended.recv_async().await;
    }
}

/// The connector.
pub(crate) struct HttpServer {
    server: Arc<Server>,
    context: Context,
    listener: Option<Box<dyn Listener>>,
    /// Where it listened first, so that it is the same after a reconnection.
    address: Option<String>,
    /// Each connection has a clone of the first; the second ends with the last of them.
    alive: Option<flume::Sender<()>>,
    all_gone: flume::Receiver<()>,
}

impl Connector for HttpServer {
    type Config = Config;
    type Source = HttpSource;
    type Sink = HttpSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "http_server",
        summary: "Takes requests of HTTP/1.1 as events, and answers each.",
        example: r#"{"url": "127.0.0.1:8080"}"#,
        source: Some(SourceInfo {
            payload: Payload::Bytes,
            transactional: true,
            lanes: false,
        }),
        sink: Some(SinkInfo {
            payload: Payload::Bytes,
            settles: Settles::Late,
        }),
    };

    fn new(config: Config, context: Context) -> Result<Self> {
        config.address()?;
        config.check()?;
        let (alive, all_gone) = flume::bounded(1);
        Ok(HttpServer {
            server: Arc::new(Server::new(config, context.host(), None)?),
            context,
            listener: None,
            address: None,
            alive: Some(alive),
            all_gone,
        })
    }

    async fn connect(&mut self) -> Result<()> {
        self.let_go();
        let config = self.server.config.clone();
        let tls = match config.tls.clone() {
            Some(tls) => {
                let read = move || crate::tls::server(&tls);
                let config = io::blocking(self.context.host(), read).await??;
                Some(TlsAcceptor::from(config))
            }
            None => None,
        };
        let address = match &self.address {
            Some(address) => address.clone(),
            None => config.address()?,
        };
        let listened = self.context.network().listen(&address, config.backlog);
        let listener = listened.await.map_err(|reason| {
            Error::disconnected(format!("cannot listen at `{address}`: {reason}"))
        })?;
        if let Ok(local) = listener.local_addr() {
            self.address = Some(local.to_string());
            let message = format!("listening at {local}");
            self.context.host().log(Level::Info, &message);
        }
        let (alive, all_gone) = flume::bounded(1);
        (self.alive, self.all_gone) = (Some(alive), all_gone);
        self.server = Arc::new(Server::new(config, self.context.host(), tls)?);
        self.listener = Some(listener);
        Ok(())
    }

    async fn create_source(&mut self) -> Result<HttpSource> {
        if let (Some(listener), Some(alive)) = (self.listener.take(), self.alive.take()) {
            let accepting = accept::run(Arc::clone(&self.server), listener, alive);
            self.server.run(accepting);
        }
        Ok(HttpSource::new(&self.server))
    }

    async fn create_sink(&mut self) -> Result<HttpSink> {
        Ok(HttpSink::new(&self.server))
    }

    async fn on_drain(&mut self) -> Result<()> {
        self.server.ending.begin();
        self.server.exchange.end();
        Ok(())
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.server.ending.begin();
        self.server.exchange.end();
        self.alive = None;
        let gone = async {
            let _ = self.all_gone.recv_async().await;
        };
        within(self.context.host(), LAST_ANSWERS, gone).await;
        self.let_go();
        Ok(())
    }
}

impl HttpServer {
    /// Ends everything that runs for the server as it is.
    fn let_go(&mut self) {
        self.server.ending.begin();
        self.server.exchange.end();
        self.server.cancel();
        self.listener = None;
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Server {
    fn new(config: Config, host: &Host, tls: Option<TlsAcceptor>) -> Result<Self> {
        Ok(Server {
            headers: config.header_map()?,
            status_acked: config.status_acked()?,
            host: host.clone(),
            exchange: Exchange::new(),
            budget: Budget::new(config.max_waiting),
            tls,
            connections: AtomicUsize::new(0),
            refused_connections: Warnings::default(),
            refused_requests: Warnings::default(),
            refused_answers: Warnings::default(),
            ending: Ending::new(),
            tasks: Mutex::default(),
            config,
        })
    }

    /// Runs a task for as long as the server lives.
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = io::spawn(&self.host, task);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked through now and then, so that what is kept is in proportion to what runs.
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task);
    }

    fn cancel(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = std::mem::take(&mut *tasks);
        drop(tasks);
    }
}

register!(connector HttpServer);
