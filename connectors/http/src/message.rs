//! What hyper leaves to its users: limits of bodies, headers that are a matter of taste, and reasons for people.

use std::error::Error as _;
use std::io::ErrorKind;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{HeaderMap, StatusCode};

use crate::wire::reason_of;

/// hyper's buffers cannot be smaller than this.
const LEAST_BUFFER: usize = 8 * 1024;

/// Why a message cannot be taken.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The other side went away.
    Gone(String),
    /// What it sent cannot be accepted. The status is what a server answers.
    Refused(StatusCode, String),
}

impl Fault {
    pub(crate) fn refused(status: StatusCode, reason: impl Into<String>) -> Self {
        Fault::Refused(status, reason.into())
    }

    pub(crate) fn reason(self) -> String {
        match self {
            Fault::Gone(reason) | Fault::Refused(_, reason) => reason,
        }
    }
}

/// What a head may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) bytes: usize,
    pub(crate) headers: usize,
}

impl HeadLimits {
    /// How large a buffer is that a head fits in.
    pub(crate) fn buffer(self) -> usize {
        self.bytes.max(LEAST_BUFFER)
    }

    /// Why a head was not taken.
    pub(crate) fn refusal(self, error: &hyper::Error) -> Fault {
        let HeadLimits { bytes, headers } = self;
        if error.is_parse_version_h2() {
            Fault::refused(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "this is not HTTP/1.0 or HTTP/1.1",
            )
        } else if error.is_parse_too_large() {
            let reason = format!(
                "the head is longer than {bytes} bytes, or has more than {headers} headers"
            );
            Fault::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
        } else if error.is_parse() {
            Fault::Refused(
                StatusCode::BAD_REQUEST,
                format!("the head cannot be read: {}", all_of(error)),
            )
        } else {
            Fault::Gone(all_of(error))
        }
    }
}

/// How large a body may be, and who is asked before room is made for it.
pub(crate) struct BodyLimits<'l> {
    pub(crate) bytes: u64,
    /// Takes the number of bytes that come on top; says whether there is room.
    pub(crate) room: &'l mut (dyn FnMut(usize) -> bool + Send),
}

impl BodyLimits<'_> {
    fn check(&self, bytes: u64) -> Result<(), Fault> {
        let limit = self.bytes;
        match bytes > limit {
            true => Err(Fault::Refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes"),
            )),
            false => Ok(()),
        }
    }
}

/// Whether the body is framed as is known here. hyper takes whatever ends with `chunked`.
pub(crate) fn check_coding(headers: &HeaderMap) -> Result<(), Fault> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        // Of requests hyper drops the second and closes behind the answer, so this concerns responses.
        (Some(_), _) if headers.contains_key(CONTENT_LENGTH) => Err(Fault::refused(
            StatusCode::BAD_REQUEST,
            "`transfer-encoding` and `content-length` contradict each other",
        )),
        (Some(only), None) if chunked(only.as_bytes()) => Ok(()),
        _ => Err(Fault::refused(
            StatusCode::NOT_IMPLEMENTED,
            "no `transfer-encoding` but `chunked` is known",
        )),
    }
}

/// Reads a body.
pub(crate) async fn read_body(
    mut body: Incoming,
    limits: BodyLimits<'_>,
) -> Result<Vec<u8>, Fault> {
    limits.check(body.size_hint().lower())?;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(&error))?;
        // Trailers are read and not looked at.
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        limits.check((bytes.len() + piece.len()) as u64)?;
        if !(limits.room)(piece.len()) {
            return Err(Fault::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "there is no room for more bodies at the moment",
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn unreadable(error: &hyper::Error) -> Fault {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    let kind = cause.map(std::io::Error::kind);
    match kind {
        Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) => Fault::Refused(
            StatusCode::BAD_REQUEST,
            format!("the body cannot be read: {}", all_of(error)),
        ),
        _ => Fault::Gone(all_of(error)),
    }
}

/// An error with its causes; the first alone says little.
pub(crate) fn all_of(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = match next.downcast_ref() {
            Some(error) => reason_of(error),
            None => next.to_string(),
        };
        text = format!("{text}: {said}");
        cause = next.source();
    }
    text
}
