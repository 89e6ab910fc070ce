//! A fingerprint of every layout that crosses the boundary, computed by the compiler.

use super::{arena, batch, buffer, container, event, handle, hash, view};

/// The layouts of the data plane, by name.
pub(crate) const LAYOUTS: &[(&str, &[usize])] = &[
    ("handle", handle::LAYOUT),
    ("arena", arena::LAYOUT),
    ("batch", batch::LAYOUT),
    ("buffer", buffer::LAYOUT),
    ("container", container::LAYOUT),
    ("event", event::LAYOUT),
    ("value", view::LAYOUT),
    ("hash", &[hash::VERSION]),
];

/// One step of 64-bit FNV-1a over a number (<http://www.isthe.com/chongo/tech/comp/fnv/>).
const fn mix(hash: u64, number: usize) -> u64 {
    (hash ^ number as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Hashes layouts, continued from `hash`.
///
/// Two builds whose fingerprints differ must not exchange a batch.
#[must_use]
pub(crate) const fn fingerprint(hash: u64, layouts: &[(&str, &[usize])]) -> u64 {
    let mut hash = mix(hash, size_of::<usize>());
    let mut at = 0;
    while at < layouts.len() {
        let numbers = layouts[at].1;
        hash = mix(hash, numbers.len());
        let mut place = 0;
        while place < numbers.len() {
            hash = mix(hash, numbers[place]);
            place += 1;
        }
        at += 1;
    }
    hash
}
