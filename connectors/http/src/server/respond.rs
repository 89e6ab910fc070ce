//! What goes back for a request.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, StatusCode, Version};
use temblor_pdk::Fate;

use super::exchange::{Reply, Settle};
use super::turn::Turn;
use crate::headers::{self, Payload};

/// An answer as hyper takes it.
pub(super) type Answer = hyper::Response<Full<Bytes>>;

/// An answer that is ready to be written.
pub(super) struct Response {
    status: StatusCode,
    headers: HeaderMap,
    content: Bytes,
    settle: Option<Settle>,
}

/// What the flow sent back.
pub(super) fn of_reply(reply: Reply, defaults: &HeaderMap) -> Response {
    let mut headers = reply.headers;
    headers::add_missing(&mut headers, defaults);
    let closes = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"close");
    if headers.get_all(CONNECTION).iter().any(closes) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    } else {
        headers.remove(CONNECTION);
    }
    Response {
        status: reply.status,
        headers,
        content: Bytes::from_owner(Payload(reply.batch, reply.at)),
        settle: Some(reply.settle),
    }
}

/// The flow sent nothing back.
pub(super) fn of_fate(fate: Fate, status_acked: StatusCode) -> Response {
    match fate {
        Fate::Acked => Response {
            status: status_acked,
            headers: HeaderMap::new(),
            content: Bytes::new(),
            settle: None,
        },
        Fate::Failed => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request could not be processed",
        ),
    }
}

/// An error of the server's own, with its reason in the body.
pub(super) fn error(status: StatusCode, reason: &str) -> Response {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Response {
        status,
        headers: HeaderMap::from_iter([(CONTENT_TYPE, plain)]),
        content: Bytes::from(format!("{reason}\n")),
        settle: None,
    }
}

/// An error where there is no request that hyper would let us answer. The connection ends with it.
pub(super) fn last_words(status: StatusCode, reason: &str) -> String {
    let phrase = status.canonical_reason().unwrap_or_default();
    let (code, length) = (status.as_u16(), reason.len() + 1);
    format!(
        "HTTP/1.1 {code} {phrase}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {length}\r\n\r\n{reason}\n"
    )
}

/// What hyper has to know of a request when it is answered.
pub(super) struct Asked {
    is_head: bool,
    /// A client of HTTP/1.0 is told that the connection stays open.
    keeps_alive: bool,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let keeps = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
        let mut connection = request.headers().get_all(CONNECTION).iter();
        Asked {
            is_head: request.method() == Method::HEAD,
            keeps_alive: request.version() == Version::HTTP_10 && connection.any(keeps),
        }
    }
}

impl Response {
    /// The same answer as the last on its connection.
    pub(super) fn closing(mut self) -> Self {
        let close = HeaderValue::from_static("close");
        self.headers.insert(CONNECTION, close);
        self
    }

    /// Hands the answer to hyper.
    pub(super) fn send(mut self, asked: &Asked, turn: &Turn) -> Answer {
        turn.answers(self.settle.take());
        if asked.keeps_alive && !self.headers.contains_key(CONNECTION) {
            let stays = HeaderValue::from_static("keep-alive");
            self.headers.insert(CONNECTION, stays);
        }
        let has_body = !matches!(
            self.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        if asked.is_head && has_body {
            let length = HeaderValue::from(self.content.len());
            self.headers.insert(CONTENT_LENGTH, length);
        }
        let content = match has_body && !asked.is_head {
            true => self.content,
            false => Bytes::new(),
        };
        let body = Bytes::from_owner(Content(content, turn.clone()));
        let mut answer = hyper::Response::new(Full::new(body));
        *answer.status_mut() = self.status;
        *answer.headers_mut() = self.headers;
        answer
    }
}

/// What is to be written. hyper drops it when it has taken all of it, or when the connection has ended; then nothing is
/// flushed any more.
struct Content(Bytes, Turn);

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.1.taken();
    }
}
