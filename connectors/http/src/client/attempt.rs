//! One request and its response, over a connection that was kept or a new one.

use std::time::Duration;

use super::Client;
use super::job::Job;
use super::pool::Place;
use crate::body::{self, BodyLimits};
use crate::head::{self, Fault, Headers, Response};
use crate::time::within;
use crate::tls;
use crate::wire::{Wire, reason_of};
use crate::write;

/// How long a response may take that came before the request was written.
const EARLY_RESPONSE: Duration = Duration::from_millis(500);

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
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
        while let Some(wire) = place.idle(not_before_ns) {
            // Servers close connections that nobody uses, at any time: if nothing comes back, that was it.
            match self.over(wire, job, place).await {
                Err(Lost::Unanswered(_)) => {}
                Err(Lost::Broken(reason)) => return Err(reason),
                Ok(answer) => return Ok(answer),
            }
        }
        let limit = Duration::from_millis(self.config.connect_timeout_ms);
        let connected = within(&self.host, limit, self.connect(job)).await;
        let late = || format!("no connection within {} ms", limit.as_millis());
        let wire = connected.ok_or_else(late)??;
        match self.over(wire, job, place).await {
            Err(Lost::Unanswered(reason) | Lost::Broken(reason)) => Err(reason),
            Ok(answer) => Ok(answer),
        }
    }

    async fn connect(&self, job: &Job) -> Result<Wire, String> {
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

    async fn over(&self, mut wire: Wire, job: &Job, place: &Place) -> Result<Answer, Lost> {
        let head = head_of(job);
        let written = wire.write(&[&head, job.body()]).await;
        let response = match written {
            Ok(()) => self.read_head(&mut wire, job).await?,
            // A server may refuse a request before all of it was written.
            Err(error) => {
                let read = self.read_head(&mut wire, job);
                match within(&self.host, EARLY_RESPONSE, read).await {
                    Some(Ok(response)) => response,
                    _ => return Err(Lost::Unanswered(reason_of(&error))),
                }
            }
        };
        let limits = BodyLimits {
            bytes: self.config.max_body,
            room: &mut |_| true,
        };
        let body = body::read(&mut wire, response.framing, limits).await;
        let body = body.map_err(|fault| Lost::Broken(fault.reason().to_owned()))?;
        if response.keep_alive && wire.unused().is_empty() {
            place.keep(wire, self.host.now_ns());
        }
        Ok(Answer {
            status: response.status,
            headers: response.headers,
            body,
        })
    }

    /// Reads the head of the response, those of interim responses passed over.
    async fn read_head(&self, wire: &mut Wire, job: &Job) -> Result<Response, Lost> {
        let limits = self.config.head_limits();
        loop {
            let parse = |bytes: &[u8], limits| head::response(bytes, limits, &job.method);
            let response = match head::read(wire, limits, parse).await {
                Ok(Some(response)) => response,
                Ok(None) => {
                    let reason = "the server closed the connection without a response";
                    return Err(Lost::Unanswered(reason.to_owned()));
                }
                Err(Fault::Gone(reason)) => return Err(Lost::Unanswered(reason)),
                Err(fault) => return Err(Lost::Broken(fault.reason().to_owned())),
            };
            if !(100..200).contains(&response.status) {
                return Ok(response);
            }
        }
    }
}

/// Why there is no response.
enum Lost {
    /// Nothing of one came.
    Unanswered(String),
    Broken(String),
}

fn head_of(job: &Job) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    write::first_line(&mut head, [&job.method, &job.url.target, "HTTP/1.1"]);
    if !write::has(&job.headers, "host") {
        let authority = job.url.destination.authority();
        write::header(&mut head, "host", authority.as_bytes());
    }
    write::headers(&mut head, &job.headers);
    let length = job.body().len();
    if length > 0 || !matches!(job.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS") {
        write::header(&mut head, "content-length", length.to_string().as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}
