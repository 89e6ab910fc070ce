//! Codecs and processors across the boundary: what both sides know of them.

mod host;
mod maker;

use std::cell::Cell;
use std::mem::offset_of;

use super::text::{RawError, RawStr};
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor};
use crate::{Arena, Error, Value};

pub(super) use host::{import_codec, import_postprocessor, import_preprocessor};
pub(super) use maker::{
    export_codec, export_postprocessor, export_preprocessor, object, release, report,
};

type Codec = Box<dyn DynCodec>;
type Preprocessor = Box<dyn DynPreprocessor>;
type Postprocessor = Box<dyn DynPostprocessor>;

/// An object on its way across; what the vtable is follows from the entry's kind.
#[repr(C)]
pub(super) struct RawObject {
    pub(super) data: *mut (),
    pub(super) vtable: *const (),
}

#[repr(C)]
struct CodecVtable {
    /// Object, frame, its length, arena, value. Returns 1 if there is a value.
    decode: unsafe extern "C" fn(
        *mut (),
        *mut u8,
        usize,
        *const Arena,
        *mut Value<'static>,
        *mut RawError,
    ) -> u32,
    /// Object, value, and where the bytes are until the next call.
    encode: unsafe extern "C" fn(*mut (), *const Value<'static>, *mut RawStr, *mut RawError),
    release: unsafe extern "C" fn(*mut ()),
}

#[repr(C)]
struct PreprocessorVtable {
    process: unsafe extern "C" fn(*mut (), RawStr, *const RawFrameSink, *mut RawError),
    held: unsafe extern "C" fn(*const ()) -> u64,
    finish: unsafe extern "C" fn(*mut (), *const RawFrameSink, *mut RawError),
    release: unsafe extern "C" fn(*mut ()),
}

#[repr(C)]
struct PostprocessorVtable {
    /// Object, bytes, and where the result is until the next call.
    process: unsafe extern "C" fn(*mut (), RawStr, *mut RawStr, *mut RawError),
    finish: unsafe extern "C" fn(*mut (), *mut RawStr, *mut RawError),
    /// Object, and when the next event came in.
    came_in: unsafe extern "C" fn(*mut (), u64),
    /// As `finish`.
    flush: unsafe extern "C" fn(*mut (), *mut RawStr, *mut RawError),
    /// Object, and where the ends of frames are until the next call. Returns 0 if there are none to tell.
    ends: unsafe extern "C" fn(*const (), *mut RawEnds) -> u32,
    release: unsafe extern "C" fn(*mut ()),
}

/// A list of places in bytes.
#[repr(C)]
struct RawEnds {
    start: *const usize,
    len: usize,
}

/// Takes frames across; valid for the call that brings it.
#[repr(C)]
struct RawFrameSink {
    object: *mut (),
    /// Object, bytes, and 1 if they were made rather than part of the piece.
    take: unsafe extern "C" fn(*mut (), RawStr, u32),
    /// Object, the part of the piece that cannot be handed over, if it is one, why, and the code of that error's kind.
    fail: unsafe extern "C" fn(*mut (), RawStr, RawStr, u32),
    /// When the frames came in, which both sides read and write; null if nobody wants to know.
    ingest_ns: *const Cell<u64>,
}

/// Makes an error of a kind that the entry does not have.
pub(super) fn wrong_kind(name: &str, asked: &str) -> Error {
    Error::failed(format!("`{name}` is not a {asked}"))
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<RawObject>(),
    align_of::<RawObject>(),
    offset_of!(RawObject, data),
    offset_of!(RawObject, vtable),
    size_of::<CodecVtable>(),
    align_of::<CodecVtable>(),
    offset_of!(CodecVtable, decode),
    offset_of!(CodecVtable, encode),
    offset_of!(CodecVtable, release),
    size_of::<PreprocessorVtable>(),
    align_of::<PreprocessorVtable>(),
    offset_of!(PreprocessorVtable, process),
    offset_of!(PreprocessorVtable, held),
    offset_of!(PreprocessorVtable, finish),
    offset_of!(PreprocessorVtable, release),
    size_of::<PostprocessorVtable>(),
    align_of::<PostprocessorVtable>(),
    offset_of!(PostprocessorVtable, process),
    offset_of!(PostprocessorVtable, finish),
    offset_of!(PostprocessorVtable, came_in),
    offset_of!(PostprocessorVtable, flush),
    offset_of!(PostprocessorVtable, ends),
    offset_of!(PostprocessorVtable, release),
    size_of::<RawFrameSink>(),
    align_of::<RawFrameSink>(),
    offset_of!(RawFrameSink, object),
    offset_of!(RawFrameSink, take),
    offset_of!(RawFrameSink, fail),
    offset_of!(RawFrameSink, ingest_ns),
    size_of::<RawEnds>(),
    align_of::<RawEnds>(),
    offset_of!(RawEnds, start),
    offset_of!(RawEnds, len),
];
