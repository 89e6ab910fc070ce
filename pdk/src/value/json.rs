//! Writing a value as compact JSON.

use super::{Array, Object, OwnedValue, Value, View};

impl Value<'_> {
    /// Appends the value as compact JSON, keys in their order, without looking at the input text it came from.
    ///
    /// Bytes are written as a base64 string; floats in their shortest form that reads back the same, always with a
    /// `.` or an exponent; infinities and NaN, which JSON cannot say, as `null`.
    pub fn write_json(self, out: &mut Vec<u8>) {
        self.write::<false>(out);
    }

    /// Appends the value as JSON like [`Value::write_json`], but copies the input text of every array and record that
    /// nobody has touched, white space and spelling of numbers included.
    pub fn splice_json(self, out: &mut Vec<u8>) {
        self.write::<true>(out);
    }

    fn write<const SPLICE: bool>(self, out: &mut Vec<u8>) {
        match self.view() {
            View::Null => out.extend_from_slice(b"null"),
            View::Bool(true) => out.extend_from_slice(b"true"),
            View::Bool(false) => out.extend_from_slice(b"false"),
            View::I64(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            View::U64(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            View::F64(value) => write_float(value, out),
            View::Str(value) => write_string(value, out),
            View::Bytes(value) => write_base64(value, out),
            View::Array(items) => match items.source_text().filter(|_| SPLICE) {
                Some(text) => out.extend_from_slice(text),
                None => write_array::<SPLICE>(items, out),
            },
            View::Object(fields) => match fields.source_text().filter(|_| SPLICE) {
                Some(text) => out.extend_from_slice(text),
                None => write_object::<SPLICE>(fields, out),
            },
        }
    }

    /// The value as compact JSON; see [`Value::write_json`].
    #[must_use]
    pub fn to_json(self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        // Everything written above is UTF-8.
        String::from_utf8(out).unwrap_or_default()
    }
}

impl OwnedValue {
    /// The value as compact JSON; see [`Value::write_json`].
    #[must_use]
    pub fn to_json(&self) -> String {
        super::Arena::new().value(self).to_json()
    }
}

fn write_array<const SPLICE: bool>(items: Array<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        item.write::<SPLICE>(out);
    }
    out.push(b']');
}

fn write_object<const SPLICE: bool>(fields: Object<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (key, value)) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(key, out);
        out.push(b':');
        value.write::<SPLICE>(out);
    }
    out.push(b'}');
}

fn write_float(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Bytes that a JSON string cannot hold as they are.
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether one of eight bytes needs an escape; three of the classic tests for a byte within a word.
fn word_needs_escape(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    (control | quote | backslash) & HIGH != 0
}

fn first_escape(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for chunk in bytes.chunks_exact(8) {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        if word_needs_escape(u64::from_le_bytes(word)) {
            break;
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|&byte| needs_escape(byte))?;
    Some(at + rest)
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut bytes = text.as_bytes();
    while let Some(at) = first_escape(bytes) {
        out.extend_from_slice(&bytes[..at]);
        write_escape(bytes[at], out);
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    use base64::Engine;
    out.push(b'"');
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
