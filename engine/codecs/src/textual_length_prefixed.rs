//! Preprocessor and postprocessor `textual-length-prefixed`: a length in digits and a space before every frame.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, register};

use crate::gather::{BELIEVED, Gathered, MAX_LENGTH, check_max_length, too_long};

const NAME: &str = "textual-length-prefixed";

/// More digits are in no length.
const DIGITS: usize = 20;

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

/// Takes frames out of a stream in which the length of each stands before it, in decimal digits and with a space behind
/// them, as in syslog over TCP.
///
/// A frame above `max_length` is reported when its length is read, and left out. What is no length at all is reported
/// once, and the stream goes on with the next word that is one.
pub struct TextualLengthPrefixed {
    max_length: usize,
    /// The digits of a length so far.
    digits: Vec<u8>,
    /// The length, once it is there.
    length: Option<usize>,
    /// The bytes that it took, with its space.
    prefix: usize,
    frame: Gathered,
    /// Bytes of a frame that is left out, which are still to come.
    skips: u64,
    /// Whether a word that is no length goes on.
    in_word: bool,
    /// Whether no length was found since the last failure.
    lost: bool,
}

impl Preprocessor for TextualLengthPrefixed {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: NAME,
        summary: "Takes out frames with their length, in digits, before them.",
        example: r#"{"max_length": 16777216}"#,
    };

    fn new(config: Config) -> Result<Self> {
        check_max_length(config.max_length)?;
        Ok(TextualLengthPrefixed {
            max_length: config.max_length,
            digits: Vec::new(),
            length: None,
            prefix: 0,
            frame: Gathered::default(),
            skips: 0,
            in_word: false,
            lost: false,
        })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let mut rest = piece;
        loop {
            let skipped = self.skips.min(rest.len() as u64);
            self.skips -= skipped;
            rest = &rest[skipped as usize..];
            if let Some(length) = self.length {
                if !self.frame.take(&mut rest, length, out) {
                    return Ok(());
                }
                self.length = None;
            }
            let Some((&byte, behind)) = rest.split_first() else {
                return Ok(());
            };
            rest = behind;
            match byte {
                b' ' if self.in_word => self.in_word = false,
                _ if self.in_word => {}
                b' ' if !self.digits.is_empty() => self.end_length(out),
                b'0'..=b'9' if self.digits.len() < DIGITS => self.digits.push(byte),
                _ => self.no_length(byte, out),
            }
        }
    }

    fn held(&self) -> usize {
        let prefix = self.length.map_or(0, |_| self.prefix);
        self.digits.len() + prefix + self.frame.len()
    }

    fn finish(&mut self, _out: &mut FrameSink<'_, '_>) -> Result<()> {
        let digits = std::mem::take(&mut self.digits);
        let got = self.frame.clear();
        (self.skips, self.in_word, self.lost) = (0, false, false);
        match self.length.take() {
            Some(length) => Err(Error::rejected(format!(
                "the stream ends within a frame, with {got} of its {length} bytes"
            ))),
            None if !digits.is_empty() => Err(Error::rejected(format!(
                "the stream ends within the length of a frame, {:?}",
                String::from_utf8_lossy(&digits)
            ))),
            None => Ok(()),
        }
    }
}

impl TextualLengthPrefixed {
    /// A length has ended with its space.
    fn end_length(&mut self, out: &mut FrameSink<'_, '_>) {
        let length = self.digits.iter().try_fold(0u64, |length, digit| {
            let digit = u64::from(digit - b'0');
            length.checked_mul(10)?.checked_add(digit)
        });
        let length = length.unwrap_or(u64::MAX);
        self.prefix = self.digits.len() + 1;
        self.digits.clear();
        if length <= self.max_length as u64 {
            self.lost = false;
            self.length = Some(length as usize);
            return;
        }
        if !self.lost {
            out.failed(&too_long(NAME, length, self.max_length));
        }
        match length > BELIEVED || self.lost {
            true => self.lost = true,
            false => self.skips = length,
        }
    }

    /// A byte came that is in no length.
    fn no_length(&mut self, byte: u8, out: &mut FrameSink<'_, '_>) {
        self.digits.push(byte);
        let word = std::mem::take(&mut self.digits);
        if !self.lost {
            out.failed(&Error::rejected(format!(
                "found {:?} where the digits of a length and a space should be\n\
                 help: see whether the other side puts such lengths before its frames at all",
                String::from_utf8_lossy(&word)
            )));
        }
        self.lost = true;
        self.in_word = byte != b' ';
    }
}

register!(preprocessor TextualLengthPrefixed);

/// Puts its length in digits, and a space, before every event.
pub struct PrependTextualLength;

impl Postprocessor for PrependTextualLength {
    type Config = PrependConfig;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: NAME,
        summary: "Puts the length, in digits, before every event.",
        example: "{}",
    };

    fn new(_config: PrependConfig) -> Result<Self> {
        Ok(PrependTextualLength)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let length = format!("{} ", bytes.len());
        out.reserve(length.len() + bytes.len());
        out.extend_from_slice(length.as_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    }
}

register!(postprocessor PrependTextualLength);
