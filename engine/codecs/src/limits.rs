//! What codecs take, so that no input takes all memory or all of the native stack.

use temblor_pdk::Limit;

/// How deep values of JSON may be nested.
pub(crate) const JSON_DEPTH: usize = simd_json::DEFAULT_MAX_DEPTH;

/// The longest frame of JSON; the parser counts in 32 bits.
pub(crate) const JSON_BYTES: u32 = u32::MAX;

/// The longest text or container of MessagePack, which says lengths in 32 bits.
pub(crate) const MSGPACK_LENGTH: u32 = u32::MAX;

/// How deep values of MessagePack may be nested.
pub(crate) const MSGPACK_DEPTH: usize = 1024;

/// What becomes of a frame that goes beyond.
const FRAME: &str = "the frame is an error with the place, the stream goes on";

/// All of them, as `temblor limits` lists them. What can be configured is in the schemas.
pub const LIMITS: &[Limit] = &[
    Limit::fixed("nesting of `json`", JSON_DEPTH as u64, "levels", FRAME),
    Limit::fixed(
        "nesting of `msgpack`",
        MSGPACK_DEPTH as u64,
        "levels",
        FRAME,
    ),
    Limit::fixed("a frame of `json`", JSON_BYTES as u64, "bytes", FRAME),
    Limit::fixed(
        "a text or a container written as `msgpack`",
        MSGPACK_LENGTH as u64,
        "bytes or items",
        "the event is an error",
    ),
];
