//! The maker's side of codecs and processors.

use super::super::fence;
use super::super::text::{RawError, RawStr};
use super::{
    Codec, CodecVtable, Postprocessor, PostprocessorVtable, Preprocessor, PreprocessorVtable,
    RawEnds, RawFrameSink, RawObject,
};
use crate::codec::{Frame, FrameSink};
use crate::{Arena, Result, Value};

/// # Safety
/// `data` is a live boxed `T` of this copy of the crate that nobody else uses now.
pub(in crate::abi) unsafe fn object<'a, T>(data: *mut ()) -> &'a mut T {
    // SAFETY: the caller's contract; the reference is used within the call only.
    unsafe { &mut *data.cast::<T>() }
}

/// # Safety
/// `data` is a boxed `T` of this copy of the crate and is released once.
pub(in crate::abi) unsafe extern "C" fn release<T>(data: *mut ()) {
    // SAFETY: the caller's contract.
    let object = unsafe { Box::from_raw(data.cast::<T>()) };
    fence::silence(move || drop(object));
}

/// More than this is not kept from one call for the next.
const KEPT: usize = 1024 * 1024;

/// The maker's side of what appends bytes. They are put together here, because the host's vector can grow only with
/// the host's allocator, and the host copies them from here: nothing is allocated a call.
struct Writing<T> {
    object: T,
    out: Vec<u8>,
}

impl<T> Writing<T> {
    fn export(object: T) -> *mut () {
        let out = Vec::new();
        Box::into_raw(Box::new(Writing { object, out })).cast()
    }

    /// The bytes that `fill` appends; none if it fails.
    fn collect(&mut self, fill: impl FnOnce(&mut T, &mut Vec<u8>) -> Result<()>) -> Result<RawStr> {
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        self.out.clear();
        fence::catch(|| fill(&mut self.object, &mut self.out))??;
        Ok(RawStr::of(&self.out))
    }
}

pub(in crate::abi) fn export_codec(codec: Codec) -> RawObject {
    RawObject {
        data: Writing::export(codec),
        vtable: (&raw const CODEC).cast(),
    }
}

pub(in crate::abi) fn export_preprocessor(preprocessor: Preprocessor) -> RawObject {
    RawObject {
        data: Box::into_raw(Box::new(preprocessor)).cast(),
        vtable: (&raw const PREPROCESSOR).cast(),
    }
}

pub(in crate::abi) fn export_postprocessor(postprocessor: Postprocessor) -> RawObject {
    RawObject {
        data: Writing::export(postprocessor),
        vtable: (&raw const POSTPROCESSOR).cast(),
    }
}

static CODEC: CodecVtable = CodecVtable {
    decode,
    encode,
    release: release::<Writing<Codec>>,
};

static PREPROCESSOR: PreprocessorVtable = PreprocessorVtable {
    process: preprocess,
    held: preprocessor_held,
    finish: finish_preprocessor,
    release: release::<Preprocessor>,
};

static POSTPROCESSOR: PostprocessorVtable = PostprocessorVtable {
    process: postprocess,
    finish: finish_postprocessor,
    came_in: postprocessor_came_in,
    flush: flush_postprocessor,
    ends: postprocessor_ends,
    release: release::<Writing<Postprocessor>>,
};

/// Writes the error of a fenced call; none where there was one.
///
/// # Safety
/// `error` is valid for writing and holds nothing that must be dropped.
pub(in crate::abi) unsafe fn report<T>(result: Result<T>, error: *mut RawError) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(reason) => {
            // SAFETY: the caller's contract.
            unsafe { error.write(RawError::new(reason)) };
            None
        }
    }
}

/// # Safety
/// See [`object`]; frame and arena live, unused by others, as long as the value is used; `out` and `error` are valid.
unsafe extern "C" fn decode(
    data: *mut (),
    frame: *mut u8,
    len: usize,
    arena: *const Arena,
    out: *mut Value<'static>,
    error: *mut RawError,
) -> u32 {
    // SAFETY: the caller's contract.
    let (codec, arena) = unsafe { (&mut object::<Writing<Codec>>(data).object, &*arena) };
    // SAFETY: the caller's contract.
    let frame = unsafe { std::slice::from_raw_parts_mut(frame, len) };
    let decoded = fence::catch(|| codec.decode(frame, arena)).and_then(|decoded| decoded);
    // SAFETY: `error` is the caller's.
    match unsafe { report(decoded, error) }.flatten() {
        Some(value) => {
            // SAFETY: `out` is the caller's.
            unsafe { out.write(value) };
            1
        }
        None => 0,
    }
}

/// # Safety
/// See [`object`]; the value lives for the call; `out` and `error` are valid.
unsafe extern "C" fn encode(
    data: *mut (),
    value: *const Value<'static>,
    out: *mut RawStr,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (codec, value) = unsafe { (object::<Writing<Codec>>(data), *value) };
    let encoded = codec.collect(|codec, out| codec.encode(value, out));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { hand_out(encoded, out, error) }
}

/// Says where the bytes are, or why there are none.
///
/// # Safety
/// `out` and `error` are valid for writing and hold nothing that must be dropped.
unsafe fn hand_out(made: Result<RawStr>, out: *mut RawStr, error: *mut RawError) {
    // SAFETY: the caller's contract.
    if let Some(made) = unsafe { report(made, error) } {
        // SAFETY: the caller's contract.
        unsafe { out.write(made) }
    }
}

/// Runs `fill`, fenced, with a sink that hands over to the host's.
///
/// # Safety
/// `sink` is valid for the call.
unsafe fn with_sink<'a>(
    sink: *const RawFrameSink,
    fill: impl FnOnce(&mut FrameSink<'_, 'a>) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's contract.
    let sink = unsafe { &*sink };
    let mut take = |frame: Frame<'_, 'a>| {
        let (part, error) = match frame {
            // SAFETY: the host's function for the host's object, within the call that brought it.
            Frame::Part(bytes) => return unsafe { (sink.take)(sink.object, RawStr::of(bytes), 0) },
            // SAFETY: as above.
            Frame::Made(bytes) => return unsafe { (sink.take)(sink.object, RawStr::of(bytes), 1) },
            Frame::Failed(error) => (&[][..], error),
            Frame::FailedPart(part, error) => (part, error),
        };
        let message = RawStr::new(error.message());
        // SAFETY: as above.
        unsafe { (sink.fail)(sink.object, RawStr::of(part), message, error.kind().code()) }
    };
    // SAFETY: the caller's contract; null, or a cell of the call that brought it.
    let time = unsafe { sink.ingest_ns.as_ref() };
    fence::catch(|| {
        let out = FrameSink::new(&mut take);
        match time {
            Some(time) => fill(&mut out.with_time(time)),
            None => fill(&mut { out }),
        }
    })?
}

/// # Safety
/// See [`object`]; piece and sink live for the call; `error` is valid.
unsafe extern "C" fn preprocess(
    data: *mut (),
    piece: RawStr,
    sink: *const RawFrameSink,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (preprocessor, piece) = unsafe { (object::<Preprocessor>(data), piece.bytes()) };
    // SAFETY: the caller's contract.
    let done = unsafe { with_sink(sink, |out| preprocessor.process(piece, out)) };
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) };
}

/// # Safety
/// `data` is a live boxed preprocessor of this copy of the crate.
unsafe extern "C" fn preprocessor_held(data: *const ()) -> u64 {
    // SAFETY: the caller's contract.
    let preprocessor = unsafe { &*data.cast::<Preprocessor>() };
    // A preprocessor that panics here is taken to hold something, so that nothing is acked too early.
    fence::catch(|| preprocessor.held() as u64).unwrap_or(1)
}

/// # Safety
/// See [`preprocess`].
unsafe extern "C" fn finish_preprocessor(
    data: *mut (),
    sink: *const RawFrameSink,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let preprocessor = unsafe { object::<Preprocessor>(data) };
    // SAFETY: the caller's contract.
    let done = unsafe { with_sink(sink, |out| preprocessor.finish(out)) };
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) };
}

/// # Safety
/// See [`object`]; the bytes live for the call; `out` and `error` are valid.
unsafe extern "C" fn postprocess(
    data: *mut (),
    bytes: RawStr,
    out: *mut RawStr,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (postprocessor, bytes) = unsafe { (object::<Writing<Postprocessor>>(data), bytes.bytes()) };
    let done = postprocessor.collect(|postprocessor, out| postprocessor.process(bytes, out));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { hand_out(done, out, error) }
}

/// # Safety
/// See [`postprocess`].
unsafe extern "C" fn finish_postprocessor(data: *mut (), out: *mut RawStr, error: *mut RawError) {
    // SAFETY: the caller's contract.
    let postprocessor = unsafe { object::<Writing<Postprocessor>>(data) };
    let done = postprocessor.collect(|postprocessor, out| postprocessor.finish(out));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { hand_out(done, out, error) }
}

/// # Safety
/// See [`object`].
unsafe extern "C" fn postprocessor_came_in(data: *mut (), ingest_ns: u64) {
    // SAFETY: the caller's contract.
    let postprocessor = unsafe { object::<Writing<Postprocessor>>(data) };
    fence::silence(|| postprocessor.object.came_in(ingest_ns));
}

/// # Safety
/// See [`postprocess`].
unsafe extern "C" fn flush_postprocessor(data: *mut (), out: *mut RawStr, error: *mut RawError) {
    // SAFETY: the caller's contract.
    let postprocessor = unsafe { object::<Writing<Postprocessor>>(data) };
    let done = postprocessor.collect(|postprocessor, out| postprocessor.flush(out));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { hand_out(done, out, error) }
}

/// # Safety
/// `data` is a live exported postprocessor of this copy of the crate; `ends` is valid for writing.
unsafe extern "C" fn postprocessor_ends(data: *const (), ends: *mut RawEnds) -> u32 {
    // SAFETY: the caller's contract.
    let postprocessor = unsafe { &*data.cast::<Writing<Postprocessor>>() };
    let told = fence::catch(|| postprocessor.object.ends()).unwrap_or(None);
    let Some(told) = told else { return 0 };
    let raw = RawEnds {
        start: told.as_ptr(),
        len: told.len(),
    };
    // SAFETY: the caller's contract.
    unsafe { ends.write(raw) };
    1
}
