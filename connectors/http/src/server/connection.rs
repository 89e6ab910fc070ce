//! One connection: requests one after the other, each with its answer.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{EXPECT, HOST};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper::{Method, Request, StatusCode, Version};
use temblor_pdk::{Lane, io};

use super::Server;
use super::config::{Config, ms};
use super::exchange::{About, Answer, Arrived, Peer};
use super::respond::{self, Asked, Response};
use super::turn::{Phase, Turn};
use crate::message::{self, BodyLimits, Fault};
use crate::time::within;
use crate::wire::{Watch, Wire};

/// How long a connection is read from after its last answer, so that the answer is not lost.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    server: Arc<Server>,
    peer: Peer,
    lane: Lane,
    turn: Turn,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.exchange.close_lane(self.lane);
    }
}

/// How a connection ends.
enum End {
    /// As hyper says.
    Over(hyper::Result<()>),
    /// What it was at took too long.
    Late(Phase),
}

/// Says that there is no room for a connection.
pub(super) async fn turn_away(server: &Server, wire: Wire) {
    let reason = "there are too many connections";
    let words = respond::last_words(StatusCode::SERVICE_UNAVAILABLE, reason);
    end_with(server, wire, &words).await;
}

/// Says the last words and closes.
async fn end_with<W: Watch>(server: &Server, mut wire: Wire<W>, words: &str) {
    let said = async {
        if wire.end_with(words.as_bytes()).await.is_ok() {
            let _ = wire.discard().await;
        }
    };
    within(&server.host, LINGER, said).await;
}

impl Connection {
    pub(super) fn new(server: &Arc<Server>, peer: Peer) -> Self {
        Connection {
            server: Arc::clone(server),
            peer,
            lane: server.exchange.open_lane(),
            turn: Turn::new(),
        }
    }

    pub(super) async fn run(self, wire: Wire) {
        let limits = self.server.config.head_limits();
        let service = service_fn(|request| self.respond(request));
        let mut connection = http1::Builder::new()
            .half_close(true)
            .header_read_timeout(None)
            .max_buf_size(limits.buffer())
            .max_header_size(limits.bytes)
            .max_headers(limits.headers)
            .serve_connection(wire.watched(self.turn.clone()), service);
        let end = self.drive(&mut connection).await;
        if let Some(words) = self.last_words(end) {
            end_with(&self.server, connection.into_parts().io, &words).await;
        }
    }

    /// Runs the connection until it ends, or what it is at takes too long.
    async fn drive<S>(&self, connection: &mut http1::Connection<Wire<Turn>, S>) -> End
    where
        S: HttpService<Incoming, ResBody = Full<Bytes>, Error = std::io::Error>,
    {
        let mut ending = pin!(self.server.ending.wait());
        let mut told = false;
        let mut armed = None;
        let mut timer = None;
        poll_fn(|cx| {
            if !told && ending.as_mut().poll(cx).is_ready() {
                told = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
            if let Poll::Ready(result) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(End::Over(result));
            }
            let (phase, step) = self.turn.phase();
            if armed != Some(step) {
                armed = Some(step);
                let limit = limit(&self.server.config, phase);
                timer = limit.map(|limit| Box::pin(io::sleep(&self.server.host, limit)));
            }
            match timer.as_mut().map(|timer| timer.as_mut().poll(cx)) {
                Some(Poll::Ready(())) => Poll::Ready(End::Late(phase)),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// What is still to be said, if only that nothing more comes.
    fn last_words(&self, end: End) -> Option<String> {
        let (phase, _) = self.turn.phase();
        let config = &self.server.config;
        let fault = match (end, phase) {
            (End::Late(Phase::Head), _) => {
                let limit = config.header_timeout_ms;
                let reason = format!("the head did not come within {limit} ms");
                Fault::Refused(StatusCode::REQUEST_TIMEOUT, reason)
            }
            (End::Late(Phase::Idle) | End::Over(Ok(())), _) => return Some(String::new()),
            (End::Over(Err(error)), Phase::Idle | Phase::Head) => {
                config.head_limits().refusal(&error)
            }
            // Who does not read reads no last words, and of requests that broke off it was told.
            (End::Late(_) | End::Over(Err(_)), _) => return None,
        };
        match fault {
            // It broke off between requests, which is anybody's right.
            Fault::Gone(_) if phase == Phase::Idle => None,
            fault => {
                self.warn_of(&fault);
                match fault {
                    Fault::Gone(_) => None,
                    Fault::Refused(status, reason) => Some(respond::last_words(status, &reason)),
                }
            }
        }
    }

    fn warn_of(&self, fault: &Fault) {
        let peer = &self.peer;
        let message = match fault {
            Fault::Gone(reason) => format!("a request of {peer} broke off: {reason}"),
            Fault::Refused(status, reason) => {
                let status = status.as_u16();
                format!("a request of {peer} was refused with {status}: {reason}")
            }
        };
        self.server
            .refused_requests
            .warn(&self.server.host, &message);
    }

    /// Takes a request and answers it. There is no answer for who has gone away.
    async fn respond(&self, request: Request<Incoming>) -> std::io::Result<respond::Answer> {
        self.turn.begins();
        let asked = Asked::of(&request);
        let response = match self.receive(request).await {
            Ok((arrived, answer)) => {
                self.server.exchange.submit(arrived);
                self.answer(answer).await
            }
            Err(fault) => {
                self.warn_of(&fault);
                match fault {
                    Fault::Gone(_) => return Err(ErrorKind::ConnectionAborted.into()),
                    Fault::Refused(status, reason) => respond::error(status, &reason).closing(),
                }
            }
        };
        Ok(response.send(&asked, &self.turn))
    }

    /// Reads a request.
    async fn receive(
        &self,
        request: Request<Incoming>,
    ) -> Result<(Arrived, flume::Receiver<Answer>), Fault> {
        check(&request)?;
        let config = &self.server.config;
        let (head, body) = request.into_parts();
        let mut reserved = self.server.budget.reserve();
        let limits = BodyLimits {
            bytes: config.max_body,
            room: &mut |count| reserved.grow(count),
        };
        let limit = config.body_timeout_ms;
        let read = within(
            &self.server.host,
            ms(limit),
            message::read_body(body, limits),
        )
        .await;
        let late = || {
            Fault::Refused(
                StatusCode::REQUEST_TIMEOUT,
                format!("the body did not come within {limit} ms"),
            )
        };
        let body = read.ok_or_else(late)??;
        let (answer, answered) = flume::bounded(1);
        let arrived = Arrived {
            lane: self.lane,
            about: About {
                head,
                peer: self.peer.clone(),
                is_tls: self.server.tls.is_some(),
            },
            body,
            _reserved: reserved,
            answer,
        };
        Ok((arrived, answered))
    }

    /// Waits for the answer.
    async fn answer(&self, answer: flume::Receiver<Answer>) -> Response {
        let server = &self.server;
        let limit = server.config.request_timeout_ms;
        let answered = within(&server.host, ms(limit), answer.recv_async()).await;
        // Nobody can answer any more, and no fate counts.
        drop(answer);
        match answered {
            Some(Ok(Answer::Reply(reply))) => respond::of_reply(reply, &server.headers),
            Some(Ok(Answer::Undecodable(reason))) => {
                respond::error(StatusCode::BAD_REQUEST, &reason)
            }
            Some(Ok(Answer::Fate(fate))) => respond::of_fate(fate, server.status_acked),
            Some(Ok(Answer::Ending) | Err(_)) => {
                respond::error(StatusCode::SERVICE_UNAVAILABLE, "the server is ending").closing()
            }
            None => {
                let reason = format!("there was no answer within {limit} ms");
                let peer = &self.peer;
                let message = format!("a request of {peer} was answered with 504: {reason}");
                server.refused_requests.warn(&server.host, &message);
                respond::error(StatusCode::GATEWAY_TIMEOUT, &reason).closing()
            }
        }
    }
}

/// How long a connection may be at something.
fn limit(config: &Config, phase: Phase) -> Option<Duration> {
    match phase {
        Phase::Idle => Some(ms(config.idle_timeout_ms)),
        Phase::Head => Some(ms(config.header_timeout_ms)),
        Phase::Work => None,
        Phase::Answer => Some(ms(config.write_timeout_ms)),
    }
}

/// Looks for what hyper takes and the server does not.
fn check(request: &Request<Incoming>) -> Result<(), Fault> {
    let headers = request.headers();
    if request.method() == Method::CONNECT {
        return Err(Fault::refused(
            StatusCode::NOT_IMPLEMENTED,
            "this is a server, and no way to others",
        ));
    }
    message::check_coding(headers)?;
    if request.version() == Version::HTTP_10 {
        return Ok(());
    }
    if headers.get_all(HOST).iter().count() != 1 {
        return Err(Fault::refused(
            StatusCode::BAD_REQUEST,
            "a request of HTTP/1.1 has one header `host`",
        ));
    }
    let mut expected = headers.get_all(EXPECT).iter();
    match expected.all(|what| what.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        true => Ok(()),
        false => Err(Fault::refused(
            StatusCode::EXPECTATION_FAILED,
            "only `100-continue` can be expected",
        )),
    }
}
