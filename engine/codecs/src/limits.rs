//! What codecs take, so that no input takes all memory or all of the native stack.

use temblor_pdk::Limit;

/// How deep values of JSON may be nested.
pub(crate) const JSON_DEPTH: usize = simd_json::DEFAULT_MAX_DEPTH;

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
    Limit::fixed("a frame of `json`", u32::MAX as u64, "bytes", FRAME),
    Limit::fixed("a frame of `msgpack`", u32::MAX as u64, "bytes", FRAME),
];
