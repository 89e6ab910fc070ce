//! `http_client`: sends requests, several at a time, and hands responses over.

mod attempt;
mod config;
mod job;
mod permits;
mod pool;
mod sides;
mod url;

use std::sync::{Arc, Mutex, PoisonError};

use futures_rustls::TlsConnector;
use hyper::{HeaderMap, Method};
use temblor_pdk::io::{self, Network, Spawned};
use temblor_pdk::{
    Cell, CellKind, Connector, ConnectorInfo, Context, Error, Host, Payload, Result, Settles,
    SinkInfo, SourceInfo, register,
};

use self::config::Config;
use self::pool::Pool;
use self::sides::{ClientSink, ClientSource, Received};
use self::url::Url;
use crate::time::Warnings;

/// How many responses may wait for the engine.
const RESPONSES: usize = 64;

/// What all requests of a client share.
pub(crate) struct Client {
    config: Config,
    url: Url,
    method: Method,
    /// Headers of every request.
    headers: HeaderMap,
    host: Host,
    network: Arc<dyn Network>,
    pool: Pool,
    tls: Mutex<Option<TlsConnector>>,
    /// Where responses go, if anybody reads them.
    responses: Mutex<Option<flume::Sender<Received>>>,
    /// Of events that cannot be requests, of requests that failed, and of destinations: none hides the others.
    refused: Warnings,
    failed: Warnings,
    silenced: Warnings,
    /// How many destinations are left alone.
    silent: Cell,
    tasks: Mutex<Vec<Spawned<()>>>,
}

/// The connector.
pub(crate) struct HttpClient {
    client: Arc<Client>,
}

impl Connector for HttpClient {
    type Config = Config;
    type Source = ClientSource;
    type Sink = ClientSink;

    const INFO: ConnectorInfo = ConnectorInfo {
        name: "http_client",
        summary: "Sends events as requests of HTTP/1.1, and hands responses over.",
        example: r#"{"url": "http://127.0.0.1:8080/events"}"#,
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
        let url = config.check()?;
        let silent = context.host().cell("destinations_open", CellKind::Gauge);
        // Nothing is known of any yet, whatever the connector before this one knew.
        silent.set(0);
        Ok(HttpClient {
            client: Arc::new(Client {
                headers: config.header_map()?,
                pool: Pool::new(config.concurrency),
                url,
                method: config::method(&config.method).map_err(Error::config)?,
                host: context.host().clone(),
                network: Arc::clone(context.network()),
                tls: Mutex::default(),
                responses: Mutex::default(),
                refused: Warnings::default(),
                failed: Warnings::default(),
                silenced: Warnings::default(),
                silent,
                tasks: Mutex::default(),
                config,
            }),
        })
    }

    async fn connect(&mut self) -> Result<()> {
        // What cannot be read is found before anything runs. Whether somebody answers is not looked at: each request
        // finds out for itself.
        if self.client.config.tls.is_some() || self.client.url.destination.is_tls {
            self.client.tls().await?;
        }
        Ok(())
    }

    async fn create_source(&mut self) -> Result<ClientSource> {
        let (responses, received) = flume::bounded(RESPONSES);
        *self.client.responses() = Some(responses);
        Ok(ClientSource::new(&self.client.host, received))
    }

    async fn create_sink(&mut self) -> Result<ClientSink> {
        Ok(ClientSink::new(&self.client))
    }

    async fn on_stop(&mut self) -> Result<()> {
        self.client.cancel();
        Ok(())
    }
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        self.client.cancel();
    }
}

impl Client {
    fn responses(&self) -> std::sync::MutexGuard<'_, Option<flume::Sender<Received>>> {
        self.responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How TLS is spoken; certificates are read when they are first needed.
    async fn tls(&self) -> Result<TlsConnector> {
        let known = || self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = known().clone() {
            return Ok(tls);
        }
        let config = self.config.tls.clone().unwrap_or_default();
        let read = io::blocking(&self.host, move || crate::tls::client(&config)).await?;
        let tls = TlsConnector::from(read?);
        *known() = Some(tls.clone());
        Ok(tls)
    }

    /// The name that the certificate of a host must be for.
    fn tls_name<'n>(&'n self, host: &'n str) -> &'n str {
        let tls = self.config.tls.as_ref();
        tls.and_then(|tls| tls.domain.as_deref()).unwrap_or(host)
    }

    /// Runs a task for as long as the client lives.
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

/// An error of the events that the engine is told.
fn rejected(reason: String) -> Error {
    Error::rejected(reason)
}

register!(connector HttpClient);
