//! From a record to a datagram.

use temblor_pdk::{Value, View};

use super::{CHECK_SECTIONS, EVENT_SECTIONS, METRIC_SECTIONS, check_type};
use crate::text::{field, write_number};

/// Writes a datagram.
///
/// # Errors
/// Says what about the record cannot be said in one.
pub(super) fn line(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    if let Some(metric) = value.get("metric") {
        return write_metric(metric, out);
    }
    if let Some(event) = value.get("event") {
        return write_event(event, out);
    }
    if let Some(check) = value.get("service_check") {
        return write_check(check, out);
    }
    Err("it has no record `metric`, `event` or `service_check`".to_owned())
}

fn write_metric(metric: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let (name, kind) = (field(metric, "metric")?, field(metric, "type")?);
    check_type(kind)?;
    if name.is_empty() || name.contains([':', '|', '\n']) || name.starts_with("_e{") {
        return Err(format!(
            "the metric {name:?} is empty, begins with `_e{{`, or has a colon, a pipe or a line break in it"
        ));
    }
    out.extend_from_slice(name.as_bytes());
    match metric.get("values").and_then(Value::as_array) {
        Some(values) if values.len() > 1 && kind != "s" => {
            for value in values.iter() {
                out.push(b':');
                write_number(value, "values", out)?;
            }
        }
        Some(_) => {
            return Err(
                "its `values` are fewer than two, or its type is `s`; give a `value`".to_owned(),
            );
        }
        None => {
            out.push(b':');
            let value = metric.get("value").unwrap_or_default();
            match value.view() {
                View::Str(text) if kind == "s" => plain(text, "value", out)?,
                _ => write_number(value, "value", out)?,
            }
        }
    }
    out.push(b'|');
    out.extend_from_slice(kind.as_bytes());
    sections(metric, &METRIC_SECTIONS, out)
}

fn write_event(event: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let (title, text) = (field(event, "title")?, field(event, "text")?);
    if title.contains('\n') || text.contains('\n') {
        return Err(
            "its `title` or `text` has a line break; write `\\n` as two characters".to_owned(),
        );
    }
    let head = format!("_e{{{},{}}}:{title}|{text}", title.len(), text.len());
    out.extend_from_slice(head.as_bytes());
    sections(event, &EVENT_SECTIONS, out)
}

fn write_check(check: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let status = check
        .get("status")
        .and_then(Value::as_u64)
        .filter(|status| *status <= 3);
    let status = status.ok_or("its `status` is no integer from 0 to 3")?;
    out.extend_from_slice(b"_sc|");
    plain(field(check, "name")?, "name", out)?;
    out.extend_from_slice(format!("|{status}").as_bytes());
    sections(check, &CHECK_SECTIONS, out)
}

fn sections(value: Value<'_>, sections: &[(&str, &str)], out: &mut Vec<u8>) -> Result<(), String> {
    for (mark, key) in sections {
        let section = value.get(key).unwrap_or_default();
        if section.is_null() {
            continue;
        }
        out.push(b'|');
        out.extend_from_slice(mark.as_bytes());
        match *key {
            "timestamp" | "sample_rate" => write_number(section, key, out)?,
            "tags" => tags(section, out)?,
            // The last one, to the end of the line.
            "message" => match field(value, key)? {
                text if text.contains('\n') => {
                    return Err("its `message` has a line break".to_owned());
                }
                text => out.extend_from_slice(text.as_bytes()),
            },
            _ => plain(field(value, key)?, key, out)?,
        }
    }
    Ok(())
}

fn tags(tags: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let tags = tags.as_array().filter(|tags| !tags.is_empty());
    let tags = tags.ok_or("its `tags` are no array, or an empty one")?;
    for (at, tag) in tags.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match tag.as_str() {
            Some(tag) if !tag.contains(',') => plain(tag, "tags", out)?,
            _ => return Err("one of its `tags` is no string, or has a comma in it".to_owned()),
        }
    }
    Ok(())
}

/// Writes a text that ends at a pipe.
fn plain(text: &str, key: &str, out: &mut Vec<u8>) -> Result<(), String> {
    if text.contains(['|', '\n']) {
        return Err(format!("its `{key}` has a pipe or a line break in it"));
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
