//! Formats of whole blocks, lz4 and snappy: blocks are put together here, so that their libraries, which read, never
//! meet half a one.

use std::io::{Cursor, Read};

use super::decoder::{Damage, Decoder, Rest, Step};
use super::detect::LZ4;

/// The bytes of whole blocks, for a library to read.
type Feed = Cursor<Vec<u8>>;

/// A block that is being put together, and what was made of the last one.
#[derive(Default)]
struct Blocks<R> {
    library: R,
    block: Vec<u8>,
    /// Whether the library may have more of the last block.
    drains: bool,
}

/// What to do with a block that is whole.
enum Block {
    /// It has as many bytes; if there are fewer so far, more are needed to go on.
    Of(usize),
    /// It has as many bytes, and none of them matters.
    Skipped(usize),
}

impl<R: Read + AsFeed> Blocks<R> {
    /// Drains the library. Returns how many bytes it filled; none where it has no more.
    fn drain(&mut self, output: &mut [u8]) -> Result<usize, Damage> {
        while self.drains {
            let before = self.library.feed().position();
            match self.library.read(output).map_err(Damage::of)? {
                // A block without data gives nothing, and is read nevertheless.
                0 => self.drains = self.library.feed().position() > before,
                written => return Ok(written),
            }
        }
        Ok(0)
    }

    /// Adds to the block until it has `whole` bytes. Returns how many it took.
    fn fill(&mut self, input: &[u8], whole: usize) -> usize {
        let wanted = whole.saturating_sub(self.block.len());
        let taken = wanted.min(input.len());
        self.block.extend_from_slice(&input[..taken]);
        taken
    }

    /// Gives the block to the library.
    fn hand_over(&mut self) {
        let feed = self.library.feed();
        std::mem::swap(feed.get_mut(), &mut self.block);
        feed.set_position(0);
        self.block.clear();
        self.drains = true;
    }
}

/// A library that reads from a feed.
trait AsFeed {
    fn feed(&mut self) -> &mut Feed;
}

struct Lz4Library(lz4_flex::frame::FrameDecoder<Feed>);

impl Default for Lz4Library {
    fn default() -> Self {
        Lz4Library(lz4_flex::frame::FrameDecoder::new(Feed::default()))
    }
}

impl Read for Lz4Library {
    fn read(&mut self, output: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(output)
    }
}

impl AsFeed for Lz4Library {
    fn feed(&mut self) -> &mut Feed {
        self.0.get_mut()
    }
}

/// What the header of an lz4 frame says.
#[derive(Clone, Copy)]
struct Lz4Header {
    checks_blocks: bool,
    checks_content: bool,
}

/// Frames of lz4.
#[derive(Default)]
pub(super) struct Lz4 {
    blocks: Blocks<Lz4Library>,
    /// None before the header is there.
    header: Option<Lz4Header>,
    ended: bool,
}

impl Lz4 {
    /// The largest block that the format has.
    const LARGEST: usize = 4 * 1024 * 1024;

    /// How many bytes the block has, as far as its beginning tells.
    fn needed(&self) -> Result<usize, Damage> {
        let block = self.blocks.block.as_slice();
        let Some(header) = self.header else {
            if block.len() >= 4 && !block.starts_with(LZ4) {
                return Err(Damage::of("the data does not begin as lz4's"));
            }
            let flags = block.get(4).copied().unwrap_or_default();
            let sizes = usize::from(flags & 0x08 != 0) * 8 + usize::from(flags & 0x01 != 0) * 4;
            return Ok(if block.len() < 5 { 5 } else { 7 + sizes });
        };
        let &[a, b, c, d, ..] = block else {
            return Ok(4);
        };
        let check = usize::from(header.checks_blocks) * 4;
        match u32::from_le_bytes([a, b, c, d]) & 0x7fff_ffff {
            0 => Ok(4 + usize::from(header.checks_content) * 4),
            length if length as usize > Self::LARGEST => Err(Damage::Bytes(format!(
                "a block of {length} bytes is larger than any"
            ))),
            length => Ok(4 + length as usize + check),
        }
    }

    /// Notes what a whole block says.
    fn note(&mut self) {
        let block = self.blocks.block.as_slice();
        match self.header {
            None => {
                let flags = block.get(4).copied().unwrap_or_default();
                self.header = Some(Lz4Header {
                    checks_blocks: flags & 0x10 != 0,
                    checks_content: flags & 0x04 != 0,
                });
            }
            Some(_) => self.ended = block.starts_with(&[0; 4]),
        }
    }
}

impl Decoder for Lz4 {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let mut read = 0;
        loop {
            let written = self.blocks.drain(output)?;
            let done = self.ended && written == 0;
            if written > 0 || done {
                return Ok(Step {
                    read,
                    written,
                    done,
                });
            }
            let needed = self.needed()?;
            read += self.blocks.fill(&input[read..], needed);
            if self.blocks.block.len() < needed {
                return Ok(Step {
                    read,
                    ..Step::default()
                });
            }
            if self.needed()? == needed {
                self.note();
                self.blocks.hand_over();
            }
        }
    }
}

struct SnappyLibrary(snap::read::FrameDecoder<Feed>);

impl Default for SnappyLibrary {
    fn default() -> Self {
        SnappyLibrary(snap::read::FrameDecoder::new(Feed::default()))
    }
}

impl Read for SnappyLibrary {
    fn read(&mut self, output: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(output)
    }
}

impl AsFeed for SnappyLibrary {
    fn feed(&mut self) -> &mut Feed {
        self.0.get_mut()
    }
}

/// Frames of snappy, which say where they begin and not where they end.
#[derive(Default)]
pub(super) struct Snappy {
    blocks: Blocks<SnappyLibrary>,
    /// Bytes of a block without data that are still to come.
    skips: usize,
    begun: bool,
    /// The bytes that the last block held before it was compressed.
    last: Option<usize>,
}

impl Snappy {
    /// As much is in every block but the last one.
    const FULL: usize = 65_536;
    const IDENTIFIER: u8 = 0xff;

    /// What is known of the block from its beginning.
    fn block(&self) -> Result<Block, Damage> {
        let &[kind, a, b, c, ..] = self.blocks.block.as_slice() else {
            return Ok(Block::Of(4));
        };
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        match kind {
            0x80..=0xfe => Ok(Block::Skipped(length)),
            // The checksum, and what 64 KiB can grow to.
            0x00 | 0x01 if length > 4 + 76_490 => Err(Damage::Bytes(format!(
                "a block of {length} bytes is larger than any"
            ))),
            0x02..=0x7f => Err(Damage::Bytes(format!("there are no blocks of kind {kind}"))),
            Self::IDENTIFIER if length != 6 => Err(Damage::of("the identifier has not 6 bytes")),
            _ => Ok(Block::Of(4 + length)),
        }
    }

    /// Whether the next block begins another message.
    fn begins_anew(&self, input: &[u8]) -> bool {
        self.begun && self.blocks.block.is_empty() && input.first() == Some(&Self::IDENTIFIER)
    }

    /// Notes what a whole block says.
    fn note(&mut self) {
        self.begun = true;
        match self.blocks.block.as_slice() {
            [0x00, _, _, _, _, _, _, _, data @ ..] => {
                self.last = snap::raw::decompress_len(data).ok();
            }
            [0x01, rest @ ..] => self.last = Some(rest.len().saturating_sub(7)),
            _ => {}
        }
    }
}

impl Decoder for Snappy {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Damage> {
        let mut read = 0;
        loop {
            let skipped = self.skips.min(input.len() - read);
            (self.skips, read) = (self.skips - skipped, read + skipped);
            let written = self.blocks.drain(output)?;
            let done = written == 0 && self.begins_anew(&input[read..]);
            if written > 0 || done {
                return Ok(Step {
                    read,
                    written,
                    done,
                });
            }
            let before = match self.block()? {
                Block::Of(whole) => whole,
                Block::Skipped(length) => {
                    self.skips = length;
                    self.blocks.block.clear();
                    continue;
                }
            };
            read += self.blocks.fill(&input[read..], before);
            let is_whole = self.blocks.block.len() == before;
            match self.block()? {
                Block::Of(whole) if is_whole && whole == before => {
                    self.note();
                    self.blocks.hand_over();
                }
                _ if is_whole => {}
                _ => {
                    return Ok(Step {
                        read,
                        ..Step::default()
                    });
                }
            }
        }
    }

    fn rest(&self) -> Rest {
        match self.last {
            _ if !self.begun || self.skips > 0 || !self.blocks.block.is_empty() => Rest::Open,
            Some(length) if length < Self::FULL => Rest::Ended,
            _ => Rest::Closed,
        }
    }
}
