//! Preprocessor and postprocessor `separate`: frames with a separator behind each.

use memchr::memchr;
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, register};

/// Memory that is kept for the next line that is cut by the end of a piece.
const KEPT: usize = 64 * 1024;

/// Settings of the preprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The byte behind every frame.
    separator: String,
    /// The longest frame in bytes, without the separator.
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the frame is an error with the place, the stream goes on"}))]
    max_length: usize,
    /// Whether a frame may go on in the next piece of the stream; otherwise the end of a piece ends a frame.
    buffered: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            separator: "\n".into(),
            max_length: 64 * 1024 * 1024,
            buffered: true,
        }
    }
}

/// Settings of the postprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct AppendConfig {
    /// The byte behind every event.
    separator: String,
}

impl Default for AppendConfig {
    fn default() -> Self {
        AppendConfig {
            separator: "\n".into(),
        }
    }
}

fn single_byte(separator: &str) -> Result<u8> {
    match separator.as_bytes() {
        [byte] => Ok(*byte),
        bytes => Err(Error::config(format!(
            "`separator` is {separator:?}, which has {} bytes\nhelp: use a separator of one byte, such as \"\\n\" or \
             \"|\"",
            bytes.len()
        ))),
    }
}

/// Cuts a stream into frames at every separator, which belongs to no frame.
///
/// Two separators behind each other have an empty frame between them; nothing is made of the end of a piece, or of
/// the stream, right behind a separator. What the stream ends with is a frame also without a separator. A carriage
/// return before a newline stays in the frame. A frame above `max_length` is reported once, where it ends, and left
/// out; the stream goes on behind it. No more than `max_length` bytes are ever kept.
pub struct Separate {
    separator: u8,
    max_length: usize,
    buffered: bool,
    /// The beginning of a frame that the pieces so far have not ended.
    carry: Vec<u8>,
    /// The bytes of an over-long frame that were left out so far; 0 if there is none under way.
    skipped: usize,
}

impl Preprocessor for Separate {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "separate",
        summary: "Cuts a stream at a separator.",
        example: r#"{"separator": "\n", "max_length": 1048576, "buffered": true}"#,
    };

    fn new(config: Config) -> Result<Self> {
        if config.max_length == 0 {
            return Err(Error::config(
                "`max_length` is 0, so no frame could pass\nhelp: leave it out, or give the longest frame in bytes",
            ));
        }
        Ok(Separate {
            separator: single_byte(&config.separator)?,
            max_length: config.max_length,
            buffered: config.buffered,
            carry: Vec::new(),
            skipped: 0,
        })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let mut rest = piece;
        if !self.carry.is_empty() || self.skipped > 0 {
            let Some(end) = memchr(self.separator, rest) else {
                self.keep(rest);
                return Ok(());
            };
            self.keep(&rest[..end]);
            self.hand_over_carry(out);
            rest = &rest[end + 1..];
        }
        let mut start = 0;
        for end in memchr::memchr_iter(self.separator, rest) {
            self.hand_over(&rest[start..end], out);
            start = end + 1;
        }
        let last = &rest[start..];
        if self.buffered {
            self.keep(last);
        } else if !last.is_empty() {
            self.hand_over(last, out);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.carry.len() + self.skipped
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        if !self.carry.is_empty() || self.skipped > 0 {
            self.hand_over_carry(out);
        }
        Ok(())
    }
}

impl Separate {
    fn hand_over<'a>(&self, frame: &'a [u8], out: &mut FrameSink<'_, 'a>) {
        if frame.len() > self.max_length {
            out.failed_part(frame, &self.too_long(frame.len()));
        } else {
            out.part(frame);
        }
    }

    /// Adds to the frame that the pieces so far have not ended, or counts it as skipped.
    fn keep(&mut self, bytes: &[u8]) {
        let room = self.max_length - self.carry.len();
        if self.skipped > 0 || bytes.len() > room {
            self.skipped = self.skipped.saturating_add(self.carry.len());
            self.skipped = self.skipped.saturating_add(bytes.len());
            self.carry = Vec::new();
        } else {
            self.carry.extend_from_slice(bytes);
        }
    }

    fn hand_over_carry(&mut self, out: &mut FrameSink<'_, '_>) {
        if self.skipped > 0 {
            out.failed(&self.too_long(self.skipped));
            self.skipped = 0;
            return;
        }
        out.made(&self.carry);
        self.carry.clear();
        self.carry.shrink_to(KEPT);
    }

    #[cold]
    fn too_long(&self, length: usize) -> Error {
        Error::rejected(format!(
            "frame of {length} bytes is longer than `max_length`, which is {}\nhelp: raise `max_length` of `separate`",
            self.max_length
        ))
    }
}

register!(preprocessor Separate);

/// Puts a separator behind every event.
pub struct AppendSeparator {
    separator: u8,
}

impl Postprocessor for AppendSeparator {
    type Config = AppendConfig;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "separate",
        summary: "Puts a separator behind every event.",
        example: r#"{"separator": "\n"}"#,
    };

    fn new(config: AppendConfig) -> Result<Self> {
        Ok(AppendSeparator {
            separator: single_byte(&config.separator)?,
        })
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.reserve(bytes.len() + 1);
        out.extend_from_slice(bytes);
        out.push(self.separator);
        Ok(())
    }
}

register!(postprocessor AppendSeparator);
