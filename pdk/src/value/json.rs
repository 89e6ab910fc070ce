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
            View::Str(value) => write_quoted(b"", value, b"", out),
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
    if fields.is_empty() {
        out.extend_from_slice(b"{}");
        return;
    }
    let mut before = b"{";
    for (key, value) in fields.iter() {
        write_quoted(before, key, b":", out);
        value.write::<SPLICE>(out);
        before = b",";
    }
    out.push(b'}');
}

/// Below this, floats are written without an exponent, or with one that has a sign of its own.
const EXPONENT_FROM: f64 = 1e16;

fn write_float(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    if value.abs() < EXPONENT_FROM {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    // `1e16` and not `1e+16`, as most write it.
    let parts = text.split('+');
    parts.for_each(|part| out.extend_from_slice(part.as_bytes()));
}

/// Writes a string in quotes between two pieces of punctuation.
///
/// Nearly all strings are plain, so a string is copied and looked at in one go, and written again with care if an
/// escape turns up.
#[inline]
fn write_quoted<const B: usize, const A: usize>(
    before: &[u8; B],
    text: &str,
    after: &[u8; A],
    out: &mut Vec<u8>,
) {
    let bytes = text.as_bytes();
    let (start, size) = (out.len(), bytes.len() + B + A + 2);
    out.reserve(size);
    // SAFETY: there is room for `size` bytes behind the content; punctuation, quotes and `copy` write all of them.
    let is_plain = unsafe {
        let mut place = out.as_mut_ptr().add(start);
        place.cast::<[u8; B]>().write(*before);
        place.add(B).write(b'"');
        place = place.add(B + 1);
        let is_plain = copy(bytes, place);
        place.add(bytes.len()).write(b'"');
        place.add(bytes.len() + 1).cast::<[u8; A]>().write(*after);
        out.set_len(start + size);
        is_plain
    };
    if !is_plain {
        out.truncate(start + B + 1);
        write_escaped(bytes, out);
        out.push(b'"');
        out.extend_from_slice(after);
    }
}

/// Copies bytes; says whether none of them needs an escape. The last block of a long string and the second half of a
/// short one overlap what is before, so that there is no loop over the rest.
///
/// # Safety
/// There is room for the bytes at `place`, in memory that does not overlap them.
#[inline]
unsafe fn copy(bytes: &[u8], place: *mut u8) -> bool {
    let len = bytes.len();
    let from = bytes.as_ptr();
    // SAFETY: every block read below lies within `bytes`, and is written at the same offset of `place`.
    let found = unsafe {
        match len {
            16.. => {
                let last = len - 16;
                let mut found = copy_16(from.add(last), place.add(last));
                for at in (0..last).step_by(16) {
                    found |= copy_16(from.add(at), place.add(at));
                }
                found
            }
            8.. => {
                let last = len - 8;
                let found = escapes(copy_block(from, place));
                found | escapes(copy_block(from.add(last), place.add(last)))
            }
            4.. => {
                let last = len - 4;
                let first = u32::from_le_bytes(copy_block(from, place));
                let last = u32::from_le_bytes(copy_block(from.add(last), place.add(last)));
                escapes((u64::from(first) | u64::from(last) << 32).to_le_bytes())
            }
            _ => {
                let mut found = false;
                for (at, byte) in bytes.iter().enumerate() {
                    place.add(at).write(*byte);
                    found |= needs_escape(*byte);
                }
                u64::from(found)
            }
        }
    };
    found == 0
}

/// # Safety
/// `N` bytes can be read at `from` and written at `to`.
#[inline(always)]
unsafe fn copy_block<const N: usize>(from: *const u8, to: *mut u8) -> [u8; N] {
    // SAFETY: the caller's contract.
    unsafe {
        let block = from.cast::<[u8; N]>().read();
        to.cast::<[u8; N]>().write(block);
        block
    }
}

/// Copies a block; the result is not 0 if a byte of it needs an escape.
///
/// # Safety
/// 16 bytes can be read at `from` and written at `to`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_16(from: *const u8, to: *mut u8) -> u64 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_storeu_si128,
    };
    // SAFETY: the caller's contract; every x86-64 has SSE2.
    unsafe {
        let block = _mm_loadu_si128(from.cast());
        _mm_storeu_si128(to.cast(), block);
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
        let found = _mm_or_si128(control, _mm_or_si128(quote, backslash));
        u64::from(_mm_movemask_epi8(found) as u32)
    }
}

/// See the other definition.
///
/// # Safety
/// 16 bytes can be read at `from` and written at `to`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn copy_16(from: *const u8, to: *mut u8) -> u64 {
    // SAFETY: the caller's contract.
    unsafe { escapes(copy_block(from, to)) | escapes(copy_block(from.add(8), to.add(8))) }
}

/// Not 0 if one of eight bytes needs an escape; three of the classic tests for a byte within a word.
#[inline(always)]
fn escapes(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(bytes);
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    (control | quote | backslash) & HIGH
}

/// Whether a JSON string cannot hold a byte as it is.
#[inline(always)]
fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cold]
fn write_escaped(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = bytes.iter().position(|byte| needs_escape(*byte)) {
        out.extend_from_slice(&bytes[..at]);
        write_escape(bytes[at], out);
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
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
