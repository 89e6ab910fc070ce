//! How a sink tells the fate of what it took, from any thread, at any time.

use std::mem::offset_of;
use std::ops::Range;
use std::sync::Arc;

use super::fence;
use super::text::RawStr;
use crate::{Error, ErrorKind};

/// The engine's side: takes the fates of the events of a write.
pub trait FateSink: Send + Sync + 'static {
    /// The events `range` of write number `write` are delivered, or have failed with `error`. Called on any thread;
    /// must not block.
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>);
}

#[repr(C)]
struct FatesVtable {
    retain: unsafe extern "C" fn(*const ()),
    release: unsafe extern "C" fn(*const ()),
    /// Object, write, first, end, error kind (0: acked), error text.
    settle: unsafe extern "C" fn(*const (), u64, u64, u64, u32, RawStr),
}

/// Tells the engine what became of the events of one write. Cheap to clone, usable on any thread.
#[repr(C)]
pub struct Fates {
    object: *const (),
    vtable: *const FatesVtable,
    write: u64,
    len: u64,
}

// SAFETY: the object is a counted `FateSink`, which is `Send + Sync`.
unsafe impl Send for Fates {}
// SAFETY: see `Send`.
unsafe impl Sync for Fates {}

impl Fates {
    /// Makes the handle of write number `write`, which has `len` events.
    #[must_use]
    pub fn new<S: FateSink>(sink: Arc<S>, write: u64, len: usize) -> Self {
        Fates {
            object: Arc::into_raw(sink).cast(),
            vtable: &const {
                FatesVtable {
                    retain: retain::<S>,
                    release: release::<S>,
                    settle: settle::<S>,
                }
            },
            write,
            len: len as u64,
        }
    }

    /// A handle on nothing, for commands that carry none.
    pub(super) const NONE: Fates = Fates {
        object: std::ptr::null(),
        vtable: std::ptr::null(),
        write: 0,
        len: 0,
    };

    /// All events of the write are delivered.
    pub fn acked(&self) {
        self.acked_range(0..self.len as usize);
    }

    /// These events of the write are delivered.
    pub fn acked_range(&self, range: Range<usize>) {
        self.settle(range, 0, "");
    }

    /// All events of the write have failed.
    pub fn failed(&self, error: &Error) {
        self.failed_range(0..self.len as usize, error);
    }

    /// These events of the write have failed.
    pub fn failed_range(&self, range: Range<usize>, error: &Error) {
        self.settle(range, error.kind().code(), error.message());
    }

    fn settle(&self, range: Range<usize>, kind: u32, message: &str) {
        if self.object.is_null() {
            return;
        }
        let end = (range.end as u64).min(self.len);
        let start = (range.start as u64).min(end);
        // SAFETY: the maker's function for the maker's object, which this handle keeps alive.
        unsafe {
            ((*self.vtable).settle)(
                self.object,
                self.write,
                start,
                end,
                kind,
                RawStr::new(message),
            );
        }
    }
}

impl Clone for Fates {
    fn clone(&self) -> Self {
        if !self.object.is_null() {
            // SAFETY: the maker's function for the maker's object, which this handle keeps alive.
            unsafe { ((*self.vtable).retain)(self.object) }
        }
        Fates { ..*self }
    }
}

impl Drop for Fates {
    fn drop(&mut self) {
        if !self.object.is_null() {
            // SAFETY: as above; gives up this handle's count.
            unsafe { ((*self.vtable).release)(self.object) }
        }
    }
}

impl std::fmt::Debug for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fates(write {}, {} events)", self.write, self.len)
    }
}

/// # Safety
/// `object` is a live `Arc<S>` of this copy of the crate.
unsafe extern "C" fn retain<S>(object: *const ()) {
    // SAFETY: the caller's contract.
    unsafe { Arc::increment_strong_count(object.cast::<S>()) }
}

/// # Safety
/// `object` is a live `Arc<S>` of this copy of the crate, of which the caller gives up one count.
unsafe extern "C" fn release<S>(object: *const ()) {
    // SAFETY: the caller's contract.
    let sink = unsafe { Arc::from_raw(object.cast::<S>()) };
    fence::silence(move || drop(sink));
}

/// # Safety
/// `object` is a live `Arc<S>` of this copy of the crate; `message` lives for the call.
unsafe extern "C" fn settle<S: FateSink>(
    object: *const (),
    write: u64,
    start: u64,
    end: u64,
    kind: u32,
    message: RawStr,
) {
    // SAFETY: the caller's contract.
    let (sink, message) = unsafe { (&*object.cast::<S>(), message.text()) };
    fence::silence(|| {
        let error = (kind != 0).then(|| Error::new(ErrorKind::from_code(kind), message));
        sink.settle(write, start as usize..end as usize, error);
    });
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<FatesVtable>(),
    align_of::<FatesVtable>(),
    offset_of!(FatesVtable, retain),
    offset_of!(FatesVtable, release),
    offset_of!(FatesVtable, settle),
    size_of::<Fates>(),
    align_of::<Fates>(),
    offset_of!(Fates, object),
    offset_of!(Fates, vtable),
    offset_of!(Fates, write),
    offset_of!(Fates, len),
];
