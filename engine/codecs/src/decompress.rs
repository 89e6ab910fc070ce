//! Preprocessor `decompress`: compressed frames, each whole, become what was compressed.

use std::io::Read;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Preprocessor, ProcessorInfo, Result, register};

/// Memory that is kept for the next frame.
const KEPT: usize = 1024 * 1024;
/// The ratio does not count up to this size: a short text may well be a thousand times a shorter one.
const SMALL: usize = 1024 * 1024;
/// What a decoder of xz may take for itself.
const XZ_MEMORY: u64 = 128 * 1024 * 1024;
/// How much is decompressed at once.
const STEP: usize = 64 * 1024;

/// Settings of the preprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// How frames are compressed.
    algorithm: Algorithm,
    /// The most bytes that a frame may become.
    #[schemars(extend("x-limit" = {"unit": "bytes", "beyond": "the frame is an error with the place, the stream goes on"}))]
    max_length: usize,
    /// How many times as long as the frame the result may be, once it is above 1 MiB.
    #[schemars(extend("x-limit" = {"unit": "times", "beyond": "the frame is an error with the place, the stream goes on"}))]
    max_ratio: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            algorithm: Algorithm::Autodetect,
            max_length: 64 * 1024 * 1024,
            max_ratio: 1_000,
        }
    }
}

/// How frames are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
enum Algorithm {
    /// As the first bytes of each frame say; one that says nothing is taken as it is.
    Autodetect,
    /// Gzip.
    Gzip,
    /// Zlib.
    Zlib,
    /// Xz.
    Xz2,
    /// Snappy, in its frame format.
    Snappy,
    /// LZ4, in its frame format.
    Lz4,
    /// Zstandard.
    Zstd,
    /// Brotli, which cannot be told by its first bytes.
    Br,
}

/// What frames begin with.
const MAGIC: [(&[u8], Algorithm); 9] = [
    (&[0x1f, 0x8b], Algorithm::Gzip),
    (&[0x78, 0x01], Algorithm::Zlib),
    (&[0x78, 0x5e], Algorithm::Zlib),
    (&[0x78, 0x9c], Algorithm::Zlib),
    (&[0x78, 0xda], Algorithm::Zlib),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Algorithm::Xz2),
    (
        &[0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y'],
        Algorithm::Snappy,
    ),
    (&[0x04, 0x22, 0x4d, 0x18], Algorithm::Lz4),
    (&[0x28, 0xb5, 0x2f, 0xfd], Algorithm::Zstd),
];

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Autodetect => "autodetect",
            Algorithm::Gzip => "gzip",
            Algorithm::Zlib => "zlib",
            Algorithm::Xz2 => "xz2",
            Algorithm::Snappy => "snappy",
            Algorithm::Lz4 => "lz4",
            Algorithm::Zstd => "zstd",
            Algorithm::Br => "br",
        }
    }

    /// What a frame is compressed with; none if it is not.
    fn of(self, frame: &[u8]) -> Option<Algorithm> {
        if self != Algorithm::Autodetect {
            return Some(self);
        }
        let known = MAGIC.iter().find(|(magic, _)| frame.starts_with(magic));
        known.map(|(_, algorithm)| *algorithm)
    }

    /// What reads a frame; none if that cannot be made.
    fn reader<'f>(self, frame: &'f [u8]) -> std::result::Result<Box<dyn Read + 'f>, String> {
        Ok(match self {
            Algorithm::Autodetect => Box::new(frame),
            Algorithm::Gzip => Box::new(flate2::read::MultiGzDecoder::new(frame)),
            Algorithm::Zlib => Box::new(flate2::read::ZlibDecoder::new(frame)),
            Algorithm::Xz2 => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    XZ_MEMORY,
                    liblzma::stream::CONCATENATED,
                );
                let stream = stream.map_err(|reason| reason.to_string())?;
                Box::new(liblzma::read::XzDecoder::new_stream(frame, stream))
            }
            Algorithm::Snappy => Box::new(snap::read::FrameDecoder::new(frame)),
            Algorithm::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(frame)),
            Algorithm::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(frame);
                Box::new(decoder.map_err(|reason| reason.to_string())?)
            }
            Algorithm::Br => Box::new(brotli_decompressor::Decompressor::new(frame, STEP)),
        })
    }
}

/// Decompresses frames. Each is whole: on a stream something has to cut it before, such as `length-prefixed`.
///
/// What a frame becomes is bounded in bytes and in relation to the frame, while it is decompressed.
pub struct Decompress {
    config: Config,
    result: Vec<u8>,
}

impl Preprocessor for Decompress {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "decompress",
        summary: "Decompresses frames.",
        example: r#"{"algorithm": "gzip", "max_length": 1048576, "max_ratio": 100}"#,
    };

    fn new(config: Config) -> Result<Self> {
        for (name, value) in [
            ("max_length", config.max_length),
            ("max_ratio", config.max_ratio),
        ] {
            if value == 0 {
                return Err(Error::config(format!(
                    "`{name}` is 0, so no frame could pass\nhelp: leave it out, or give a number above 0"
                )));
            }
        }
        Ok(Decompress {
            config,
            result: Vec::new(),
        })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let Some(algorithm) = self.config.algorithm.of(piece) else {
            out.part(piece);
            return Ok(());
        };
        match self.decompress(algorithm, piece) {
            Ok(()) => out.made(&self.result),
            Err(error) => out.failed_part(piece, &error),
        }
        self.result.clear();
        self.result.shrink_to(KEPT);
        Ok(())
    }
}

impl Decompress {
    fn decompress(&mut self, algorithm: Algorithm, frame: &[u8]) -> Result<()> {
        let name = algorithm.name();
        let broken = |reason: &str| Error::rejected(format!("the frame is no {name}: {reason}"));
        let mut reader = algorithm.reader(frame).map_err(|reason| broken(&reason))?;
        loop {
            let start = self.result.len();
            self.result.resize(start + STEP, 0);
            let read = reader.read(&mut self.result[start..]);
            let count = read.map_err(|reason| broken(&reason.to_string()))?;
            self.result.truncate(start + count);
            if count == 0 {
                return Ok(());
            }
            self.check(name, frame.len())?;
        }
    }

    fn check(&self, name: &str, frame: usize) -> Result<()> {
        let (length, most) = (self.result.len(), self.config.max_length);
        if length > most {
            return Err(Error::rejected(format!(
                "the {name} frame of {frame} bytes becomes more than `max_length`, which is {most}\nhelp: raise \
                 `max_length` of `decompress`, if the sender is trusted"
            )));
        }
        let ratio = self.config.max_ratio;
        if length > SMALL && length / ratio > frame {
            return Err(Error::rejected(format!(
                "the {name} frame of {frame} bytes becomes more than `max_ratio` times as long, which is {ratio}\nhelp: \
                 raise `max_ratio` of `decompress`, if the sender is trusted"
            )));
        }
        Ok(())
    }
}

register!(preprocessor Decompress);
