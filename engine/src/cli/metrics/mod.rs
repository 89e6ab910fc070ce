//! `temblor run --metrics ADDR`: metrics for Prometheus, and whether the program is alive and ready, over HTTP.
//!
//! All of it runs on a thread of its own, so that it answers also when every worker of the engine is stuck.

mod connection;
mod ready;
mod text;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use log::Level;
use smol::{Async, LocalExecutor, Timer};
use temblor::Observer;

use super::failure::Failure;
use super::log::{Log, Record};
use connection::Body;

/// Connections that are served at one time; more wait.
pub(super) const CONNECTIONS: usize = 64;
/// How long a connection lasts, from its first byte to its last.
pub(super) const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// How large the head of a request may be.
pub(super) const HEAD_BYTES: usize = 16 * 1024;
/// How long to wait when no connection can be accepted.
const BREATH: Duration = Duration::from_millis(100);

/// Reads an address: a port alone is one of this machine only.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        "it takes a port, as in `9100`, which only this machine can reach, or an address and a port, as in \
         `0.0.0.0:9100` or `[::1]:9100`"
            .to_owned()
    })
}

/// What the server tells of.
pub(crate) struct Metrics {
    observer: Observer,
    /// Whether all flows were started.
    started: AtomicBool,
}

impl Metrics {
    /// Starts to serve.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub(crate) fn serve(
        address: SocketAddr,
        observer: Observer,
        log: Log,
    ) -> Result<Arc<Metrics>, Failure> {
        let listener = TcpListener::bind(address).and_then(Async::new);
        let listener = listener.map_err(|error| {
            Failure::not_started(format!("metrics cannot be served on `{address}`: {error}"))
                .help("choose another port for `--metrics`, or 0 for any that is free")
        })?;
        let address = listener.get_ref().local_addr().unwrap_or(address);
        let metrics = Arc::new(Metrics {
            observer,
            started: AtomicBool::new(false),
        });
        let own = Arc::clone(&metrics);
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || accept_all(&listener, &own))
            .map_err(|error| Failure::failed(format!("no thread can be started: {error}")))?;
        let message = format!("metrics on http://{address}/metrics");
        let record = Record {
            target: "temblor",
            message: &message,
            ..Record::default()
        };
        log.write(Level::Info, &record);
        Ok(metrics)
    }

    /// All flows have been started.
    pub(crate) fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = "only GET and HEAD are answered here\n";
            let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text.to_owned());
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allow);
            return response;
        }
        match request.uri().path() {
            "/metrics" => {
                let text = text::encode(self.observer.metrics());
                reply(StatusCode::OK, text::CONTENT_TYPE, text)
            }
            "/health" => reply(StatusCode::OK, JSON, "{\"alive\":true}\n".to_owned()),
            "/ready" => {
                let started = self.started.load(Ordering::Acquire);
                let ready = ready::Readiness::of(started, &self.observer.reports());
                let status = match ready.is_ready() {
                    true => StatusCode::OK,
                    false => StatusCode::SERVICE_UNAVAILABLE,
                };
                reply(status, JSON, ready.json())
            }
            _ => {
                let text = "there is nothing here; see /metrics, /health and /ready\n";
                reply(StatusCode::NOT_FOUND, PLAIN, text.to_owned())
            }
        }
    }
}

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";

fn reply(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::of(Bytes::from(text)));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Serves connections for as long as the process lives.
fn accept_all(listener: &Async<TcpListener>, metrics: &Arc<Metrics>) {
    let executor = LocalExecutor::new();
    let open = Rc::new(Cell::new(0));
    let (closed, room) = flume::bounded(1);
    smol::block_on(executor.run(async {
        loop {
            while open.get() >= CONNECTIONS {
                // The sender lives here too, so that this ends with a connection only.
                let _ = room.recv_async().await;
            }
            let Ok((stream, _)) = listener.accept().await else {
                // No descriptor is left, perhaps: trying at once would do nothing else.
                Timer::after(BREATH).await;
                continue;
            };
            open.set(open.get() + 1);
            let (open, closed, metrics) = (Rc::clone(&open), closed.clone(), Arc::clone(metrics));
            let served = async move {
                connection::serve(stream, |request| metrics.answer(request)).await;
                open.set(open.get() - 1);
                let _ = closed.try_send(());
            };
            executor.spawn(served).detach();
        }
    }))
}
