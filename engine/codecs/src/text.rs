//! What codecs of text have in common.

use temblor_pdk::{Error, Result, Value, View};

/// The text of a frame.
pub(crate) fn utf8(frame: &[u8]) -> Result<&str> {
    std::str::from_utf8(frame).map_err(|error| {
        Error::rejected(format!(
            "invalid UTF-8 at byte {}\nhelp: use codec `binary` for bytes that are not text",
            error.valid_up_to()
        ))
    })
}

/// A number as metrics have them: an integer of 64 bits if it can be one, otherwise a finite float.
pub(crate) fn number<'a>(text: &str) -> Option<Value<'a>> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(integer) = text.parse::<i64>() {
        return Some(Value::from(integer));
    }
    // `inf` and `nan` are words of Rust.
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite())?;
    text.bytes().all(is_digit).then(|| Value::from(float))
}

/// Writes a number.
///
/// # Errors
/// Says that the value of the field is none.
pub(crate) fn write_number(value: Value<'_>, key: &str, out: &mut Vec<u8>) -> Result<(), String> {
    match value.view() {
        View::I64(_) | View::U64(_) => value.write_json(out),
        View::F64(float) if float.is_finite() => value.write_json(out),
        _ => return Err(format!("its `{key}` is no finite number")),
    }
    Ok(())
}

/// The string in a field.
///
/// # Errors
/// Says that there is none.
pub(crate) fn field<'a>(value: Value<'a>, key: &str) -> Result<&'a str, String> {
    let text = value.get(key).and_then(Value::as_str);
    text.ok_or_else(|| format!("it has no string `{key}`"))
}
