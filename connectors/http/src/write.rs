//! Heads on their way out.

use std::borrow::Cow;

use temblor_pdk::{Error, Result, Value};

/// Headers to be written, in order.
pub(crate) type HeaderLines = Vec<(String, Vec<u8>)>;

/// Headers that follow from the message itself.
const OWN: [&str; 4] = [
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "upgrade",
];

/// Begins a head.
pub(crate) fn first_line(out: &mut Vec<u8>, parts: [&str; 3]) {
    out.extend_from_slice(parts.join(" ").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Adds a header.
pub(crate) fn header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Adds headers that somebody has named, but for those that follow from the message.
pub(crate) fn headers(out: &mut Vec<u8>, lines: &HeaderLines) {
    for (name, value) in lines.iter().filter(|(name, _)| !is_own(name)) {
        header(out, name, value);
    }
}

fn is_own(name: &str) -> bool {
    OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Whether a header is among them.
pub(crate) fn has(lines: &HeaderLines, name: &str) -> bool {
    lines
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// Reads headers from a record in which each has a text, or a list of them.
///
/// # Errors
/// Where a name or a value cannot be one: what a line break in it would do is nobody's intention.
pub(crate) fn from_value(value: Value<'_>) -> Result<HeaderLines> {
    let mut lines = HeaderLines::new();
    if value.is_null() {
        return Ok(lines);
    }
    let record = value.as_object();
    let record = record.ok_or_else(|| Error::rejected("`headers` is not a record"))?;
    for (name, value) in record.iter() {
        match value.as_array() {
            Some(values) => {
                for value in values.iter() {
                    lines.push(line(name, value)?);
                }
            }
            None => lines.push(line(name, value)?),
        }
    }
    Ok(lines)
}

fn line(name: &str, value: Value<'_>) -> Result<(String, Vec<u8>)> {
    let text = match (value.as_str(), value.as_bytes()) {
        (Some(text), _) => Cow::Borrowed(text.as_bytes()),
        (None, Some(bytes)) => Cow::Borrowed(bytes),
        (None, None) if value.as_object().is_some() || value.is_null() => {
            return Err(Error::rejected(format!("header `{name}` is not a text")));
        }
        (None, None) => Cow::Owned(value.to_json().into_bytes()),
    };
    check(name, &text).map_err(Error::rejected)?;
    Ok((name.to_owned(), text.into_owned()))
}

/// Whether name and value can be a header; else says why not.
pub(crate) fn check(name: &str, value: &[u8]) -> Result<(), String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("`{}` is no name of a header", name.escape_debug()));
    }
    if value.iter().any(|b| *b < 32 && *b != b'\t' || *b == 127) {
        return Err(format!("header `{name}` holds a control character"));
    }
    Ok(())
}

/// What a status is called.
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
