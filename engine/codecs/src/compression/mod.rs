//! Preprocessor `decompress`, postprocessors `compress` and `streaming-compress`: what they share.

mod compress;
mod decoder;
mod decompress;
mod detect;
mod encoder;
mod framed;
mod settings;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;

pub use compress::{Compress, StreamingCompress};
pub use decompress::Decompress;

/// A way to compress, as users name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
enum Named {
    Gzip,
    Zlib,
    Xz,
    /// Another name of `xz`.
    Xz2,
    Snappy,
    Lz4,
    Zstd,
    Br,
    Bzip2,
}

/// A compressed format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Gzip,
    Zlib,
    Xz,
    Snappy,
    /// One block without a frame around it, which says nowhere that it is one.
    RawSnappy,
    Lz4,
    Zstd,
    Brotli,
    Bzip2,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Gzip => "gzip",
            Algorithm::Zlib => "zlib",
            Algorithm::Xz => "xz",
            Algorithm::Snappy | Algorithm::RawSnappy => "snappy",
            Algorithm::Lz4 => "lz4",
            Algorithm::Zstd => "zstd",
            Algorithm::Brotli => "br",
            Algorithm::Bzip2 => "bzip2",
        }
    }
}

impl From<Named> for Algorithm {
    fn from(named: Named) -> Self {
        match named {
            Named::Gzip => Algorithm::Gzip,
            Named::Zlib => Algorithm::Zlib,
            Named::Xz | Named::Xz2 => Algorithm::Xz,
            Named::Snappy => Algorithm::Snappy,
            Named::Lz4 => Algorithm::Lz4,
            Named::Zstd => Algorithm::Zstd,
            Named::Br => Algorithm::Brotli,
            Named::Bzip2 => Algorithm::Bzip2,
        }
    }
}
