//! Preprocessor and postprocessor `base64`.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, register};

/// `base64` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// Decodes every frame from base64: the standard alphabet, padded to a multiple of four, and nothing else, not even
/// white space.
pub struct FromBase64 {
    /// What the last frame became, of which the memory is kept.
    made: Vec<u8>,
}

/// Memory that is kept for the next frame.
const KEPT: usize = 64 * 1024;

impl Preprocessor for FromBase64 {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "base64",
        summary: "Decodes every frame from base64.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(FromBase64 { made: Vec::new() })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.made.clear();
        match STANDARD.decode_vec(piece, &mut self.made) {
            Ok(()) => out.made(&self.made),
            Err(error) => out.failed_part(piece, &refused(&error, piece.len())),
        }
        self.made.clear();
        self.made.shrink_to(KEPT);
        Ok(())
    }
}

#[cold]
fn refused(error: &DecodeError, length: usize) -> Error {
    let reason = match *error {
        DecodeError::InvalidByte(at, byte) => {
            format!("at byte {at}: {:?} is not base64", char::from(byte))
        }
        DecodeError::InvalidLastSymbol(at, byte) => format!(
            "at byte {at}: {:?} says more than the bytes before it leave room for",
            char::from(byte)
        ),
        DecodeError::InvalidLength(_) => format!("at byte {length}: it ends too early"),
        DecodeError::InvalidPadding => format!("at byte {length}: it is not padded with `=`"),
    };
    Error::rejected(reason)
}

register!(preprocessor FromBase64);

/// Encodes every event as base64, with padding and without line ends.
pub struct ToBase64;

impl Postprocessor for ToBase64 {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "base64",
        summary: "Encodes every event as base64.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(ToBase64)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.resize(start + bytes.len().div_ceil(3) * 4, 0);
        let encoded = STANDARD.encode_slice(bytes, &mut out[start..]);
        encoded
            .map(drop)
            .map_err(|error| Error::rejected(error.to_string()))
    }
}

register!(postprocessor ToBase64);
