//! One connection: requests one after the other, each with its answer.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::or;
use temblor_pdk::Lane;

use super::Server;
use super::config::ms;
use super::exchange::{About, Answer, Arrived, Peer};
use super::respond::{self, Response};
use crate::body::{self, BodyLimits};
use crate::head::{self, Fault, Framing, Request};
use crate::time::within;
use crate::wire::Wire;

/// How long a connection is read from after its last answer, so that the answer is not lost.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    server: Arc<Server>,
    wire: Wire,
    peer: Peer,
    lane: Lane,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.exchange.close_lane(self.lane);
    }
}

/// Whether another request may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Request,
    End,
}

impl Connection {
    pub(super) fn new(server: &Arc<Server>, wire: Wire, peer: Peer) -> Self {
        Connection {
            server: Arc::clone(server),
            wire,
            peer,
            lane: server.exchange.open_lane(),
        }
    }

    pub(super) async fn run(mut self) {
        while self.turn().await == Next::Request {}
        self.close().await;
    }

    /// Says that there is no room for this connection.
    pub(super) async fn turn_away(mut self) {
        self.refuse(503, "there are too many connections").await;
        self.close().await;
    }

    async fn close(&mut self) {
        let server = Arc::clone(&self.server);
        let end = async {
            if self.wire.close().await.is_ok() {
                let _ = self.wire.discard().await;
            }
        };
        within(&server.host, LINGER, end).await;
    }

    /// Takes one request and answers it.
    async fn turn(&mut self) -> Next {
        if self.wire.unused().is_empty() && !self.wake_up().await {
            return Next::End;
        }
        let (request, arrived) = match self.receive().await {
            Ok(Some(received)) => received,
            Ok(None) => return Next::End,
            Err(Fault::Gone(reason)) => {
                self.warn(&format!("a request of {} broke off: {reason}", self.peer));
                return Next::End;
            }
            Err(Fault::Refused(status, reason)) => {
                let peer = &self.peer;
                self.warn(&format!(
                    "a request of {peer} was refused with {status}: {reason}"
                ));
                self.refuse(status, &reason).await;
                return Next::End;
            }
        };
        let (arrived, answer) = arrived;
        self.server.exchange.submit(arrived);
        self.answer(request, answer).await
    }

    /// Waits for the first byte of a request; says whether it came.
    async fn wake_up(&mut self) -> bool {
        let Connection { server, wire, .. } = self;
        let idle = ms(server.config.idle_timeout_ms);
        let ended = async {
            server.ending.wait().await;
            None
        };
        let first = or(ended, within(&server.host, idle, wire.fill())).await;
        matches!(first, Some(Ok(count)) if count > 0)
    }

    fn warn(&self, message: &str) {
        self.server
            .refused_requests
            .warn(&self.server.host, message);
    }

    /// Reads a request.
    async fn receive(
        &mut self,
    ) -> Result<Option<(Request, (Arrived, flume::Receiver<Answer>))>, Fault> {
        let server = Arc::clone(&self.server);
        let config = &server.config;
        let limit = config.header_timeout_ms;
        let read = head::read(&mut self.wire, config.head_limits(), head::request);
        let read = within(&server.host, ms(limit), read).await;
        let late = || Fault::Refused(408, format!("the head did not come within {limit} ms"));
        let Some(mut request) = read.ok_or_else(late)?? else {
            return Ok(None);
        };
        if request.method == "CONNECT" {
            let reason = "this is a server, and no way to others";
            return Err(Fault::Refused(501, reason.to_owned()));
        }
        let mut reserved = server.budget.reserve();
        let mut room = |count| reserved.grow(count);
        let body = self.read_body(&request, &mut room).await?;
        let (answer, answered) = flume::bounded(1);
        let arrived = Arrived {
            lane: self.lane,
            about: self.about(&mut request),
            body,
            _reserved: reserved,
            answer,
        };
        Ok(Some((request, (arrived, answered))))
    }

    async fn read_body(
        &mut self,
        request: &Request,
        room: &mut (dyn FnMut(usize) -> bool + Send),
    ) -> Result<Vec<u8>, Fault> {
        let server = Arc::clone(&self.server);
        let limits = BodyLimits {
            bytes: server.config.max_body,
            room,
        };
        let too_large = matches!(request.framing, Framing::Length(l) if l > limits.bytes);
        if request.expects_continue && request.framing != Framing::None && !too_large {
            let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
            let written = self.wire.write(&[go_on]).await;
            written.map_err(|error| Fault::io(&error))?;
        }
        let limit = server.config.body_timeout_ms;
        let read = body::read(&mut self.wire, request.framing, limits);
        let late = || Fault::Refused(408, format!("the body did not come within {limit} ms"));
        let read = within(&server.host, ms(limit), read).await;
        read.ok_or_else(late)?
    }

    /// What events say of the request. Its headers move there.
    fn about(&self, request: &mut Request) -> About {
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (request.target.clone(), None),
        };
        About {
            method: request.method.clone(),
            path,
            query,
            headers: std::mem::take(&mut request.headers),
            peer: self.peer.clone(),
            protocol: if self.server.tls.is_some() {
                "https"
            } else {
                "http"
            },
            version: if request.minor == 0 { "1.0" } else { "1.1" },
        }
    }

    /// Waits for the answer and writes it.
    async fn answer(&mut self, request: Request, answer: flume::Receiver<Answer>) -> Next {
        let server = Arc::clone(&self.server);
        let config = &server.config;
        let limit = config.request_timeout_ms;
        let answered = within(&server.host, ms(limit), answer.recv_async()).await;
        // Nobody can answer any more, and no fate counts.
        drop(answer);
        let mut response = match answered {
            Some(Ok(Answer::Reply(reply))) => respond::of_reply(reply, &config.headers),
            Some(Ok(Answer::Undecodable(reason))) => respond::error(400, &reason),
            Some(Ok(Answer::Fate(fate))) => respond::of_fate(fate, config.status_acked),
            Some(Ok(Answer::Ending) | Err(_)) => {
                respond::error(503, "the server is ending").closing()
            }
            None => {
                let reason = format!("there was no answer within {limit} ms");
                let peer = &self.peer;
                self.warn(&format!(
                    "a request of {peer} was answered with 504: {reason}"
                ));
                respond::error(504, &reason).closing()
            }
        };
        response.keep_alive &= request.keep_alive && !server.ending.has_begun();
        self.write(response, &request.method, request.minor).await
    }

    async fn refuse(&mut self, status: u16, reason: &str) -> Next {
        let response = respond::error(status, reason).closing();
        self.write(response, "GET", 1).await
    }

    async fn write(&mut self, response: Response, method: &str, minor: u8) -> Next {
        let server = Arc::clone(&self.server);
        let head = response.head(server.host.now_ns(), minor);
        let body = match method {
            "HEAD" => &[],
            _ => response.body(),
        };
        let pieces = [head.as_slice(), body];
        let limit = ms(server.config.write_timeout_ms);
        let written = within(&server.host, limit, self.wire.write(&pieces)).await;
        match written {
            Some(Ok(())) if response.delivered() => Next::Request,
            _ => Next::End,
        }
    }
}
