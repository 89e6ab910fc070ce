//! What the first bytes of a message say about its format.

use super::Algorithm;

/// As many bytes are enough to tell.
pub(super) const ENOUGH: usize = 10;

const GZIP: &[u8] = b"\x1f\x8b\x08";
const XZ: &[u8] = b"\xfd7zXZ\0";
pub(super) const SNAPPY: &[u8] = b"\xff\x06\0\0sNaPpY";
pub(super) const LZ4: &[u8] = b"\x04\x22\x4d\x18";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// Behind a first byte between 0x50 and 0x5f.
const SKIPPABLE: &[u8] = b"\x2a\x4d\x18";
/// Behind `BZh` and a digit.
const BZIP2_BLOCK: &[u8] = b"1AY&SY";
const BZIP2_EMPTY: &[u8] = b"\x17rE8P\x90";

/// What a message seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seems {
    Compressed(Algorithm),
    /// A frame of zstd or lz4 that holds no data.
    Skippable,
    /// Nothing that is known here.
    Plain,
    /// The bytes are too few to tell.
    Unsure,
}

/// Looks at the first bytes of a message.
pub(super) fn detect(head: &[u8]) -> Seems {
    let marks = [
        (GZIP, Algorithm::Gzip),
        (XZ, Algorithm::Xz),
        (SNAPPY, Algorithm::Snappy),
        (LZ4, Algorithm::Lz4),
        (ZSTD, Algorithm::Zstd),
    ];
    for (mark, algorithm) in marks {
        match begins(head, mark) {
            Some(true) => return Seems::Compressed(algorithm),
            Some(false) => return Seems::Unsure,
            None => {}
        }
    }
    match *head {
        [b'x'] | [0x50..=0x5f] => Seems::Unsure,
        // The second byte of zlib says how hard it was compressed, and makes both a multiple of 31.
        [b'x', 0x01 | 0x5e | 0x9c | 0xda, ..] => Seems::Compressed(Algorithm::Zlib),
        [0x50..=0x5f, ref rest @ ..] => match begins(rest, SKIPPABLE) {
            Some(true) => Seems::Skippable,
            Some(false) => Seems::Unsure,
            None => Seems::Plain,
        },
        [b'B', ..] => bzip2(head),
        _ => Seems::Plain,
    }
}

fn bzip2(head: &[u8]) -> Seems {
    let (start, rest) = head.split_at(head.len().min(4));
    let known = match *start {
        [b'B', b'Z', b'h', level] => matches!(level, b'1'..=b'9'),
        _ => b"BZh".starts_with(start),
    };
    if !known {
        return Seems::Plain;
    }
    match [BZIP2_BLOCK, BZIP2_EMPTY].map(|mark| begins(rest, mark)) {
        [None, None] => Seems::Plain,
        [Some(true), _] | [_, Some(true)] => Seems::Compressed(Algorithm::Bzip2),
        _ => Seems::Unsure,
    }
}

/// Whether the head begins with the mark; `Some(false)` if it is too short to tell.
fn begins(head: &[u8], mark: &[u8]) -> Option<bool> {
    let common = head.len().min(mark.len());
    (head[..common] == mark[..common]).then_some(common == mark.len())
}
