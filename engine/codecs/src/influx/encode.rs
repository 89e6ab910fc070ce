//! From a record to a line.

use temblor_pdk::{Object, Value, View};

/// Writes a line.
///
/// # Errors
/// Says what about the record cannot be said in a line.
pub(super) fn line(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let Some(measurement) = value.get("measurement").and_then(Value::as_str) else {
        return Err(format!(
            "it has no string `measurement`; a record `{{\"measurement\": …, \"tags\": {{…}}, \"fields\": {{…}}, \
             \"timestamp\": …}}` is expected, not a value of type {}",
            value.type_name()
        ));
    };
    if measurement.starts_with('#') {
        return Err("its measurement begins with `#`, like a comment".to_owned());
    }
    name(measurement, "measurement", b", ", out)?;
    if let Some(tags) = record(value, "tags")? {
        for (key, tag) in tags.iter() {
            let Some(tag) = tag.as_str() else {
                return Err(format!("its tag `{key}` is no string"));
            };
            out.push(b',');
            name(key, "name of a tag", b",= ", out)?;
            out.push(b'=');
            name(tag, "value of a tag", b",= ", out)?;
        }
    }
    let fields = record(value, "fields")?.filter(|fields| !fields.is_empty());
    let fields = fields.ok_or("it has no `fields`")?;
    for (at, (key, field)) in fields.iter().enumerate() {
        out.push(if at == 0 { b' ' } else { b',' });
        name(key, "name of a field", b",= ", out)?;
        out.push(b'=');
        write_field(key, field, out)?;
    }
    match value.get("timestamp").unwrap_or_default().view() {
        View::Null => {}
        View::I64(timestamp) => out.extend_from_slice(format!(" {timestamp}").as_bytes()),
        _ => return Err("its `timestamp` is no signed integer of 64 bits".to_owned()),
    }
    Ok(())
}

fn record<'a>(value: Value<'a>, key: &str) -> Result<Option<Object<'a>>, String> {
    match value.get(key).unwrap_or_default().view() {
        View::Null => Ok(None),
        View::Object(fields) => Ok(Some(fields)),
        _ => Err(format!("its `{key}` are no record")),
    }
}

/// Writes a name with backslashes in front of the characters that would end it.
fn name(text: &str, what: &str, special: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("a {what} is empty"));
    }
    // Whether an odd number of backslashes has just been written: one more character would belong to the last.
    let mut is_open = false;
    for byte in text.bytes() {
        if byte == b'\n' || byte == b'\r' {
            return Err(format!("the {what} {text:?} has a line break in it"));
        }
        if special.contains(&byte) {
            if is_open {
                break;
            }
            out.push(b'\\');
        }
        is_open = byte == b'\\' && !is_open;
        out.push(byte);
    }
    if is_open {
        return Err(format!(
            "the {what} {text:?} has a backslash at its end or before a separator, which would read as an escape"
        ));
    }
    Ok(())
}

fn write_field(key: &str, field: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    match field.view() {
        View::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        View::I64(value) => out.extend_from_slice(format!("{value}i").as_bytes()),
        View::F64(value) if value.is_finite() => field.write_json(out),
        View::Str(text) => {
            out.push(b'"');
            for byte in text.bytes() {
                if byte == b'"' || byte == b'\\' {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
        _ => {
            return Err(format!(
                "its field `{key}` is neither a signed integer of 64 bits, a finite float, a boolean nor a string"
            ));
        }
    }
    Ok(())
}
