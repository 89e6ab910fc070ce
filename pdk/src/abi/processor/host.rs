//! The host's side of codecs and processors.

use super::super::fence;
use super::super::text::{RawError, RawStr};
use super::{
    Codec, CodecVtable, Postprocessor, PostprocessorVtable, Preprocessor, PreprocessorVtable,
    RawEnds, RawFrameSink, RawObject,
};
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor, FrameSink};
use crate::{Arena, Error, ErrorKind, Result, Value};

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
pub(in crate::abi) unsafe fn import_codec(raw: RawObject) -> Codec {
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
pub(in crate::abi) unsafe fn import_preprocessor(raw: RawObject) -> Preprocessor {
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
pub(in crate::abi) unsafe fn import_postprocessor(raw: RawObject) -> Postprocessor {
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
        let value = (&raw const value).cast::<Value<'static>>();
        // SAFETY: the maker's function for the maker's object; the value is used within the call only.
        let call = |made, error| unsafe { (self.vtable.encode)(self.data, value, made, error) };
        // SAFETY: the vtable's promise.
        unsafe { append(out, call) }
    }
}

/// Appends what `call` makes, or says why it made nothing.
///
/// # Safety
/// What `call` writes to its first argument is bytes that live until the next call of the same object.
unsafe fn append(out: &mut Vec<u8>, call: impl FnOnce(*mut RawStr, *mut RawError)) -> Result<()> {
    let (mut made, mut error) = (RawStr::new(""), RawError::NONE);
    call(&raw mut made, &raw mut error);
    error.into_result()?;
    // SAFETY: the caller's contract.
    out.extend_from_slice(unsafe { made.bytes() });
    Ok(())
}

/// The host's side of a frame sink, for one call.
struct Taking<'o, 's, 'a> {
    out: &'o mut FrameSink<'s, 'a>,
    /// A panic of the host's own code, which must not unwind through the plugin.
    panicked: Option<Error>,
}

impl Imported<PreprocessorVtable> {
    fn run(
        out: &mut FrameSink<'_, '_>,
        call: impl FnOnce(*const RawFrameSink, *mut RawError),
    ) -> Result<()> {
        let (mut error, panicked) = (RawError::NONE, None);
        let ingest_ns = out.time().map_or(std::ptr::null(), std::ptr::from_ref);
        let mut taking = Taking { out, panicked };
        let sink = RawFrameSink {
            object: (&raw mut taking).cast(),
            take: take_frame,
            fail: fail_frame,
            ingest_ns,
        };
        call(&raw const sink, &raw mut error);
        match taking.panicked {
            Some(panicked) => Err(panicked),
            None => error.into_result(),
        }
    }
}

/// Runs host code for a frame. After a panic it takes no more.
///
/// # Safety
/// `sink` is the `Taking` of the call under way.
unsafe fn take(sink: *mut (), run: impl FnOnce(&mut FrameSink<'_, '_>)) {
    // SAFETY: the caller's contract.
    let taking = unsafe { &mut *sink.cast::<Taking<'_, '_, '_>>() };
    if taking.panicked.is_none() {
        taking.panicked = fence::catch(|| run(taking.out)).err();
    }
}

/// # Safety
/// `sink` is the `Taking` of the call under way; the bytes live for the call, or, if they are not made, as long as
/// the piece.
unsafe extern "C" fn take_frame(sink: *mut (), bytes: RawStr, made: u32) {
    // SAFETY: the caller's contract.
    let bytes = unsafe { bytes.bytes() };
    let run = |out: &mut FrameSink<'_, '_>| match made {
        0 => out.part(bytes),
        _ => out.made(bytes),
    };
    // SAFETY: the caller's contract.
    unsafe { take(sink, run) }
}

/// # Safety
/// `sink` is the `Taking` of the call under way; the part lives as long as the piece, the message for the call.
unsafe extern "C" fn fail_frame(sink: *mut (), part: RawStr, message: RawStr, kind: u32) {
    // SAFETY: the caller's contract.
    let (part, message) = unsafe { (part.bytes(), message.bytes()) };
    let run = |out: &mut FrameSink<'_, '_>| {
        let message = String::from_utf8_lossy(message);
        let error = Error::new(ErrorKind::from_code(kind), message);
        match part {
            [] => out.failed(&error),
            _ => out.failed_part(part, &error),
        }
    };
    // SAFETY: the caller's contract.
    unsafe { take(sink, run) }
}

impl DynPreprocessor for Imported<PreprocessorVtable> {
    fn held(&self) -> usize {
        // SAFETY: the maker's function for the maker's object.
        unsafe { (self.vtable.held)(self.data) as usize }
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
        let bytes = RawStr::of(bytes);
        // SAFETY: the maker's function for the maker's object; the bytes live for the call.
        let call = |made, error| unsafe { (self.vtable.process)(self.data, bytes, made, error) };
        // SAFETY: the vtable's promise.
        unsafe { append(out, call) }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        // SAFETY: the maker's function for the maker's object.
        let call = |made, error| unsafe { (self.vtable.finish)(self.data, made, error) };
        // SAFETY: the vtable's promise.
        unsafe { append(out, call) }
    }

    fn came_in(&mut self, ingest_ns: u64) {
        // SAFETY: the maker's function for the maker's object.
        unsafe { (self.vtable.came_in)(self.data, ingest_ns) }
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        // SAFETY: the maker's function for the maker's object.
        let call = |made, error| unsafe { (self.vtable.flush)(self.data, made, error) };
        // SAFETY: the vtable's promise.
        unsafe { append(out, call) }
    }

    fn ends(&self) -> Option<&[usize]> {
        let mut ends = RawEnds {
            start: std::ptr::null(),
            len: 0,
        };
        // SAFETY: the maker's function for the maker's object.
        let some = unsafe { (self.vtable.ends)(self.data, &raw mut ends) };
        // SAFETY: the vtable's promise: they live until the next call, and no other is made while `self` is borrowed.
        (some != 0).then(|| unsafe { std::slice::from_raw_parts(ends.start, ends.len) })
    }
}
