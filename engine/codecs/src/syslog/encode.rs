//! From a record to a message.

use std::io::Write;

use chrono::{DateTime, Utc};
use temblor_pdk::{Value, View};

/// In the order of their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clockd", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
/// In the order of their numbers.
const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// Writes a message.
///
/// # Errors
/// Says what about the record cannot be said in one.
pub(super) fn message(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    if value.as_object().is_none() {
        return Err(format!(
            "a record is expected, not a value of type {}",
            value.type_name()
        ));
    }
    let facility = number_of(value, "facility", &FACILITIES)?.unwrap_or(1);
    let severity = number_of(value, "severity", &SEVERITIES)?.unwrap_or(5);
    let time = match field(value, "timestamp").view() {
        View::Null => None,
        View::I64(nanoseconds) => Some(DateTime::from_timestamp_nanos(nanoseconds)),
        _ => return Err("its `timestamp` is no integer".to_owned()),
    };
    write(out, format_args!("<{}>", facility * 8 + severity));
    match field(value, "protocol").as_str() {
        Some("RFC3164") => rfc3164(value, time, out),
        Some("RFC5424") | None => rfc5424(value, time, out),
        Some(other) => Err(format!(
            "its `protocol` is `{other}`; there are `RFC5424` and `RFC3164`"
        )),
    }
}

fn rfc5424(value: Value<'_>, time: Option<DateTime<Utc>>, out: &mut Vec<u8>) -> Result<(), String> {
    let version = match field(value, "protocol_version").view() {
        View::Null => 1,
        View::I64(version @ 1..=999) => version,
        _ => return Err("its `protocol_version` is no integer from 1 to 999".to_owned()),
    };
    write(out, format_args!("{version} "));
    match time {
        // More digits than six are not allowed.
        Some(time) => write(
            out,
            format_args!("{}", time.format("%Y-%m-%dT%H:%M:%S%.6fZ")),
        ),
        None => out.push(b'-'),
    }
    for key in ["hostname", "appname", "procid", "msgid"] {
        out.push(b' ');
        if !word(value, key, out)? {
            out.push(b'-');
        }
    }
    out.push(b' ');
    if !structured_data(value, out)? {
        out.push(b'-');
    }
    let msg = msg(value)?;
    if !msg.is_empty() {
        out.push(b' ');
        out.extend_from_slice(msg.as_bytes());
    }
    Ok(())
}

/// The message has a time in any case: without one, what follows would be taken for something else.
fn rfc3164(value: Value<'_>, time: Option<DateTime<Utc>>, out: &mut Vec<u8>) -> Result<(), String> {
    let time = time.unwrap_or_else(Utc::now);
    write(out, format_args!("{} ", time.format("%b %e %H:%M:%S")));
    if !word(value, "hostname", out)? {
        out.push(b'-');
    }
    out.push(b' ');
    let has_name = word(value, "appname", out)?;
    if has_name && !field(value, "procid").is_null() {
        out.push(b'[');
        word(value, "procid", out)?;
        out.push(b']');
    }
    if has_name {
        out.extend_from_slice(b": ");
    }
    if structured_data(value, out)? {
        out.push(b' ');
    }
    out.extend_from_slice(msg(value)?.as_bytes());
    Ok(())
}

fn field<'a>(value: Value<'a>, key: &str) -> Value<'a> {
    value.get(key).unwrap_or_default()
}

/// The number of what is given by its name.
fn number_of(value: Value<'_>, key: &str, names: &[&str]) -> Result<Option<usize>, String> {
    let name = match field(value, key).view() {
        View::Null => return Ok(None),
        View::Str(name) => names.iter().position(|known| *known == name),
        _ => None,
    };
    let number = name.ok_or_else(|| format!("its `{key}` is none of `{}`", names.join("`, `")));
    number.map(Some)
}

/// Writes a part of the head, which ends at a blank; says whether there is one.
fn word(value: Value<'_>, key: &str, out: &mut Vec<u8>) -> Result<bool, String> {
    match field(value, key).view() {
        View::Null => return Ok(false),
        View::I64(number) => write(out, format_args!("{number}")),
        View::Str(text) if is_word(text) => out.extend_from_slice(text.as_bytes()),
        _ => {
            return Err(format!(
                "its `{key}` is no text of visible ASCII characters"
            ));
        }
    }
    Ok(true)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn msg(value: Value<'_>) -> Result<&str, String> {
    match field(value, "msg").view() {
        View::Null => Ok(""),
        View::Str(text) => Ok(text),
        _ => Err("its `msg` is no string".to_owned()),
    }
}

/// Writes all elements; says whether there are any.
fn structured_data(value: Value<'_>, out: &mut Vec<u8>) -> Result<bool, String> {
    let elements = match field(value, "structured_data").view() {
        View::Null => return Ok(false),
        View::Object(elements) => elements,
        _ => return Err(shape()),
    };
    for (id, params) in elements.iter() {
        name(id, out, b'[')?;
        for param in params.as_array().ok_or_else(shape)?.iter() {
            for (key, value) in param.as_object().ok_or_else(shape)?.iter() {
                name(key, out, b' ')?;
                out.extend_from_slice(b"=\"");
                for byte in value.as_str().ok_or_else(shape)?.bytes() {
                    if matches!(byte, b'"' | b'\\' | b']') {
                        out.push(b'\\');
                    }
                    out.push(byte);
                }
                out.push(b'"');
            }
        }
        out.push(b']');
    }
    Ok(!elements.is_empty())
}

fn shape() -> String {
    "its `structured_data` is not like `{\"id\": [{\"name\": \"value\"}]}`".to_owned()
}

fn name(text: &str, out: &mut Vec<u8>, before: u8) -> Result<(), String> {
    if !is_word(text) || text.contains(['=', ']', '"']) {
        return Err(format!(
            "{text:?} in its `structured_data` cannot be a name"
        ));
    }
    out.push(before);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}
