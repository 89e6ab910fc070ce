//! One request and its response, over a connection that was kept or a new one.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, StatusCode};

use super::Client;
use super::job::Job;
use super::pool::Place;
use crate::message::{self, BodyLimits};
use crate::time::within;
use crate::tls;
use crate::wire::{Wire, reason_of};

/// A connection that takes requests, one after the other.
pub(super) type Sender = SendRequest<Full<Bytes>>;

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no response.
enum Lost {
    /// Nothing of one came.
    Unanswered(String),
    Broken(String),
}

impl Client {
    /// Sends the request once; the error says why there is no response.
    pub(super) async fn attempt(&self, job: &Job, place: &Place) -> Result<Answer, String> {
        let limit = self.config.timeout();
        let late = || format!("there was no response within {} ms", limit.as_millis());
        let answer = within(&self.host, limit, self.exchange(job, place)).await;
        answer.ok_or_else(late)?
    }

    async fn exchange(&self, job: &Job, place: &Place) -> Result<Answer, String> {
        let idle_ns = self.config.idle_timeout_ms.saturating_mul(1_000_000);
        let not_before_ns = self.host.now_ns().saturating_sub(idle_ns);
        while let Some(sender) = place.idle(not_before_ns) {
            // Servers close connections that nobody uses, at any time: if nothing comes back, that was it.
            match self.over(sender, job, place).await {
                Err(Lost::Unanswered(_)) => {}
                Err(Lost::Broken(reason)) => return Err(reason),
                Ok(answer) => return Ok(answer),
            }
        }
        let limit = Duration::from_millis(self.config.connect_timeout_ms);
        let connected = within(&self.host, limit, self.connect(job)).await;
        let late = || format!("no connection within {} ms", limit.as_millis());
        let sender = connected.ok_or_else(late)??;
        match self.over(sender, job, place).await {
            Err(Lost::Unanswered(reason) | Lost::Broken(reason)) => Err(reason),
            Ok(answer) => Ok(answer),
        }
    }

    async fn connect(&self, job: &Job) -> Result<Sender, String> {
        let wire = self.wire(job).await?;
        let limits = self.config.head_limits();
        let made = http1::Builder::new()
            .max_buf_size(limits.buffer())
            .max_header_size(limits.bytes)
            .max_headers(limits.headers)
            .handshake(wire)
            .await;
        let (sender, connection) = made.map_err(|error| message::all_of(&error))?;
        // It ends when the sender is dropped, or when the server closes it.
        self.run(async {
            let _ = connection.await;
        });
        Ok(sender)
    }

    async fn wire(&self, job: &Job) -> Result<Wire, String> {
        let destination = &job.url.destination;
        let connected = self.network.connect(&destination.address()).await;
        let socket = connected.map_err(|reason| reason_of(&reason))?;
        if !destination.is_tls {
            return Ok(Wire::new(socket));
        }
        let tls = self.tls().await.map_err(|error| error.to_string())?;
        let name = tls::server_name(self.tls_name(&destination.host));
        let name = name.map_err(|error| error.to_string())?;
        let stream = tls.connect(name, socket).await;
        let failed = |reason: std::io::Error| format!("TLS: {}", reason_of(&reason));
        Ok(Wire::new(stream.map_err(failed)?))
    }

    async fn over(&self, mut sender: Sender, job: &Job, place: &Place) -> Result<Answer, Lost> {
        let lost = |error: hyper::Error| match error.is_parse() {
            true => Lost::Broken(self.config.head_limits().refusal(&error).reason()),
            false => Lost::Unanswered(message::all_of(&error)),
        };
        sender.ready().await.map_err(lost)?;
        let response = sender.send_request(job.request()).await.map_err(lost)?;
        let (head, body) = response.into_parts();
        let limits = BodyLimits {
            bytes: self.config.max_body,
            room: &mut |_| true,
        };
        let read = async {
            message::check_coding(&head.headers)?;
            message::read_body(body, limits).await
        };
        let body = read.await.map_err(|fault| Lost::Broken(fault.reason()))?;
        if !sender.is_closed() {
            place.keep(sender, self.host.now_ns());
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}
