//! Headers and bodies between hyper and events.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING, UPGRADE};
use temblor_pdk::{Arena, Batch, Error, Field, Result, Value};

/// Headers that follow from the message itself.
const OWN: [HeaderName; 5] = [
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    TRAILER,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Reads headers from a record in which each has a text, or a list of them. Those that follow from the message are left
/// out.
///
/// # Errors
/// Where a name or a value cannot be one: what a line break in it would do is nobody's intention.
pub(crate) fn from_value(value: Value<'_>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if value.is_null() {
        return Ok(headers);
    }
    let record = value.as_object();
    let record = record.ok_or_else(|| Error::rejected("`headers` is not a record"))?;
    for (name, value) in record.iter() {
        match value.as_array() {
            Some(values) => {
                for value in values.iter() {
                    add_value(&mut headers, name, value)?;
                }
            }
            None => add_value(&mut headers, name, value)?,
        }
    }
    Ok(headers)
}

fn add_value(headers: &mut HeaderMap, name: &str, value: Value<'_>) -> Result<()> {
    let text = match (value.as_str(), value.as_bytes()) {
        (Some(text), _) => Cow::Borrowed(text.as_bytes()),
        (None, Some(bytes)) => Cow::Borrowed(bytes),
        (None, None) if value.as_object().is_some() || value.is_null() => {
            return Err(Error::rejected(format!("header `{name}` is not a text")));
        }
        (None, None) => Cow::Owned(value.to_json().into_bytes()),
    };
    add(headers, name, &text).map_err(Error::rejected)
}

/// Adds a header, unless it follows from the message. The error says why it cannot be one.
pub(crate) fn add(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), String> {
    let parsed = HeaderName::from_bytes(name.as_bytes());
    let name = parsed.map_err(|_| format!("`{}` is no name of a header", name.escape_debug()))?;
    let value = HeaderValue::from_bytes(value);
    let value = value.map_err(|_| format!("header `{name}` holds a control character"))?;
    if !OWN.contains(&name) {
        let added = headers.try_append(name, value);
        added.map_err(|_| String::from("there are too many headers"))?;
    }
    Ok(())
}

/// Adds those headers of `more` whose names are not there yet.
pub(crate) fn add_missing(headers: &mut HeaderMap, more: &HeaderMap) {
    let missing: Vec<&HeaderName> = more
        .keys()
        .filter(|name| !headers.contains_key(*name))
        .collect();
    for name in missing {
        for value in more.get_all(name) {
            // There are few, and with too many the rest is left out.
            let _ = headers.try_append(name.clone(), value.clone());
        }
    }
}

/// A record of the headers, each with all its values.
pub(crate) fn to_record<'a>(arena: &'a Arena, headers: &HeaderMap) -> Value<'a> {
    let fields: Vec<Field<'a>> = headers
        .keys()
        .map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<Value<'a>> =
                values.map(|value| text(arena, value.as_bytes())).collect();
            Field::new(arena.str(name.as_str()), arena.array(&values))
        })
        .collect();
    arena.object(&fields)
}

fn text<'a>(arena: &'a Arena, value: &[u8]) -> Value<'a> {
    match String::from_utf8_lossy(value) {
        Cow::Borrowed(text) => Value::from(arena.str(text)),
        Cow::Owned(text) => Value::from(arena.str(&text)),
    }
}

/// The payload of an event of a batch, where it is.
pub(crate) struct Payload(pub(crate) Batch, pub(crate) usize);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        let data = self.0.events().get(self.1).map(|event| event.data);
        let text = data.and_then(|data| data.as_str()).map(str::as_bytes);
        let bytes = data.and_then(|data| data.as_bytes());
        bytes.or(text).unwrap_or_default()
    }
}
