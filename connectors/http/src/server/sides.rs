//! The source, which takes requests, and the sink, which takes answers.

use std::sync::Arc;

use hyper::{HeaderMap, StatusCode, Version};
use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, Batch, BatchWriter, Error, Event, FateRange, Fates, Field, Lane, Pull,
    Result, Sink, Source, Value,
};

use super::Server;
use super::config::as_status;
use super::exchange::About;
use crate::headers;

/// Hands requests over, each as a pull of its own.
pub(crate) struct HttpSource {
    server: Arc<Server>,
}

impl HttpSource {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        HttpSource {
            server: Arc::clone(server),
        }
    }
}

impl Source for HttpSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let exchange = &self.server.exchange;
        loop {
            let Some(arrived) = out.wait(exchange.arrived.recv_async()).await else {
                return Ok(Pull::Idle);
            };
            // The exchange has a sender of its own, so there is always one.
            let Ok(arrived) = arrived else {
                return Ok(Pull::End);
            };
            // Nobody waits for its answer any more, and nobody was told that it was taken.
            if arrived.answer.is_disconnected() {
                continue;
            }
            let now_ns = self.server.host.now_ns();
            out.push(|arena| {
                let data = Value::bytes(arena.copy_bytes(&arrived.body));
                let mut event = Event::new(data);
                event.meta = meta(arena, &arrived.about);
                event.ingest_ns = now_ns;
                event.id.lane = arrived.lane;
                event.id.stream = ANONYMOUS_STREAM;
                event
            });
            let peer = arrived.about.peer;
            exchange.pulled(out.number(), arrived.lane, arrived.answer, peer);
            return Ok(Pull::Ready);
        }
    }

    async fn on_fates(&mut self, fates: &[FateRange]) -> Result<()> {
        self.server.exchange.settled(fates);
        Ok(())
    }

    async fn on_undecodable(&mut self, lane: Lane, pull: u64, reason: &str) -> Result<()> {
        self.server.exchange.undecodable(lane, pull, reason);
        Ok(())
    }
}

impl Drop for HttpSource {
    fn drop(&mut self) {
        self.server.exchange.abandon();
    }
}

fn meta<'a>(arena: &'a Arena, about: &About) -> Value<'a> {
    let About { head, peer, is_tls } = about;
    let text = |text: &str| Value::from(arena.str(text));
    let peer = arena.object(&[
        Field::new("host", text(&peer.host)),
        Field::new("port", Value::from(u64::from(peer.port))),
    ]);
    let version = match head.version {
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    let request = arena.object(&[
        Field::new("method", text(head.method.as_str())),
        Field::new("path", text(head.uri.path())),
        Field::new("query", head.uri.query().map_or(Value::NULL, text)),
        Field::new("headers", headers::to_record(arena, &head.headers)),
        Field::new("peer", peer),
        Field::new(
            "protocol",
            Value::from(if *is_tls { "https" } else { "http" }),
        ),
        Field::new("version", Value::from(version)),
    ]);
    let server = arena.object(&[Field::new("request", request)]);
    arena.object(&[Field::new("http_server", server)])
}

/// Takes answers to requests.
pub(crate) struct HttpSink {
    server: Arc<Server>,
}

impl HttpSink {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        HttpSink {
            server: Arc::clone(server),
        }
    }
}

impl Sink for HttpSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        for (at, event) in batch.events().iter().enumerate() {
            let answered = answer_of(event.meta).and_then(|(status, headers)| {
                let claim = self.server.exchange.claim(&event.id)?;
                claim.answer(status, headers, &batch, at, &fates);
                Ok(())
            });
            if let Err(error) = answered {
                let server = &self.server;
                let message = format!("an answer was refused: {error}");
                server.refused_answers.warn(&server.host, &message);
                fates.failed_range(at..at + 1, &error);
            }
        }
        Ok(())
    }
}

/// Status and headers that an event asks for.
fn answer_of(meta: Value<'_>) -> Result<(StatusCode, HeaderMap)> {
    let response = meta
        .get("http_server")
        .and_then(|meta| meta.get("response"));
    let Some(response) = response else {
        return Ok((StatusCode::OK, HeaderMap::new()));
    };
    let status = match response.get("status") {
        None => StatusCode::OK,
        Some(status) => status
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .and_then(as_status)
            .ok_or_else(|| {
                let status = status.to_json();
                Error::rejected(format!(
                    "{status} is no status of an answer; 200 to 599 are"
                ))
            })?,
    };
    let headers = headers::from_value(response.get("headers").unwrap_or_default())?;
    Ok((status, headers))
}
