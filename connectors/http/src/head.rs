//! Heads of requests and responses: the first line, the headers, and how the body is framed.

use httparse::{EMPTY_HEADER, Error as ParseError, Header, Status};

use crate::wire::{Wire, reason_of};

/// Up to this length an unfinished head is looked at each time something comes, so that what is no HTTP is found
/// before the limit or the time-out is.
const EARLY_BYTES: usize = 1024;

/// Why a message cannot be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The other side went away.
    Gone(String),
    /// What it sent cannot be accepted. The status is what a server answers.
    Refused(u16, String),
}

impl Fault {
    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Fault::Refused(400, reason.into())
    }

    pub(crate) fn io(error: &std::io::Error) -> Self {
        Fault::Gone(reason_of(error))
    }

    pub(crate) fn reason(&self) -> &str {
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

/// Names in small letters, with their values.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// It ends with the connection.
    ToTheEnd,
}

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    /// 0 or 1, of HTTP/1.
    pub(crate) minor: u8,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
}

/// Reads until a head is there, and takes it. None where the connection ended before it began.
pub(crate) async fn read<T>(
    wire: &mut Wire,
    limits: HeadLimits,
    parse: impl Fn(&[u8], HeadLimits) -> Result<Option<T>, Fault>,
) -> Result<Option<T>, Fault> {
    skip_empty_lines(wire);
    let mut seen = 0;
    loop {
        if let Some(end) = end_of_head(wire.unused(), seen) {
            if end > limits.bytes {
                return Err(too_large(limits));
            }
            let parsed = parse(&wire.unused()[..end], limits)?;
            let parsed = parsed.ok_or_else(|| Fault::bad("the head ends too early"))?;
            wire.consume(end);
            return Ok(Some(parsed));
        }
        seen = wire.unused().len();
        if seen > limits.bytes {
            return Err(too_large(limits));
        }
        if seen > 0 && seen <= EARLY_BYTES {
            parse(wire.unused(), limits)?;
        }
        let count = wire.fill().await.map_err(|error| Fault::io(&error))?;
        if seen == 0 {
            skip_empty_lines(wire);
        }
        match (count, seen) {
            (0, 0) => return Ok(None),
            (0, _) => return Err(Fault::Gone(String::from("the head is cut short"))),
            _ => {}
        }
    }
}

/// Some clients send an empty line behind a body.
fn skip_empty_lines(wire: &mut Wire) {
    let unused = wire.unused().iter();
    let count = unused.take_while(|b| matches!(b, b'\r' | b'\n')).count();
    wire.consume(count);
}

/// Where the empty line behind the headers ends; `seen` bytes were looked at before.
fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3);
    for at in memchr::memchr_iter(b'\n', bytes.get(from..)?) {
        let at = from + at;
        let rest = bytes.get(at + 1..)?;
        if rest.first() == Some(&b'\n') {
            return Some(at + 2);
        }
        if rest.starts_with(b"\r\n") {
            return Some(at + 3);
        }
    }
    None
}

fn too_large(limits: HeadLimits) -> Fault {
    let limit = limits.bytes;
    Fault::Refused(431, format!("the head is longer than {limit} bytes"))
}

fn faulty(error: ParseError, limits: HeadLimits) -> Fault {
    match error {
        ParseError::TooManyHeaders => {
            let limit = limits.headers;
            Fault::Refused(431, format!("there are more than {limit} headers"))
        }
        error => Fault::bad(format!("the head cannot be read: {error}")),
    }
}

/// Parses the head of a request. None where it is not all there.
pub(crate) fn request(bytes: &[u8], limits: HeadLimits) -> Result<Option<Request>, Fault> {
    let mut headers = vec![EMPTY_HEADER; limits.headers];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Ok(None),
        Err(ParseError::Version) if is_of_http(bytes) => {
            let reason = "this is not HTTP/1.0 or HTTP/1.1";
            return Err(Fault::Refused(505, reason.to_owned()));
        }
        Err(error) => return Err(faulty(error, limits)),
    }
    let minor = parsed.version.unwrap_or(1);
    let method = parsed.method.unwrap_or_default().to_owned();
    let target = parsed.path.unwrap_or_default().to_owned();
    let headers = own(parsed.headers);
    if minor == 1 && values(&headers, "host").count() != 1 {
        return Err(Fault::bad("a request of HTTP/1.1 has one header `host`"));
    }
    let framing = request_framing(&headers, minor)?;
    let keep_alive = keeps_alive(&headers, minor);
    let expects_continue = expects_continue(&headers, minor)?;
    Ok(Some(Request {
        method,
        target,
        framing,
        keep_alive,
        expects_continue,
        headers,
        minor,
    }))
}

/// Parses the head of a response to a request with this method. None where it is not all there.
pub(crate) fn response(
    bytes: &[u8],
    limits: HeadLimits,
    method: &str,
) -> Result<Option<Response>, Fault> {
    let mut headers = vec![EMPTY_HEADER; limits.headers];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Ok(None),
        Err(error) => return Err(faulty(error, limits)),
    }
    let minor = parsed.version.unwrap_or(1);
    let status = parsed.code.unwrap_or_default();
    let headers = own(parsed.headers);
    let framing = response_framing(&headers, status, method)?;
    let keep_alive = framing != Framing::ToTheEnd && keeps_alive(&headers, minor);
    Ok(Some(Response {
        status,
        headers,
        framing,
        keep_alive,
    }))
}

/// Whether a request line says that it is of HTTP, in whatever version.
fn is_of_http(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut parts = line.trim_ascii().split(|b| *b == b' ');
    parts
        .nth(2)
        .is_some_and(|third| third.starts_with(b"HTTP/"))
        && parts.next().is_none()
}

fn own(headers: &[Header<'_>]) -> Headers {
    let own = |header: &Header<'_>| (header.name.to_ascii_lowercase(), header.value.to_vec());
    headers.iter().map(own).collect()
}

/// The values of a header, in order.
pub(crate) fn values<'h>(headers: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let named = headers.iter().filter(move |(known, _)| known == name);
    named.map(|(_, value)| value.as_slice())
}

/// The parts of a header that is a list, in order.
fn tokens<'h>(headers: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let parts = values(headers, name).flat_map(|value| value.split(|b| *b == b','));
    parts
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
}

fn keeps_alive(headers: &Headers, minor: u8) -> bool {
    let says = |what: &[u8]| tokens(headers, "connection").any(|t| t.eq_ignore_ascii_case(what));
    match minor {
        0 => says(b"keep-alive") && !says(b"close"),
        _ => !says(b"close"),
    }
}

fn expects_continue(headers: &Headers, minor: u8) -> Result<bool, Fault> {
    let mut expected = values(headers, "expect");
    match expected.next() {
        // A client of HTTP/1.0 cannot read a `100 Continue`.
        None => Ok(false),
        Some(_) if minor == 0 => Ok(false),
        Some(what) if what.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Fault::Refused(
            417,
            String::from("only `100-continue` can be expected"),
        )),
    }
}

/// The length that the headers name. One length, once: whoever reads two differently can be made to see requests
/// that nobody sent.
fn length(headers: &Headers) -> Result<Option<u64>, Fault> {
    let mut lengths = values(headers, "content-length");
    let Some(text) = lengths.next() else {
        return Ok(None);
    };
    if lengths.next().is_some() {
        return Err(Fault::bad("there are several headers `content-length`"));
    }
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| is_number);
    let number = number.and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| Fault::bad("`content-length` is not a length"))?;
    Ok(Some(number))
}

/// Whether the body is chunked, and in no other way encoded for the way.
fn is_chunked(headers: &Headers) -> Result<bool, Fault> {
    let codings: Vec<&[u8]> = tokens(headers, "transfer-encoding").collect();
    let named = values(headers, "transfer-encoding").next().is_some();
    match codings.as_slice() {
        [] if !named => Ok(false),
        [one] if one.eq_ignore_ascii_case(b"chunked") => Ok(true),
        [.., last] if last.eq_ignore_ascii_case(b"chunked") => Err(Fault::Refused(
            501,
            String::from("no `transfer-encoding` but `chunked` is known"),
        )),
        _ => Err(Fault::bad("the last `transfer-encoding` is not `chunked`")),
    }
}

fn request_framing(headers: &Headers, minor: u8) -> Result<Framing, Fault> {
    let (chunked, length) = (is_chunked(headers)?, length(headers)?);
    match (chunked, length) {
        (true, Some(_)) => Err(Fault::bad(
            "`transfer-encoding` and `content-length` contradict each other",
        )),
        (true, None) if minor == 0 => Err(Fault::bad("HTTP/1.0 has no `transfer-encoding`")),
        (true, None) => Ok(Framing::Chunked),
        (false, Some(0) | None) => Ok(Framing::None),
        (false, Some(length)) => Ok(Framing::Length(length)),
    }
}

fn response_framing(headers: &Headers, status: u16, method: &str) -> Result<Framing, Fault> {
    if method == "HEAD" || (100..200).contains(&status) || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    let (chunked, length) = (is_chunked(headers)?, length(headers)?);
    match (chunked, length) {
        (true, Some(_)) => Err(Fault::bad(
            "`transfer-encoding` and `content-length` contradict each other",
        )),
        (true, None) => Ok(Framing::Chunked),
        (false, Some(0)) => Ok(Framing::None),
        (false, Some(length)) => Ok(Framing::Length(length)),
        (false, None) => Ok(Framing::ToTheEnd),
    }
}
