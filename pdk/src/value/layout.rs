//! A fingerprint of every layout that crosses the boundary, computed by the compiler.

use std::mem::{align_of, offset_of, size_of};

use super::{Event, EventId, Field, Value};

/// One step of 64-bit FNV-1a over a number (<http://www.isthe.com/chongo/tech/comp/fnv/>).
const fn mix(hash: u64, number: usize) -> u64 {
    (hash ^ number as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Hashes sizes, alignments and offsets of the data plane, continued from `hash`.
///
/// Two builds whose fingerprints differ must not exchange a batch.
#[must_use]
pub const fn fingerprint(hash: u64) -> u64 {
    let numbers = [
        size_of::<usize>(),
        size_of::<Value<'_>>(),
        align_of::<Value<'_>>(),
        size_of::<Field<'_>>(),
        size_of::<EventId>(),
        offset_of!(EventId, lane),
        offset_of!(EventId, stream),
        offset_of!(EventId, pull),
        offset_of!(EventId, event),
        size_of::<Event<'_>>(),
        offset_of!(Event<'_>, data),
        offset_of!(Event<'_>, meta),
        offset_of!(Event<'_>, id),
        offset_of!(Event<'_>, ingest_ns),
        super::batch::HEAD_SIZE,
        super::arena::HEAD_SIZE,
        super::buffer::HEAD_SIZE,
        super::container::ARRAY_HEADER_SIZE,
        super::container::OBJECT_HEADER_SIZE,
    ];
    let mut hash = hash;
    let mut at = 0;
    while at < numbers.len() {
        hash = mix(hash, numbers[at]);
        at += 1;
    }
    hash
}
