//! The seeded hash of object keys. Both sides of the boundary must agree on it, so it is ours and part of the layout.

/// Multiplies to 128 bits and folds: every input bit reaches every output bit.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Counts changes of the hash: an index of one side is searched by the other. Part of the layout.
pub(super) const VERSION: usize = 1;

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xd6e8_feb8_6659_fd93;

/// Hashes `key` under `seed`.
pub(super) fn hash(seed: u64, key: &[u8]) -> u32 {
    let mut state = fold(seed ^ K0, K1 ^ key.len() as u64);
    let mut chunks = key.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        state = fold(state ^ u64::from_le_bytes(word), K1);
    }
    let mut word = [0u8; 8];
    let rest = chunks.remainder();
    word[..rest.len()].copy_from_slice(rest);
    state = fold(state ^ u64::from_le_bytes(word), K0);
    (state >> 32) as u32 ^ state as u32
}

/// Returns a seed that an attacker who chooses keys does not know.
pub(super) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::OnceLock;
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(K0))
}
