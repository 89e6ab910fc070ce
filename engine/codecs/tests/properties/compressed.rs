//! Compressed messages for tests.

use super::{Frames, frames_of, made, postprocessor, preprocessors};

/// All of them.
pub const ALGORITHMS: [&str; 8] = ["gzip", "zlib", "xz", "snappy", "lz4", "zstd", "br", "bzip2"];

/// Those that can be read before the end.
pub const STREAMS: [&str; 7] = ["gzip", "zlib", "xz", "snappy", "lz4", "zstd", "br"];

/// The configuration that names one.
pub fn of(algorithm: &str) -> String {
    format!(r#"{{"algorithm": "{algorithm}"}}"#)
}

/// Each event as a message of its own.
pub fn compressed(algorithm: &str, events: &[&[u8]]) -> Vec<u8> {
    let mut step = postprocessor("compress", &of(algorithm));
    let messages = events.iter().flat_map(|event| made(step.as_mut(), event));
    messages.collect()
}

/// What `decompress` makes of a stream, the same as Rust and through the C ABI.
pub fn decompressed(config: &str, pieces: &[&[u8]]) -> Frames {
    let [mut native, mut abi] = preprocessors("decompress", config);
    let found = frames_of(native.as_mut(), pieces);
    assert_eq!(frames_of(abi.as_mut(), pieces), found);
    found
}

/// A text in which little repeats.
pub fn text(length: usize) -> Vec<u8> {
    let words = (0u32..).map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761)));
    words.flat_map(String::into_bytes).take(length).collect()
}

/// The one error among the frames.
pub fn only_error(found: &Frames) -> String {
    let mut errors = found.iter().filter_map(|frame| frame.as_ref().err());
    let error = errors.next().expect("an error").clone();
    assert_eq!(errors.next(), None);
    error
}
