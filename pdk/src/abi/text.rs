//! Strings and errors as plain data.

use std::mem::offset_of;

use crate::{Error, ErrorKind};

/// A borrowed string; valid for the call that brings it, or for ever where it describes an entry.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawStr {
    start: *const u8,
    len: usize,
}

impl RawStr {
    pub(crate) const fn new(text: &str) -> Self {
        RawStr::of(text.as_bytes())
    }

    pub(crate) const fn of(bytes: &[u8]) -> Self {
        RawStr {
            start: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// # Safety
    /// The string was made from bytes that live for `'a`.
    pub(crate) unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// # Safety
    /// The string was made from bytes that live for `'a`.
    pub(crate) unsafe fn text<'a>(self) -> &'a str {
        // SAFETY: the caller's contract. The check costs nothing that counts: no such string is on the data path.
        std::str::from_utf8(unsafe { self.bytes() }).unwrap_or("(not UTF-8)")
    }

    /// The same without a check, for what is on the data path.
    ///
    /// # Safety
    /// The string was made by [`RawStr::new`], from a text that lives for `'a`.
    pub(crate) unsafe fn str<'a>(self) -> &'a str {
        // SAFETY: the caller's contract.
        unsafe { std::str::from_utf8_unchecked(self.bytes()) }
    }
}

/// Owned bytes, freed by their maker.
#[repr(C)]
pub(crate) struct RawText {
    start: *mut u8,
    len: usize,
    release: Option<unsafe extern "C" fn(*mut u8, usize)>,
}

// SAFETY: owned bytes; `release` may be called on any thread.
unsafe impl Send for RawText {}

impl RawText {
    pub(crate) const EMPTY: RawText = RawText {
        start: std::ptr::NonNull::dangling().as_ptr(),
        len: 0,
        release: None,
    };

    pub(crate) fn new(text: String) -> Self {
        RawText::of(text.into_bytes())
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let bytes = Box::leak(bytes.into_boxed_slice());
        RawText {
            start: bytes.as_mut_ptr(),
            len: bytes.len(),
            release: Some(release),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the maker's bytes live until this is dropped.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

impl Drop for RawText {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the maker's function for the maker's bytes, called once.
            unsafe { release(self.start, self.len) }
        }
    }
}

/// # Safety
/// `start` and `len` come from `RawText::of` of this copy of the crate.
unsafe extern "C" fn release(start: *mut u8, len: usize) {
    let bytes = std::ptr::slice_from_raw_parts_mut(start, len);
    // SAFETY: the caller's contract; the box is made again as it was leaked.
    drop(unsafe { Box::from_raw(bytes) });
}

/// An error on its way across; kind 0 says that there is none.
#[repr(C)]
pub(crate) struct RawError {
    kind: u32,
    /// Zero, and not read.
    reserved: u32,
    text: RawText,
}

impl RawError {
    pub(crate) const NONE: RawError = RawError {
        kind: 0,
        reserved: 0,
        text: RawText::EMPTY,
    };

    pub(crate) fn new(error: Error) -> Self {
        RawError {
            kind: error.kind().code(),
            reserved: 0,
            text: RawText::new(error.message().to_owned()),
        }
    }

    /// One that need not be what it should be.
    #[cfg(test)]
    pub(super) fn of(kind: u32, text: Vec<u8>) -> Self {
        RawError {
            kind,
            reserved: 0,
            text: RawText::of(text),
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Error> {
        if self.kind == 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::from_code(self.kind),
            self.text.to_text(),
        ))
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<RawStr>(),
    align_of::<RawStr>(),
    offset_of!(RawStr, start),
    offset_of!(RawStr, len),
    size_of::<RawText>(),
    align_of::<RawText>(),
    offset_of!(RawText, start),
    offset_of!(RawText, len),
    offset_of!(RawText, release),
    size_of::<RawError>(),
    align_of::<RawError>(),
    offset_of!(RawError, kind),
    offset_of!(RawError, reserved),
    offset_of!(RawError, text),
    ErrorKind::Config.code() as usize,
    ErrorKind::Disconnected.code() as usize,
    ErrorKind::Rejected.code() as usize,
    ErrorKind::Failed.code() as usize,
    ErrorKind::Bug.code() as usize,
];
