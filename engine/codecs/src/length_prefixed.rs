//! Preprocessor and postprocessor a length of eight bytes before every frame.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, register};

use crate::gather::{BELIEVED, Gathered, MAX_LENGTH, check_max_length, too_long};

/// Bytes of a length.
const PREFIX: usize = 8;

const NAME: &str = "length-prefixed";

/// Settings of the preprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The longest frame in bytes.
    max_length: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_length: MAX_LENGTH,
        }
    }
}

/// Settings of the postprocessor, which has none.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct PrependConfig {}

/// Takes frames out of a stream in which an unsigned integer of eight bytes, the most significant one first, says how
/// long the next frame is.
///
/// A frame above `max_length` is reported when its length is read, and left out. A length beyond a tebibyte is none
/// that anyone means: what is left of the piece is refused, and the next piece begins with a length.
pub struct LengthPrefixed {
    max_length: usize,
    prefix: [u8; PREFIX],
    /// How many bytes of the prefix are there.
    known: usize,
    frame: Gathered,
    /// Bytes of a frame that is left out, which are still to come.
    skips: u64,
}

impl Preprocessor for LengthPrefixed {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: NAME,
        summary: "Takes out frames with their length, of eight bytes, before them.",
        example: r#"{"max_length": 16777216}"#,
    };

    fn new(config: Config) -> Result<Self> {
        check_max_length(config.max_length)?;
        Ok(LengthPrefixed {
            max_length: config.max_length,
            prefix: [0; PREFIX],
            known: 0,
            frame: Gathered::default(),
            skips: 0,
        })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let mut rest = piece;
        loop {
            let skipped = self.skips.min(rest.len() as u64);
            self.skips -= skipped;
            rest = &rest[skipped as usize..];
            if self.known < PREFIX {
                let start = rest;
                if !self.read_prefix(&mut rest) {
                    return Ok(());
                }
                let length = u64::from_be_bytes(self.prefix);
                if length > self.max_length as u64 {
                    self.known = 0;
                    let error = too_long(NAME, length, self.max_length);
                    if length > BELIEVED {
                        out.failed_part(start, &error);
                        return Ok(());
                    }
                    out.failed_part(&start[..start.len() - rest.len()], &error);
                    self.skips = length;
                    continue;
                }
            }
            let length = u64::from_be_bytes(self.prefix) as usize;
            if !self.frame.take(&mut rest, length, out) {
                return Ok(());
            }
            self.known = 0;
        }
    }

    fn held(&self) -> usize {
        self.known + self.frame.len()
    }

    fn finish(&mut self, _out: &mut FrameSink<'_, '_>) -> Result<()> {
        let (known, got) = (std::mem::take(&mut self.known), self.frame.clear());
        let length = u64::from_be_bytes(self.prefix);
        // A frame that is being left out was reported.
        self.skips = 0;
        match known {
            0 => Ok(()),
            PREFIX => Err(Error::rejected(format!(
                "the stream ends within a frame, with {got} of its {length} bytes"
            ))),
            _ => Err(Error::rejected(format!(
                "the stream ends within the length of a frame, with {known} of its {PREFIX} bytes"
            ))),
        }
    }
}

impl LengthPrefixed {
    /// Reads on in the prefix. Returns whether it is there.
    fn read_prefix(&mut self, rest: &mut &[u8]) -> bool {
        let taken = rest.len().min(PREFIX - self.known);
        let (bytes, behind) = rest.split_at(taken);
        self.prefix[self.known..self.known + taken].copy_from_slice(bytes);
        self.known += taken;
        *rest = behind;
        self.known == PREFIX
    }
}

register!(preprocessor LengthPrefixed);

/// Puts its length before every event.
pub struct PrependLength;

impl Postprocessor for PrependLength {
    type Config = PrependConfig;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: NAME,
        summary: "Puts the length, as eight bytes, before every event.",
        example: "{}",
    };

    fn new(_config: PrependConfig) -> Result<Self> {
        Ok(PrependLength)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.reserve(PREFIX + bytes.len());
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    }
}

register!(postprocessor PrependLength);
