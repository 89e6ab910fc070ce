//! Codecs and processors across the boundary.

use super::fence;
use super::text::{RawError, RawStr, RawText};
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor, Frame, FrameSink};
use crate::{Arena, Error, ErrorKind, Result, Value};

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
    encode: unsafe extern "C" fn(*mut (), *const Value<'static>, *mut RawText, *mut RawError),
    release: unsafe extern "C" fn(*mut ()),
}

#[repr(C)]
struct PreprocessorVtable {
    process: unsafe extern "C" fn(*mut (), RawStr, *const RawFrameSink, *mut RawError),
    holds: unsafe extern "C" fn(*const ()) -> u32,
    finish: unsafe extern "C" fn(*mut (), *const RawFrameSink, *mut RawError),
    release: unsafe extern "C" fn(*mut ()),
}

#[repr(C)]
struct PostprocessorVtable {
    process: unsafe extern "C" fn(*mut (), RawStr, *mut RawText, *mut RawError),
    finish: unsafe extern "C" fn(*mut (), *mut RawText, *mut RawError),
    release: unsafe extern "C" fn(*mut ()),
}

/// Takes frames across; valid for the call that brings it.
#[repr(C)]
struct RawFrameSink {
    object: *mut (),
    /// Object, bytes, and 1 if they were made rather than part of the piece.
    take: unsafe extern "C" fn(*mut (), RawStr, u32),
    /// Object, why a frame cannot be handed over, and the code of that error's kind.
    fail: unsafe extern "C" fn(*mut (), RawStr, u32),
}

/// # Safety
/// `data` is a live boxed `T` of this copy of the crate that nobody else uses now.
unsafe fn object<'a, T>(data: *mut ()) -> &'a mut T {
    // SAFETY: the caller's contract; the reference is used within the call only.
    unsafe { &mut *data.cast::<T>() }
}

/// # Safety
/// `data` is a boxed `T` of this copy of the crate and is released once.
unsafe extern "C" fn release<T>(data: *mut ()) {
    // SAFETY: the caller's contract.
    let object = unsafe { Box::from_raw(data.cast::<T>()) };
    fence::silence(move || drop(object));
}

type Codec = Box<dyn DynCodec>;
type Preprocessor = Box<dyn DynPreprocessor>;
type Postprocessor = Box<dyn DynPostprocessor>;

pub(super) fn export_codec(codec: Codec) -> RawObject {
    RawObject {
        data: Box::into_raw(Box::new(codec)).cast(),
        vtable: (&raw const CODEC).cast(),
    }
}

pub(super) fn export_preprocessor(preprocessor: Preprocessor) -> RawObject {
    RawObject {
        data: Box::into_raw(Box::new(preprocessor)).cast(),
        vtable: (&raw const PREPROCESSOR).cast(),
    }
}

pub(super) fn export_postprocessor(postprocessor: Postprocessor) -> RawObject {
    RawObject {
        data: Box::into_raw(Box::new(postprocessor)).cast(),
        vtable: (&raw const POSTPROCESSOR).cast(),
    }
}

static CODEC: CodecVtable = CodecVtable {
    decode,
    encode,
    release: release::<Codec>,
};

static PREPROCESSOR: PreprocessorVtable = PreprocessorVtable {
    process: preprocess,
    holds: preprocessor_holds,
    finish: finish_preprocessor,
    release: release::<Preprocessor>,
};

static POSTPROCESSOR: PostprocessorVtable = PostprocessorVtable {
    process: postprocess,
    finish: finish_postprocessor,
    release: release::<Postprocessor>,
};

/// Writes the error of a fenced call.
///
/// # Safety
/// `error` is valid for writing and holds nothing that must be dropped.
unsafe fn report<T: Default>(result: Result<Result<T>>, error: *mut RawError) -> T {
    match result.and_then(|result| result) {
        Ok(value) => value,
        Err(reason) => {
            // SAFETY: the caller's contract.
            unsafe { error.write(RawError::new(reason)) };
            T::default()
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
    let (codec, arena) = unsafe { (object::<Codec>(data), &*arena) };
    // SAFETY: the caller's contract.
    let frame = unsafe { std::slice::from_raw_parts_mut(frame, len) };
    let decoded = fence::catch(|| codec.decode(frame, arena));
    // SAFETY: `error` is the caller's.
    match unsafe { report(decoded, error) } {
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
    out: *mut RawText,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (codec, value) = unsafe { (object::<Codec>(data), *value) };
    let encoded = fence::catch(|| collect(|out| codec.encode(value, out)));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { out.write(RawText::of(report(encoded, error))) }
}

fn collect(fill: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    fill(&mut out)?;
    Ok(out)
}

/// # Safety
/// `sink` is valid for the call.
unsafe fn with_sink<'a>(
    sink: *const RawFrameSink,
    fill: impl FnOnce(&mut FrameSink<'_, 'a>) -> Result<()>,
) -> Result<()> {
    // SAFETY: the caller's contract.
    let sink = unsafe { &*sink };
    let mut take = |frame: Frame<'_, 'a>| {
        let (call, bytes, code) = match frame {
            Frame::Part(bytes) => (sink.take, bytes, 0),
            Frame::Made(bytes) => (sink.take, bytes, 1),
            Frame::Failed(error) => (sink.fail, error.message().as_bytes(), error.kind().code()),
        };
        // SAFETY: the host's function for the host's object, within the call that brought it.
        unsafe { call(sink.object, RawStr::of(bytes), code) }
    };
    fill(&mut FrameSink::new(&mut take))
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
    let done = fence::catch(|| unsafe { with_sink(sink, |out| preprocessor.process(piece, out)) });
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) }
}

/// # Safety
/// `data` is a live boxed preprocessor of this copy of the crate.
unsafe extern "C" fn preprocessor_holds(data: *const ()) -> u32 {
    // SAFETY: the caller's contract.
    let preprocessor = unsafe { &*data.cast::<Preprocessor>() };
    // A preprocessor that panics here is taken to hold something, so that nothing is acked too early.
    fence::catch(|| u32::from(preprocessor.holds())).unwrap_or(1)
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
    let done = fence::catch(|| unsafe { with_sink(sink, |out| preprocessor.finish(out)) });
    // SAFETY: `error` is the caller's.
    unsafe { report(done, error) }
}

/// # Safety
/// See [`object`]; the bytes live for the call; `out` and `error` are valid.
unsafe extern "C" fn postprocess(
    data: *mut (),
    bytes: RawStr,
    out: *mut RawText,
    error: *mut RawError,
) {
    // SAFETY: the caller's contract.
    let (postprocessor, bytes) = unsafe { (object::<Postprocessor>(data), bytes.bytes()) };
    let done = fence::catch(|| collect(|out| postprocessor.process(bytes, out)));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { out.write(RawText::of(report(done, error))) }
}

/// # Safety
/// See [`postprocess`].
unsafe extern "C" fn finish_postprocessor(data: *mut (), out: *mut RawText, error: *mut RawError) {
    // SAFETY: the caller's contract.
    let postprocessor = unsafe { object::<Postprocessor>(data) };
    let done = fence::catch(|| collect(|out| postprocessor.finish(out)));
    // SAFETY: `out` and `error` are the caller's.
    unsafe { out.write(RawText::of(report(done, error))) }
}

/// The host's side of a codec or processor behind the C ABI, with its vtable.
struct Imported<V: 'static> {
    data: *mut (),
    vtable: &'static V,
    release: unsafe extern "C" fn(*mut ()),
}

// SAFETY: the object behind it is `Send`, and is used through `&mut self` only.
unsafe impl<V> Send for Imported<V> {}

impl<V> Drop for Imported<V> {
    fn drop(&mut self) {
        // SAFETY: the maker's function for the maker's object, called once.
        unsafe { (self.release)(self.data) }
    }
}

/// # Safety
/// `raw` comes from `export_codec` of a crate with the same layout and is taken once.
pub(super) unsafe fn import_codec(raw: RawObject) -> Codec {
    // SAFETY: the vtable of a codec is a static of its maker, which is never unloaded.
    let vtable = unsafe { &*raw.vtable.cast::<CodecVtable>() };
    Box::new(Imported {
        data: raw.data,
        vtable,
        release: vtable.release,
    })
}

/// # Safety
/// `raw` comes from `export_preprocessor` of a crate with the same layout and is taken once.
pub(super) unsafe fn import_preprocessor(raw: RawObject) -> Preprocessor {
    // SAFETY: as in `import_codec`.
    let vtable = unsafe { &*raw.vtable.cast::<PreprocessorVtable>() };
    Box::new(Imported {
        data: raw.data,
        vtable,
        release: vtable.release,
    })
}

/// # Safety
/// `raw` comes from `export_postprocessor` of a crate with the same layout and is taken once.
pub(super) unsafe fn import_postprocessor(raw: RawObject) -> Postprocessor {
    // SAFETY: as in `import_codec`.
    let vtable = unsafe { &*raw.vtable.cast::<PostprocessorVtable>() };
    Box::new(Imported {
        data: raw.data,
        vtable,
        release: vtable.release,
    })
}

impl DynCodec for Imported<CodecVtable> {
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let mut value = Value::NULL;
        let mut error = RawError::NONE;
        // SAFETY: the maker's function for the maker's object; frame and arena live for 'a and are lent for it.
        let some = unsafe {
            (self.vtable.decode)(
                self.data,
                frame.as_mut_ptr(),
                frame.len(),
                arena,
                &raw mut value,
                &raw mut error,
            )
        };
        error.into_result()?;
        Ok((some != 0).then_some(value))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        let mut bytes = RawText::EMPTY;
        let mut error = RawError::NONE;
        let value = (&raw const value).cast::<Value<'static>>();
        // SAFETY: the maker's function for the maker's object; the value is used within the call only.
        unsafe { (self.vtable.encode)(self.data, value, &raw mut bytes, &raw mut error) }
        out.extend_from_slice(bytes.bytes());
        error.into_result()
    }
}

impl Imported<PreprocessorVtable> {
    fn run<'a>(
        out: &mut FrameSink<'_, 'a>,
        call: impl FnOnce(*const RawFrameSink, *mut RawError),
    ) -> Result<()> {
        let mut error = RawError::NONE;
        let sink = RawFrameSink {
            object: std::ptr::from_mut(out).cast(),
            take: take_frame,
            fail: fail_frame,
        };
        call(&raw const sink, &raw mut error);
        error.into_result()
    }
}

/// # Safety
/// `sink` is the `FrameSink` of the call under way; the bytes live for the call, or, if they are not made, as long
/// as the piece.
unsafe extern "C" fn take_frame(sink: *mut (), bytes: RawStr, made: u32) {
    // SAFETY: the caller's contract.
    let (sink, bytes) = unsafe { (&mut *sink.cast::<FrameSink<'_, '_>>(), bytes.bytes()) };
    fence::silence(|| match made {
        0 => sink.part(bytes),
        _ => sink.made(bytes),
    });
}

/// # Safety
/// `sink` is the `FrameSink` of the call under way; the message lives for the call.
unsafe extern "C" fn fail_frame(sink: *mut (), message: RawStr, kind: u32) {
    // SAFETY: the caller's contract.
    let (sink, message) = unsafe { (&mut *sink.cast::<FrameSink<'_, '_>>(), message.bytes()) };
    fence::silence(|| {
        let message = String::from_utf8_lossy(message);
        sink.failed(&Error::new(ErrorKind::from_code(kind), message));
    });
}

impl DynPreprocessor for Imported<PreprocessorVtable> {
    fn holds(&self) -> bool {
        // SAFETY: the maker's function for the maker's object.
        unsafe { (self.vtable.holds)(self.data) != 0 }
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        Imported::run(out, |sink, error| {
            // SAFETY: the maker's function for the maker's object; piece, sink and error live for the call.
            unsafe { (self.vtable.process)(self.data, RawStr::of(piece), sink, error) }
        })
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        Imported::run(out, |sink, error| {
            // SAFETY: as in `process`.
            unsafe { (self.vtable.finish)(self.data, sink, error) }
        })
    }
}

impl DynPostprocessor for Imported<PostprocessorVtable> {
    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (mut made, mut error) = (RawText::EMPTY, RawError::NONE);
        let bytes = RawStr::of(bytes);
        // SAFETY: the maker's function for the maker's object; the bytes live for the call.
        unsafe { (self.vtable.process)(self.data, bytes, &raw mut made, &raw mut error) }
        out.extend_from_slice(made.bytes());
        error.into_result()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let (mut made, mut error) = (RawText::EMPTY, RawError::NONE);
        // SAFETY: the maker's function for the maker's object.
        unsafe { (self.vtable.finish)(self.data, &raw mut made, &raw mut error) }
        out.extend_from_slice(made.bytes());
        error.into_result()
    }
}

/// Makes an error of a kind that the entry does not have.
pub(super) fn wrong_kind(name: &str, asked: &str) -> Error {
    Error::failed(format!("`{name}` is not a {asked}"))
}
