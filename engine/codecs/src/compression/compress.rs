//! Postprocessors `compress` and `streaming-compress`.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Postprocessor, ProcessorInfo, Result, register};

use super::Named;
use super::encoder::{Encoder, Then, encoder};

/// Settings of both.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The format.
    algorithm: Named,
    /// How hard to compress: 0 to 9 for gzip, zlib and xz, 1 to 9 for bzip2 (6 if left out for all four), 1 to 22 for
    /// zstd (3), 0 to 11 for br (5). Snappy and lz4 have no levels.
    #[serde(default)]
    level: Option<i32>,
}

/// Makes a compressed message of every event.
pub struct Compress(Box<dyn Encoder>);

impl Postprocessor for Compress {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "compress",
        summary: "Compresses every event on its own.",
        example: r#"{"algorithm": "zstd", "level": 3}"#,
    };

    fn new(config: Config) -> Result<Self> {
        encoder(config.algorithm.into(), config.level).map(Compress)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0.encode(bytes, Then::End, out)
    }
}

register!(postprocessor Compress);

/// Makes one compressed message of all events, which can be read up to the end of each at any time.
pub struct StreamingCompress {
    encoder: Box<dyn Encoder>,
    begun: bool,
}

impl Postprocessor for StreamingCompress {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "streaming-compress",
        summary: "Compresses all events as one stream.",
        example: r#"{"algorithm": "zstd", "level": 3}"#,
    };

    fn new(config: Config) -> Result<Self> {
        if config.algorithm == Named::Bzip2 {
            return Err(Error::config(
                "a stream of bzip2 cannot be read before its end\nhelp: use zstd, or the postprocessor `compress`",
            ));
        }
        let encoder = encoder(config.algorithm.into(), config.level)?;
        let begun = false;
        Ok(StreamingCompress { encoder, begun })
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.begun = true;
        self.encoder.encode(bytes, Then::Flush, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match std::mem::take(&mut self.begun) {
            true => self.encoder.encode(&[], Then::End, out),
            false => Ok(()),
        }
    }
}

register!(postprocessor StreamingCompress);
