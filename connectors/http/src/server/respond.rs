//! What goes back for a request.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use temblor_pdk::Fate;

use super::exchange::Reply;
use crate::write::{self, HeaderLines};

/// An answer that is ready to be written.
pub(super) struct Response {
    status: u16,
    headers: HeaderLines,
    content: Content,
    pub(super) keep_alive: bool,
}

enum Content {
    Own(Vec<u8>),
    Reply(Reply),
}

/// What the flow sent back.
pub(super) fn of_reply(mut reply: Reply, defaults: &BTreeMap<String, String>) -> Response {
    let mut headers = std::mem::take(&mut reply.headers);
    for (name, value) in defaults {
        if !write::has(&headers, name) {
            headers.push((name.clone(), value.clone().into_bytes()));
        }
    }
    let closes = |(name, value): &(String, Vec<u8>)| {
        name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case(b"close")
    };
    let keep_alive = !headers.iter().any(closes);
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("connection"));
    Response {
        status: reply.status,
        headers,
        content: Content::Reply(reply),
        keep_alive,
    }
}

/// The flow sent nothing back.
pub(super) fn of_fate(fate: Fate, status_acked: u16) -> Response {
    match fate {
        Fate::Acked => Response {
            status: status_acked,
            headers: HeaderLines::new(),
            content: Content::Own(Vec::new()),
            keep_alive: true,
        },
        Fate::Failed => error(500, "the request could not be processed"),
    }
}

/// An error of the server's own, with its reason in the body.
pub(super) fn error(status: u16, reason: &str) -> Response {
    let plain = b"text/plain; charset=utf-8".to_vec();
    Response {
        status,
        headers: vec![(String::from("content-type"), plain)],
        content: Content::Own(format!("{reason}\n").into_bytes()),
        keep_alive: true,
    }
}

impl Response {
    /// The same answer as the last on its connection.
    pub(super) fn closing(mut self) -> Self {
        self.keep_alive = false;
        self
    }

    /// Whether answers with this status have a body at all.
    fn has_body(&self) -> bool {
        !matches!(self.status, 204 | 304)
    }

    fn content(&self) -> &[u8] {
        match &self.content {
            Content::Own(bytes) => bytes,
            Content::Reply(reply) => {
                let data = reply.batch.events().get(reply.at).map(|event| event.data);
                let text = data.and_then(|data| data.as_str()).map(str::as_bytes);
                let bytes = data.and_then(|data| data.as_bytes());
                bytes.or(text).unwrap_or_default()
            }
        }
    }

    pub(super) fn body(&self) -> &[u8] {
        match self.has_body() {
            true => self.content(),
            false => &[],
        }
    }

    /// The head, for a client of HTTP/1.`minor`.
    pub(super) fn head(&self, now_ns: u64, minor: u8) -> Vec<u8> {
        let mut head = Vec::with_capacity(256);
        let status = self.status.to_string();
        write::first_line(&mut head, ["HTTP/1.1", &status, write::phrase(self.status)]);
        if !write::has(&self.headers, "date") {
            let now = UNIX_EPOCH + Duration::from_nanos(now_ns);
            let date = httpdate::fmt_http_date(now);
            write::header(&mut head, "date", date.as_bytes());
        }
        write::headers(&mut head, &self.headers);
        if self.has_body() {
            let length = self.content().len().to_string();
            write::header(&mut head, "content-length", length.as_bytes());
        }
        match (self.keep_alive, minor) {
            (false, _) => write::header(&mut head, "connection", b"close"),
            (true, 0) => write::header(&mut head, "connection", b"keep-alive"),
            (true, _) => {}
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// It was written. Says whether another request may follow.
    pub(super) fn delivered(self) -> bool {
        if let Content::Reply(reply) = self.content {
            reply.settle.delivered();
        }
        self.keep_alive
    }
}
