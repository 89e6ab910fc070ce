//! Preprocessor and postprocessor `gelf-chunking`: messages in several datagrams.

mod join;
mod split;

pub use join::JoinGelf;
pub use split::SplitGelf;

/// What a chunk begins with.
const MAGIC: [u8; 2] = [0x1e, 0x0f];

/// Magic, id of the message, number of the chunk and of all chunks.
const HEADER: usize = 12;

/// No message has more chunks.
const MAX_CHUNKS: usize = 128;
