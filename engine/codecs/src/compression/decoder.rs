//! Decompression in steps: bytes are pushed in as they come, and nothing is made that there is no room for.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::FlushDecompress;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::Algorithm;
use super::framed::{Lz4, Snappy};

/// What a step did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// Bytes of the input that were used up.
    pub(super) read: usize,
    /// Bytes of the output that were filled.
    pub(super) written: usize,
    /// The message has ended.
    pub(super) done: bool,
}

/// Whether a message can end where its bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It goes on.
    Open,
    /// It can end here, or go on.
    Closed,
    /// It goes on only if it was made in an unusual way.
    Ended,
}

/// Decompresses one message after the other.
pub(super) trait Decoder: Send {
    /// Uses up some of the input and fills some of the output; neither means that it needs more input.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage>;

    /// Whether the message can end with the bytes that it got so far.
    fn rest(&self) -> Rest {
        Rest::Open
    }
}

/// Why a message cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// It is not what it should be.
    Bytes(String),
    /// It wants to look back further than is allowed.
    Window,
}

impl Damage {
    pub(super) fn of(error: impl std::fmt::Display) -> Self {
        // Some libraries write sentences, and ours stand within one.
        let text = error.to_string();
        Damage::Bytes(text.trim_end_matches('.').to_owned())
    }
}

/// Makes a decoder. It keeps no more than about `max_window` bytes of what it made.
pub(super) fn decoder(algorithm: Algorithm, max_window: u64) -> Result<Box<dyn Decoder>, Damage> {
    Ok(match algorithm {
        Algorithm::Gzip => Box::new(Inflate(flate2::Decompress::new_gzip(15))),
        Algorithm::Zlib => Box::new(Inflate(flate2::Decompress::new(true))),
        Algorithm::Xz => Box::new(Xz::new(max_window)?),
        Algorithm::Snappy | Algorithm::RawSnappy => Box::new(Snappy::default()),
        Algorithm::Lz4 => Box::new(Lz4::default()),
        Algorithm::Zstd => Box::new(Zstd::new(max_window)?),
        Algorithm::Brotli => Box::new(Brotli::new()),
        Algorithm::Bzip2 => Box::new(Bzip2(bzip2::Decompress::new(false))),
    })
}

/// The bytes by which a counter went on.
fn since(before: u64, now: u64) -> usize {
    now.saturating_sub(before) as usize
}

struct Inflate(flate2::Decompress);

impl Decoder for Inflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let before = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, output, FlushDecompress::None);
        let status =
            status.map_err(|error| Damage::of(error.message().unwrap_or("no such data")))?;
        Ok(Step {
            read: since(before.0, self.0.total_in()),
            written: since(before.1, self.0.total_out()),
            done: status == flate2::Status::StreamEnd,
        })
    }
}

struct Xz(liblzma::stream::Stream);

impl Xz {
    fn new(max_window: u64) -> Result<Self, Damage> {
        // Beside the window it needs less than this for itself.
        let memory = max_window.saturating_add(128 * 1024);
        let stream = liblzma::stream::Stream::new_stream_decoder(memory, 0);
        stream.map(Xz).map_err(Damage::of)
    }
}

impl Decoder for Xz {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        use liblzma::stream::{Action, Error, Status};
        let before = (self.0.total_in(), self.0.total_out());
        let status = self.0.process(input, output, Action::Run);
        let status = status.map_err(|error| match error {
            Error::MemLimit => Damage::Window,
            error => Damage::of(error),
        })?;
        Ok(Step {
            read: since(before.0, self.0.total_in()),
            written: since(before.1, self.0.total_out()),
            done: matches!(status, Status::StreamEnd),
        })
    }
}

struct Zstd(DCtx<'static>);

impl Zstd {
    fn new(max_window: u64) -> Result<Self, Damage> {
        let mut context =
            DCtx::try_create().ok_or_else(|| Damage::of("there is no memory for it"))?;
        let log = max_window.max(1).ilog2().clamp(10, 30);
        let set = context.set_parameter(DParameter::WindowLogMax(log));
        set.map_err(|code| Damage::of(zstd_safe::get_error_name(code)))?;
        Ok(Zstd(context))
    }
}

impl Decoder for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let hint = self.0.decompress_stream(&mut to, &mut from);
        let (read, written) = (from.pos(), to.pos());
        match hint {
            // Nothing is wanted of the next message yet either.
            Ok(hint) => Ok(Step {
                read,
                written,
                done: hint == 0 && read > 0,
            }),
            Err(code) => {
                // The context is of no use until it is told to begin anew, and it is thrown away.
                let _ = self.0.reset(ResetDirective::SessionOnly);
                let name = zstd_safe::get_error_name(code);
                Err(match name.contains("too much memory") {
                    true => Damage::Window,
                    false => Damage::of(name),
                })
            }
        }
    }
}

struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    made: usize,
}

impl Brotli {
    fn new() -> Self {
        let memory = StandardAlloc::default;
        Brotli {
            // Strict is without the large windows that are no part of the standard.
            state: Box::new(BrotliState::new_strict(memory(), memory(), memory())),
            made: 0,
        }
    }
}

impl Decoder for Brotli {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let (mut read, mut written) = (0, 0);
        let (mut left, mut room) = (input.len(), output.len());
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut self.made,
            &mut self.state,
        );
        let done = match result {
            BrotliResult::ResultFailure => return Err(Damage::of("the data is not brotli's")),
            BrotliResult::ResultSuccess => true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
        };
        Ok(Step {
            read,
            written,
            done,
        })
    }
}

struct Bzip2(bzip2::Decompress);

impl Decoder for Bzip2 {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let before = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, output).map_err(Damage::of)?;
        Ok(Step {
            read: since(before.0, self.0.total_in()),
            written: since(before.1, self.0.total_out()),
            done: status == bzip2::Status::StreamEnd,
        })
    }
}
