//! Compression of one event after the other, each as a message of its own or as a part of one.

use std::io::Write;

use flate2::{Compression, FlushCompress, Status};
use liblzma::stream::{Action, Check, Filters, LzmaOptions};
use lz4_flex::frame::{BlockMode, FrameInfo};
use temblor_pdk::{Error, Result};
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use super::Algorithm;

/// Room for what is compressed in a step.
const ROOM: usize = 16 * 1024;

/// The window of what is compressed, at most: `decompress` allows as much where nothing is said.
const WINDOW_LOG: u32 = 23;

/// What comes behind an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The message goes on, and can be read up to here.
    Flush,
    /// The message ends.
    End,
}

/// Compresses messages.
pub(super) trait Encoder: Send {
    /// Appends what the bytes become.
    fn encode(&mut self, bytes: &[u8], then: Then, out: &mut Vec<u8>) -> Result<()>;
}

/// The lowest and the highest level of an algorithm, and the usual one.
fn levels(algorithm: Algorithm) -> Option<(i32, i32, i32)> {
    match algorithm {
        Algorithm::Gzip | Algorithm::Zlib | Algorithm::Xz => Some((0, 9, 6)),
        Algorithm::Bzip2 => Some((1, 9, 6)),
        Algorithm::Zstd => Some((1, 22, 3)),
        Algorithm::Brotli => Some((0, 11, 5)),
        Algorithm::Snappy | Algorithm::RawSnappy | Algorithm::Lz4 => None,
    }
}

/// Makes an encoder.
pub(super) fn encoder(algorithm: Algorithm, level: Option<i32>) -> Result<Box<dyn Encoder>> {
    let name = algorithm.name();
    let level = match (levels(algorithm), level) {
        (None, Some(_)) => {
            return Err(Error::config(format!(
                "{name} has no levels\nhelp: leave `level` out, or choose zstd"
            )));
        }
        (Some((lowest, highest, _)), Some(level)) if !(lowest..=highest).contains(&level) => {
            return Err(Error::config(format!(
                "`level` is {level}, and {name} has levels from {lowest} to {highest}"
            )));
        }
        (Some((_, _, usual)), None) => usual,
        (_, level) => level.unwrap_or_default(),
    };
    let hardness = Compression::new(level.unsigned_abs());
    Ok(match algorithm {
        Algorithm::Gzip => Box::new(Deflate(flate2::Compress::new_gzip(hardness, 15))),
        Algorithm::Zlib => Box::new(Deflate(flate2::Compress::new(hardness, true))),
        Algorithm::Xz => Box::new(Xz {
            level: level.unsigned_abs(),
            stream: None,
        }),
        Algorithm::Zstd => Box::new(Zstd::new(level)?),
        Algorithm::Brotli => Box::new(Written(None, move || brotli_writer(level))),
        Algorithm::Bzip2 => Box::new(Written(None, move || bzip2_writer(level))),
        Algorithm::Lz4 => Box::new(Written(None, lz4_writer)),
        Algorithm::Snappy | Algorithm::RawSnappy => Box::new(Written(None, snappy_writer)),
    })
}

/// A library failed, which none does where there is memory.
fn failed(name: &str, error: impl std::fmt::Display) -> Error {
    Error::rejected(format!("{name} cannot compress the event: {error}"))
}

struct Deflate(flate2::Compress);

impl Encoder for Deflate {
    fn encode(&mut self, bytes: &[u8], then: Then, out: &mut Vec<u8>) -> Result<()> {
        let flush = match then {
            Then::Flush => FlushCompress::Sync,
            Then::End => FlushCompress::Finish,
        };
        let mut rest = bytes;
        loop {
            out.reserve(rest.len() / 2 + 64);
            let before = self.0.total_in();
            let status = self.0.compress_vec(rest, out, flush);
            let status = status.map_err(|error| failed("deflate", error))?;
            let read = self.0.total_in().saturating_sub(before) as usize;
            rest = rest.get(read..).unwrap_or_default();
            match then {
                Then::End if status == Status::StreamEnd => {
                    self.0.reset();
                    return Ok(());
                }
                // Room that is left says that nothing is left inside.
                Then::Flush if rest.is_empty() && out.len() < out.capacity() => return Ok(()),
                _ => {}
            }
        }
    }
}

struct Zstd(CCtx<'static>);

impl Zstd {
    fn new(level: i32) -> Result<Self> {
        let none = || Error::failed("there is no memory for a context of zstd");
        let mut context = CCtx::try_create().ok_or_else(none)?;
        let mut settings = vec![
            CParameter::CompressionLevel(level),
            CParameter::ChecksumFlag(true),
        ];
        if level > 19 {
            settings.push(CParameter::WindowLog(WINDOW_LOG));
        }
        for setting in settings {
            let set = context.set_parameter(setting);
            set.map_err(|code| Error::config(zstd_safe::get_error_name(code)))?;
        }
        Ok(Zstd(context))
    }
}

impl Encoder for Zstd {
    fn encode(&mut self, bytes: &[u8], then: Then, out: &mut Vec<u8>) -> Result<()> {
        let directive = match then {
            Then::Flush => ZSTD_EndDirective::ZSTD_e_flush,
            Then::End => ZSTD_EndDirective::ZSTD_e_end,
        };
        let mut from = InBuffer::around(bytes);
        loop {
            let mut room = [0; ROOM];
            let mut to = OutBuffer::around(room.as_mut_slice());
            let left = self.0.compress_stream2(&mut to, &mut from, directive);
            let left = left.map_err(|code| failed("zstd", zstd_safe::get_error_name(code)))?;
            out.extend_from_slice(to.as_slice());
            if left == 0 {
                return Ok(());
            }
        }
    }
}

struct Xz {
    level: u32,
    stream: Option<liblzma::stream::Stream>,
}

impl Xz {
    /// Makes a stream for so many bytes, or for any number. The window takes ten times its size in memory, so it is
    /// made no larger than the bytes need.
    fn open(
        &self,
        length: Option<usize>,
    ) -> Result<liblzma::stream::Stream, liblzma::stream::Error> {
        let largest = match self.level {
            0 => 18,
            level @ 1..=3 => 19 + level,
            4 => 22,
            _ => WINDOW_LOG,
        };
        let needed = length.map_or(largest, |length| length.next_power_of_two().ilog2());
        let mut options = LzmaOptions::new_preset(self.level)?;
        options.dict_size(1 << needed.clamp(12, largest));
        let mut filters = Filters::new();
        filters.lzma2(&options);
        liblzma::stream::Stream::new_stream_encoder(&filters, Check::Crc64)
    }
}

impl Encoder for Xz {
    fn encode(&mut self, bytes: &[u8], then: Then, out: &mut Vec<u8>) -> Result<()> {
        let (action, length) = match then {
            Then::Flush => (Action::SyncFlush, None),
            Then::End => (Action::Finish, Some(bytes.len())),
        };
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open(length).map_err(|error| failed("xz", error))?,
        };
        let mut rest = bytes;
        loop {
            out.reserve(rest.len() / 2 + 64);
            let before = stream.total_in();
            let status = stream.process_vec(rest, out, action);
            let status = status.map_err(|error| failed("xz", error))?;
            let read = stream.total_in().saturating_sub(before) as usize;
            rest = rest.get(read..).unwrap_or_default();
            if matches!(status, liblzma::stream::Status::StreamEnd) {
                break;
            }
        }
        self.stream = (then == Then::Flush).then_some(stream);
        Ok(())
    }
}

/// A library that writes into a vector.
trait Writer: Write + Send {
    fn written(&mut self) -> &mut Vec<u8>;
    /// Ends the message.
    fn finish(self: Box<Self>) -> std::io::Result<Vec<u8>>;
}

/// An encoder of such a library, and how its writer is made.
struct Written<F>(Option<Box<dyn Writer>>, F);

impl<F: Fn() -> Box<dyn Writer> + Send> Encoder for Written<F> {
    fn encode(&mut self, bytes: &[u8], then: Then, out: &mut Vec<u8>) -> Result<()> {
        let mut writer = self.0.take().unwrap_or_else(&self.1);
        let write = || {
            writer.write_all(bytes)?;
            if then == Then::Flush {
                writer.flush()?;
                out.append(writer.written());
                self.0 = Some(writer);
            } else {
                out.append(&mut writer.finish()?);
            }
            Ok(())
        };
        write().map_err(|error: std::io::Error| failed("the library", error))
    }
}

impl Writer for brotli::CompressorWriter<Vec<u8>> {
    fn written(&mut self) -> &mut Vec<u8> {
        self.get_mut()
    }

    fn finish(self: Box<Self>) -> std::io::Result<Vec<u8>> {
        Ok(self.into_inner())
    }
}

fn brotli_writer(level: i32) -> Box<dyn Writer> {
    let writer = brotli::CompressorWriter::new(Vec::new(), 4096, level.unsigned_abs(), 22);
    Box::new(writer)
}

impl Writer for bzip2::write::BzEncoder<Vec<u8>> {
    fn written(&mut self) -> &mut Vec<u8> {
        self.get_mut()
    }

    fn finish(self: Box<Self>) -> std::io::Result<Vec<u8>> {
        (*self).finish()
    }
}

fn bzip2_writer(level: i32) -> Box<dyn Writer> {
    let level = bzip2::Compression::new(level.unsigned_abs());
    Box::new(bzip2::write::BzEncoder::new(Vec::new(), level))
}

impl Writer for lz4_flex::frame::FrameEncoder<Vec<u8>> {
    fn written(&mut self) -> &mut Vec<u8> {
        self.get_mut()
    }

    fn finish(self: Box<Self>) -> std::io::Result<Vec<u8>> {
        Ok((*self).finish()?)
    }
}

fn lz4_writer() -> Box<dyn Writer> {
    // Blocks that know those before them, so that the small ones of a stream become smaller.
    let info = FrameInfo::new()
        .block_mode(BlockMode::Linked)
        .content_checksum(true);
    let writer = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    Box::new(writer)
}

impl Writer for snap::write::FrameEncoder<Vec<u8>> {
    fn written(&mut self) -> &mut Vec<u8> {
        self.get_mut()
    }

    fn finish(self: Box<Self>) -> std::io::Result<Vec<u8>> {
        let written = self.into_inner().map_err(|error| error.into_error())?;
        // The library says nothing of a message without bytes.
        match written.is_empty() {
            true => Ok(super::detect::SNAPPY.to_vec()),
            false => Ok(written),
        }
    }
}

fn snappy_writer() -> Box<dyn Writer> {
    Box::new(snap::write::FrameEncoder::new(Vec::new()))
}
