//! Preprocessor `decompress`.

use temblor_pdk::{Error, FrameSink, Preprocessor, ProcessorInfo, Result, register};

use super::Algorithm;
use super::decoder::{Damage, Decoder, Rest, Step, decoder};
use super::detect::{ENOUGH, Seems, detect};
use super::settings::{Config, Refusal, skipped};

/// Memory that is kept for the next message, and the size of what is handed over while streaming.
const KEPT: usize = 64 * 1024;

/// What a message may grow to whatever its ratio is.
const FREE: u64 = 1024 * 1024;

/// Decompresses messages, each of which becomes a frame.
///
/// Messages stand behind each other and may be cut by the ends of pieces anywhere. What comes behind a message that
/// cannot be decompressed is refused too, until a piece begins like a message.
pub struct Decompress {
    algorithm: Option<Algorithm>,
    config: Config,
    /// The message under way.
    message: Option<Message>,
    /// The first bytes of one whose format is not known yet.
    head: Vec<u8>,
    /// What was made of the message, or of the part of it that has not been handed over.
    frame: Vec<u8>,
    /// What was made of this piece of the stream.
    of_piece: u64,
    /// Whether a message was given up, and where the next one begins is not known.
    lost: bool,
}

/// A message that is being decompressed.
struct Message {
    algorithm: Algorithm,
    decoder: Box<dyn Decoder>,
    /// Compressed bytes so far, and those since something was handed over.
    read: u64,
    held: usize,
    made: u64,
    /// Whether no frame comes of it.
    silent: bool,
}

impl Preprocessor for Decompress {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "decompress",
        summary: "Decompresses gzip, zlib, xz, snappy, lz4, zstd, br and bzip2.",
        example: r#"{"algorithm": "gzip", "max_bytes": 67108864, "max_ratio": 1000}"#,
    };

    fn new(config: Config) -> Result<Self> {
        config.check()?;
        Ok(Decompress {
            algorithm: config.algorithm.algorithm(),
            config,
            message: None,
            head: Vec::new(),
            frame: Vec::new(),
            of_piece: 0,
            lost: false,
        })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.of_piece = 0;
        if piece.is_empty() && !self.config.buffered {
            out.part(piece);
        }
        let mut rest = piece;
        // Where in the piece the message begins, or goes on.
        let mut start = piece;
        while !rest.is_empty() {
            if self.message.is_none() {
                start = rest;
            }
            let begun = match self.message {
                Some(_) => Ok(true),
                None => self.begin(&mut rest, out),
            };
            let done = match begun {
                Ok(true) => self.advance(&mut rest, out),
                Ok(false) => continue,
                Err(refusal) => Err(refusal),
            };
            match done {
                Ok(true) => self.hand_over(out),
                Ok(false) => {}
                Err(refusal) => {
                    out.failed_part(start, &self.refused(&refusal));
                    self.give_up();
                    break;
                }
            }
        }
        self.end_piece(out);
        Ok(())
    }

    fn held(&self) -> usize {
        self.head.len() + self.message.as_ref().map_or(0, |message| message.held)
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        self.end("the stream ends", out)
    }
}

impl Decompress {
    /// Begins a message. Returns whether there is one: what is not compressed is handed over, and what is too short
    /// to tell is kept.
    fn begin<'a>(
        &mut self,
        rest: &mut &'a [u8],
        out: &mut FrameSink<'_, 'a>,
    ) -> std::result::Result<bool, Refusal> {
        let mut head = std::mem::take(&mut self.head);
        let known = head.len();
        head.extend_from_slice(&rest[..rest.len().min(ENOUGH)]);
        let seems = detect(&head);
        if seems == Seems::Unsure && self.config.buffered && self.must_tell() {
            // It is shorter than what is enough, so that this is all of it.
            (self.head, *rest) = (head, &[]);
            return Ok(false);
        }
        head.truncate(known);
        let family = matches!(
            self.algorithm,
            None | Some(Algorithm::Zstd | Algorithm::Lz4)
        );
        let silent = family && seems == Seems::Skippable;
        let algorithm = match (self.algorithm, seems) {
            // The library of zstd reads over it.
            _ if silent => Some(Algorithm::Zstd),
            (None, Seems::Compressed(found)) => Some(found),
            (None, _) => None,
            (Some(Algorithm::Snappy), found) if found != Seems::Compressed(Algorithm::Snappy) => {
                Some(Algorithm::RawSnappy)
            }
            (wanted, _) => wanted,
        };
        if self.lost && !self.is_found(seems) {
            let piece = std::mem::take(rest);
            out.failed_part(piece, &skipped());
            return Ok(false);
        }
        self.lost = false;
        match algorithm {
            None | Some(Algorithm::RawSnappy) => {
                self.whole(head, std::mem::take(rest), algorithm, out)?
            }
            Some(algorithm) => self.open(algorithm, silent, &head)?,
        }
        Ok(self.message.is_some())
    }

    /// Whether the first bytes decide what becomes of a message.
    fn must_tell(&self) -> bool {
        use Algorithm::{Lz4, Snappy, Zstd};
        self.lost || matches!(self.algorithm, None | Some(Snappy | Lz4 | Zstd))
    }

    /// Whether it is a message for certain.
    fn is_found(&self, seems: Seems) -> bool {
        match self.algorithm {
            None => matches!(seems, Seems::Compressed(_) | Seems::Skippable),
            // Nothing tells.
            Some(Algorithm::Brotli) => true,
            Some(wanted) => seems == Seems::Compressed(wanted),
        }
    }

    /// Opens a message, of which the first bytes may have been kept from the last piece.
    fn open(
        &mut self,
        algorithm: Algorithm,
        silent: bool,
        head: &[u8],
    ) -> std::result::Result<(), Refusal> {
        let decoder = decoder(algorithm, self.config.max_window).map_err(Refusal::Damaged)?;
        self.message = Some(Message {
            algorithm,
            decoder,
            read: 0,
            held: 0,
            made: 0,
            silent,
        });
        // A beginning that was too short to tell by is too short to end a message.
        self.decompress(&mut { head }).map(drop)
    }

    /// Takes all of the piece at once: as it is, or as one block of snappy.
    fn whole<'a>(
        &mut self,
        mut head: Vec<u8>,
        rest: &'a [u8],
        algorithm: Option<Algorithm>,
        out: &mut FrameSink<'_, 'a>,
    ) -> std::result::Result<(), Refusal> {
        if algorithm.is_none() && head.is_empty() {
            out.part(rest);
            return Ok(());
        }
        let bytes = match head.is_empty() {
            true => rest,
            false => {
                head.extend_from_slice(rest);
                &head
            }
        };
        if algorithm.is_none() {
            out.made(bytes);
            return Ok(());
        }
        match self.raw_snappy(bytes) {
            Ok(made) => out.made(&made),
            Err(refusal) => out.failed_part(
                rest,
                &self.config.refusal(Algorithm::RawSnappy, 0, &refusal),
            ),
        }
        Ok(())
    }

    fn raw_snappy(&mut self, bytes: &[u8]) -> std::result::Result<Vec<u8>, Refusal> {
        let damaged = |error| Refusal::Damaged(Damage::of(error));
        let length = snap::raw::decompress_len(bytes).map_err(damaged)?;
        if length as u64 > self.config.max_bytes.saturating_sub(self.of_piece) {
            return Err(Refusal::TooLarge);
        }
        // Two bytes become eleven at most, and three sixty-four: who claims more is not believed, nor given memory.
        if length as u64 > 22 * bytes.len() as u64 + 64 {
            return Err(damaged(snap::Error::BufferTooSmall {
                given: length as u64,
                min: bytes.len() as u64,
            }));
        }
        self.of_piece += length as u64;
        snap::raw::Decoder::new()
            .decompress_vec(bytes)
            .map_err(damaged)
    }

    /// Goes on with the message. Returns whether it has ended.
    fn advance<'a>(
        &mut self,
        rest: &mut &'a [u8],
        out: &mut FrameSink<'_, 'a>,
    ) -> std::result::Result<bool, Refusal> {
        loop {
            let step = self.decompress(rest)?;
            if self.config.streaming && self.frame.len() >= KEPT {
                self.hand_over_part(out);
            }
            if step.done || (step.read == 0 && step.written == 0) {
                return Ok(step.done);
            }
        }
    }

    /// One step of the decoder, within the limits.
    fn decompress(&mut self, rest: &mut &[u8]) -> std::result::Result<Step, Refusal> {
        let Some(message) = &mut self.message else {
            return Ok(Step::default());
        };
        let start = self.frame.len();
        let used = match self.config.streaming {
            true => self.of_piece,
            false => self.of_piece.max(message.made),
        };
        // One byte more than is allowed, so that going beyond is seen.
        let left = self.config.max_bytes.saturating_sub(used).saturating_add(1);
        let room = rest.len().saturating_mul(4).clamp(1024, KEPT);
        let room = room.min(usize::try_from(left).unwrap_or(room));
        self.frame.resize(start + room, 0);
        let step = message.decoder.step(rest, &mut self.frame[start..]);
        let step = step.inspect_err(|_| self.frame.truncate(start));
        let step = step.map_err(Refusal::Damaged)?;
        self.frame.truncate(start + step.written);
        *rest = rest.get(step.read..).unwrap_or_default();
        message.read += step.read as u64;
        message.held += step.read;
        message.made += step.written as u64;
        self.of_piece += step.written as u64;
        if step.written as u64 >= left {
            return Err(Refusal::TooLarge);
        }
        let allowed = message.read.saturating_mul(self.config.max_ratio);
        if message.made > FREE.saturating_add(allowed) {
            return Err(Refusal::TooDense);
        }
        Ok(step)
    }

    /// The piece has ended, and with it a message that does not go on.
    fn end_piece(&mut self, out: &mut FrameSink<'_, '_>) {
        if self.config.streaming {
            self.hand_over_part(out);
        }
        let rest = self.message.as_ref().map(|message| message.decoder.rest());
        if rest == Some(Rest::Ended) && !self.config.streaming {
            self.hand_over(out);
        } else if !self.config.buffered
            && let Err(error) = self.end("the piece ends", out)
        {
            out.failed(&error);
        }
    }

    /// Nothing more comes.
    fn end(&mut self, what: &str, out: &mut FrameSink<'_, '_>) -> Result<()> {
        let head = std::mem::take(&mut self.head);
        let algorithm = match (&self.message, self.algorithm) {
            (Some(message), _) if message.decoder.rest() == Rest::Open => message.algorithm,
            (Some(_), _) => {
                self.hand_over(out);
                return Ok(());
            }
            (None, Some(algorithm)) if !head.is_empty() => algorithm,
            (None, _) => {
                if !head.is_empty() {
                    out.made(&head);
                }
                return Ok(());
            }
        };
        let read = self
            .message
            .as_ref()
            .map_or(head.len() as u64, |message| message.read);
        self.give_up();
        self.lost = false;
        Err(self.config.incomplete(algorithm, read, what))
    }

    /// The message has ended.
    fn hand_over(&mut self, out: &mut FrameSink<'_, '_>) {
        let silent = self.message.take().is_none_or(|message| message.silent);
        if self.config.streaming {
            self.hand_over_part(out);
        } else if !silent {
            out.made(&self.frame);
        }
        self.empty();
    }

    fn hand_over_part(&mut self, out: &mut FrameSink<'_, '_>) {
        if self.frame.is_empty() {
            return;
        }
        out.made(&self.frame);
        self.empty();
        if let Some(message) = &mut self.message {
            message.held = 0;
        }
    }

    fn give_up(&mut self) {
        self.message = None;
        self.empty();
        self.lost = self.config.buffered;
    }

    fn empty(&mut self) {
        self.frame.clear();
        self.frame.shrink_to(KEPT);
    }

    #[cold]
    fn refused(&self, refusal: &Refusal) -> Error {
        let (algorithm, read) = match (&self.message, self.algorithm) {
            (Some(message), _) => (message.algorithm, message.read),
            (None, algorithm) => (algorithm.unwrap_or(Algorithm::Zstd), 0),
        };
        self.config.refusal(algorithm, read, refusal)
    }
}

register!(preprocessor Decompress);
