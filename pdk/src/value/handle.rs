//! Counted handles on memory, released by whoever made it.

use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// Bytes of arenas and buffers that were made by this copy of the crate and are still alive.
static PINNED: AtomicUsize = AtomicUsize::new(0);

/// Returns the bytes of arenas and buffers that this program, or this plugin, made and that are still referenced.
///
/// Every plugin has its own copy of this crate, so this is the memory *by maker*: what a plugin made and the host
/// still holds counts for the plugin.
#[must_use]
pub fn pinned_bytes() -> usize {
    PINNED.load(Ordering::Relaxed)
}

pub(super) fn pin(bytes: usize) {
    PINNED.fetch_add(bytes, Ordering::Relaxed);
}

pub(super) fn unpin(bytes: usize) {
    PINNED.fetch_sub(bytes, Ordering::Relaxed);
}

/// What a handle points at.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An arena.
    Arena = 1,
    /// An input buffer.
    Buffer = 2,
    /// A sealed batch.
    Batch = 3,
}

/// The first field of everything that is counted.
///
/// Invariant: `release` belongs to the maker, is called once, by whoever takes the count to zero, on any thread; it
/// neither panics nor blocks, and stays valid for the life of the process because no library is ever unloaded.
#[repr(C)]
pub(super) struct Shared {
    pub(super) refs: AtomicUsize,
    pub(super) release: unsafe extern "C" fn(NonNull<Shared>),
    pub(super) bytes: AtomicUsize,
    pub(super) kind: u32,
    pub(super) reserved: u32,
}

impl Shared {
    pub(super) fn new(kind: Kind, release: unsafe extern "C" fn(NonNull<Shared>)) -> Self {
        Shared {
            refs: AtomicUsize::new(1),
            release,
            bytes: AtomicUsize::new(0),
            kind: kind as u32,
            reserved: 0,
        }
    }
}

/// A counted reference to an arena, a buffer or a batch, whoever made it.
#[repr(transparent)]
pub struct Handle(NonNull<Shared>);

// SAFETY: the count is atomic, and what a handle keeps alive is not written again once the handle can be shared
// (`Batch` seals before it hands out clones; a buffer is written only while `is_unique`).
unsafe impl Send for Handle {}
// SAFETY: see `Send`.
unsafe impl Sync for Handle {}

impl Handle {
    /// Takes over one count.
    ///
    /// # Safety
    /// `shared` is the head of a live counted object, and the caller gives up one count of it.
    pub(super) unsafe fn from_raw(shared: NonNull<Shared>) -> Self {
        Handle(shared)
    }

    /// Gives up the handle without giving up its count.
    pub(super) fn into_raw(self) -> NonNull<Shared> {
        let shared = self.0;
        std::mem::forget(self);
        shared
    }

    pub(super) fn as_ptr(&self) -> NonNull<Shared> {
        self.0
    }

    pub(super) fn shared(&self) -> &Shared {
        // SAFETY: a handle owns one count, so the object is alive.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn is(&self, kind: Kind) -> bool {
        self.shared().kind == kind as u32
    }

    /// Whether this is the only handle. Nobody can make a second one without this one.
    pub(super) fn is_unique(&self) -> bool {
        self.shared().refs.load(Ordering::Acquire) == 1
    }

    /// Bytes that this handle keeps from being freed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shared().bytes.load(Ordering::Relaxed)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        // Relaxed is enough: the new handle comes from one that already keeps the object alive.
        self.shared().refs.fetch_add(1, Ordering::Relaxed);
        Handle(self.0)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.shared().refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            let release = self.shared().release;
            // SAFETY: the count just fell to zero, so nobody else can reach the object; this is the one call.
            unsafe { release(self.0) }
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("kind", &self.shared().kind)
            .field("bytes", &self.bytes())
            .finish()
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<Shared>(),
    align_of::<Shared>(),
    offset_of!(Shared, refs),
    offset_of!(Shared, release),
    offset_of!(Shared, bytes),
    offset_of!(Shared, kind),
    offset_of!(Shared, reserved),
    size_of::<Handle>(),
    align_of::<Handle>(),
    Kind::Arena as usize,
    Kind::Buffer as usize,
    Kind::Batch as usize,
];
