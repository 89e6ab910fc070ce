//! Settings of `decompress`, and what it says where they are exceeded.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Result};

use super::Algorithm;
use super::decoder::Damage;

/// The formats, and looking which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", rename_all = "lowercase")]
#[schemars(crate = "temblor_pdk::schemars")]
pub(super) enum Choice {
    /// Looks at the first bytes of every message; what is not compressed passes as it is.
    Autodetect,
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

impl Choice {
    /// The format; none if it is to be found out.
    pub(super) fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Choice::Autodetect => return None,
            Choice::Gzip => Algorithm::Gzip,
            Choice::Zlib => Algorithm::Zlib,
            Choice::Xz | Choice::Xz2 => Algorithm::Xz,
            Choice::Snappy => Algorithm::Snappy,
            Choice::Lz4 => Algorithm::Lz4,
            Choice::Zstd => Algorithm::Zstd,
            Choice::Br => Algorithm::Brotli,
            Choice::Bzip2 => Algorithm::Bzip2,
        })
    }
}

/// Settings of the preprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The format. `br` and bare blocks of snappy cannot be detected.
    pub(super) algorithm: Choice,
    /// The largest message in bytes when it is decompressed, and the most that a piece of the stream may give.
    pub(super) max_bytes: u64,
    /// How many times its size a message may grow to; the first mebibyte is free.
    pub(super) max_ratio: u64,
    /// How far back a message of zstd or xz may look, in bytes; so much memory may be needed for each stream.
    pub(super) max_window: u64,
    /// Whether a message may go on in the next piece of the stream; otherwise it ends with the piece.
    pub(super) buffered: bool,
    /// Whether what is decompressed is handed over at once, in pieces, and not message by message.
    pub(super) streaming: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            algorithm: Choice::Autodetect,
            max_bytes: 64 * 1024 * 1024,
            max_ratio: 1_000,
            max_window: 8 * 1024 * 1024,
            buffered: true,
            streaming: false,
        }
    }
}

/// Why a message is given up.
pub(super) enum Refusal {
    Damaged(Damage),
    TooLarge,
    TooDense,
}

impl Config {
    /// Says what cannot work.
    pub(super) fn check(&self) -> Result<()> {
        let limits = [
            ("max_bytes", self.max_bytes),
            ("max_ratio", self.max_ratio),
            ("max_window", self.max_window),
        ];
        if let Some((name, _)) = limits.iter().find(|(_, limit)| *limit == 0) {
            return Err(Error::config(format!(
                "`{name}` is 0, so no message could pass\nhelp: leave it out, or give a larger number"
            )));
        }
        if self.streaming && !self.buffered {
            return Err(Error::config(
                "`streaming` is for messages that go on in the next piece, and `buffered` is false\n\
                 help: leave one of the two out",
            ));
        }
        Ok(())
    }

    /// Why a message is refused, and where in it that was seen.
    #[cold]
    pub(super) fn refusal(&self, algorithm: Algorithm, read: u64, refusal: &Refusal) -> Error {
        let Config {
            max_bytes,
            max_ratio,
            max_window,
            ..
        } = *self;
        let reason = match refusal {
            Refusal::Damaged(Damage::Bytes(reason)) => {
                format!("cannot be decompressed behind byte {read} of it: {reason}")
            }
            Refusal::Damaged(Damage::Window) => format!(
                "looks back further than `max_window`, which is {max_window}, as byte {read} of it says\n\
                 help: raise `max_window` of `decompress`; so much memory is needed for each stream"
            ),
            Refusal::TooLarge => format!(
                "becomes larger than `max_bytes`, which is {max_bytes}, behind byte {read} of it\n\
                 help: raise `max_bytes` of `decompress`"
            ),
            Refusal::TooDense => format!(
                "becomes more than `max_ratio` times as large, which is {max_ratio}, behind byte {read} of it\n\
                 help: raise `max_ratio` of `decompress` if that is no attack"
            ),
        };
        let name = algorithm.name();
        Error::rejected(format!("a message of {name} {reason}"))
    }

    /// A message ends too early.
    #[cold]
    pub(super) fn incomplete(&self, algorithm: Algorithm, read: u64, what: &str) -> Error {
        let help = match self.buffered {
            true => "",
            false => "\nhelp: leave `buffered` out where a message may go on in the next piece",
        };
        let name = algorithm.name();
        Error::rejected(format!(
            "a message of {name} is incomplete: {what} behind byte {read} of it{help}"
        ))
    }
}

/// What comes behind a message that was given up.
#[cold]
pub(super) fn skipped() -> Error {
    Error::rejected(
        "this comes behind a message that could not be decompressed, and does not begin like another \
         one",
    )
}
