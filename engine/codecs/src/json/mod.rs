//! Codec `json`: one JSON value per frame.

mod build;
mod diagnose;

use memchr::memchr2;
use simd_json::{Buffers, ErrorType, INPUT_PADDING, Tape, fill_tape_padded};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, ProcessorInfo, Result, Value, register};

/// Working memory for frames up to this size is kept from one frame to the next.
const KEPT: usize = 1024 * 1024;

/// `json` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// JSON as RFC 8259 has it.
///
/// **Decoding.** A frame is one value with white space around it; a frame of white space alone is no event. Arrays and
/// records nest at most 1,024 deep. Of equal keys the last value wins, at the place of the first. Integers are exact
/// from `i64::MIN` to `u64::MAX`; a larger one, and a float beyond the range of `f64`, is an error. `-0` is the
/// integer 0. An error names the byte of the frame where it is; the frame is never written to.
///
/// The text is parsed in a copy, which the parser overwrites where a string has escapes. So strings point into the
/// copy in the arena, and the frame stays what it was, for splicing and for dead letters.
///
/// **Encoding.** Arrays and records that nobody has touched are copied from the frame they came from, with their white
/// space and their spelling of numbers, unless that frame had a line break in it or a record with equal keys. The rest
/// is written compactly: keys in their order, floats so that they read back the same, bytes as base64, and NaN and
/// infinities, which JSON cannot say, as `null`.
pub struct Json {
    buffers: Buffers,
    /// Empty between frames; kept for its memory.
    tape: Tape<'static>,
}

impl Codec for Json {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "json",
        summary: "One JSON value per frame.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Json {
            buffers: Buffers::default(),
            tape: Tape(Vec::new()),
        })
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let frame: &'a [u8] = frame;
        let text = trim(frame);
        if text.is_empty() {
            return Ok(None);
        }
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let copy = arena.copy_bytes_padded(text, INPUT_PADDING);
        let parsed = fill_tape_padded(copy, text.len(), &mut self.buffers, &mut tape);
        let decoded = match parsed {
            Ok(()) => {
                // A line break within the text would break the frame of whoever reads lines.
                let source = memchr2(b'\n', b'\r', text).is_none().then_some(text);
                let marks = self.buffers.structural_indexes();
                Ok(Some(build::value(arena, &tape.0, marks, source)))
            }
            Err(error) => Err(explain(frame, error.error())),
        };
        self.tape = tape.reset();
        if text.len() > KEPT {
            self.buffers = Buffers::default();
            self.tape = Tape(Vec::new());
        }
        decoded
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        value.splice_json(out);
        Ok(())
    }
}

/// Cuts white space off both ends; JSON has fewer kinds of it than ASCII.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\n' | b'\r'] = text {
        text = rest;
    }
    text
}

/// Says what is wrong with a frame that the parser refused.
#[cold]
fn explain(frame: &[u8], refusal: &ErrorType) -> Error {
    if let Some(fault) = diagnose::first_fault(frame) {
        return Error::rejected(format!("invalid JSON at byte {}: {}", fault.at, fault.what));
    }
    Error::rejected(match refusal {
        ErrorType::InputTooLarge => format!(
            "the frame of {} bytes is too large for the JSON codec, which takes {} bytes",
            frame.len(),
            crate::limits::JSON_BYTES
        ),
        other => format!("invalid JSON: the parser says {other:?}"),
    })
}

register!(codec Json);
