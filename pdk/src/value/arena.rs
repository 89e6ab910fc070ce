//! Bump memory for values: allocated in one direction, frozen as a whole, freed as a whole.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::handle::{Handle, Kind, Shared, pin, unpin};
use super::{Field, OwnedValue, Value, View};

/// The first chunk of an arena, in bytes.
const CHUNK_MIN: usize = 16 * 1024;
/// No chunk is made larger than this unless one allocation asks for it.
const CHUNK_MAX: usize = 512 * 1024;
/// Arenas kept for reuse, so that a steady flow allocates nothing.
const POOLED: usize = 32;

/// What both sides know of an arena. The rest belongs to its maker.
#[repr(C)]
struct ArenaHead {
    shared: Shared,
    /// The start of the newest chunk.
    start: Cell<*mut u8>,
    cursor: Cell<*mut u8>,
    end: Cell<*mut u8>,
    /// Makes room for a piece of this size and alignment and returns it; null if there is no memory.
    grow: unsafe extern "C" fn(NonNull<ArenaHead>, usize, usize) -> *mut u8,
}

/// An arena as its maker sees it.
#[repr(C)]
struct ArenaBody {
    head: ArenaHead,
    chunks: Vec<Chunk>,
}

struct Chunk {
    start: NonNull<u8>,
    layout: Layout,
}

/// Memory for values that are being built.
///
/// It hands out memory through a shared reference and never moves or frees a piece, so values made from it live as
/// long as the borrow. It can move to another thread, but not be used from two.
///
/// ```
/// let arena = temblor_pdk::Arena::new();
/// std::thread::spawn(move || arena.str("elsewhere").len());
/// ```
///
/// ```compile_fail,E0277
/// let arena = temblor_pdk::Arena::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| arena.str("elsewhere").len());
/// });
/// ```
///
/// Nor does a value outlive it.
///
/// ```compile_fail,E0505
/// let arena = temblor_pdk::Arena::new();
/// let text = arena.str("text");
/// drop(arena);
/// assert_eq!(text, "text");
/// ```
#[repr(transparent)]
pub struct Arena(NonNull<ArenaHead>);

// SAFETY: an `Arena` is the only way to allocate in its memory (it is not `Clone` and not `Sync`).
unsafe impl Send for Arena {}

/// A pointer to an arena nobody uses.
struct Idle(NonNull<ArenaBody>);
// SAFETY: an idle arena has no other owner.
unsafe impl Send for Idle {}

static POOL: Mutex<Vec<Idle>> = Mutex::new(Vec::new());

impl Arena {
    /// Makes an empty arena.
    #[must_use]
    pub fn new() -> Self {
        let pooled = POOL.try_lock().ok().and_then(|mut pool| pool.pop());
        if let Some(Idle(body)) = pooled {
            // SAFETY: a pooled arena is alive and nobody else's.
            let head = unsafe { &(*body.as_ptr()).head };
            head.shared.refs.store(1, Ordering::Relaxed);
            pin(head.shared.bytes.load(Ordering::Relaxed));
            return Arena(body.cast());
        }
        let body = Box::new(ArenaBody {
            head: ArenaHead {
                shared: Shared::new(Kind::Arena, release),
                start: Cell::new(std::ptr::null_mut()),
                cursor: Cell::new(std::ptr::null_mut()),
                end: Cell::new(std::ptr::null_mut()),
                grow,
            },
            chunks: Vec::new(),
        });
        Arena(NonNull::from(Box::leak(body)).cast())
    }

    #[inline]
    fn head(&self) -> &ArenaHead {
        // SAFETY: an `Arena` owns the one count of a live arena.
        unsafe { self.0.as_ref() }
    }

    /// Whether nothing has been allocated yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head().cursor.get() == self.head().start.get()
    }

    /// Freezes the arena: from here on its memory can be shared and is never written again.
    #[must_use]
    pub fn seal(self) -> Handle {
        let shared = self.0.cast();
        std::mem::forget(self);
        // SAFETY: the arena's one count moves into the handle.
        unsafe { Handle::from_raw(shared) }
    }

    /// The bytes that the arena has taken from the system.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.head().shared.bytes.load(Ordering::Relaxed)
    }

    /// Returns `size` uninitialised bytes at an address that is a multiple of `align`, at most 16.
    #[inline]
    pub(super) fn allocate(&self, size: usize, align: usize) -> NonNull<u8> {
        if size == 0 {
            // Takes no chunk, so that `is_empty` is true exactly when no value needs this arena.
            return NonNull::<u128>::dangling().cast();
        }
        let head = self.head();
        let cursor = head.cursor.get();
        let padding = cursor.align_offset(align);
        let room = head.end.get() as usize - cursor as usize;
        if padding.saturating_add(size) > room {
            return self.allocate_in_new_chunk(size, align);
        }
        let piece = cursor.wrapping_add(padding);
        head.cursor.set(piece.wrapping_add(size));
        // SAFETY: there is room, so there is a chunk, and the piece lies in it.
        unsafe { NonNull::new_unchecked(piece) }
    }

    #[cold]
    fn allocate_in_new_chunk(&self, size: usize, align: usize) -> NonNull<u8> {
        // SAFETY: `grow` is the maker's function for exactly this arena, and `Arena` is not `Sync`.
        let piece = unsafe { (self.head().grow)(self.0, size, align) };
        NonNull::new(piece).unwrap_or_else(|| {
            let layout = Layout::from_size_align(size, align);
            std::alloc::handle_alloc_error(layout.unwrap_or(Layout::new::<u64>()))
        })
    }

    /// Copies a slice of plain data in.
    pub(super) fn copy_slice<T: Copy>(&self, items: &[T]) -> &[T] {
        let piece = self.allocate(size_of_val(items), align_of::<T>()).cast();
        // SAFETY: the piece has room for the items, is aligned for them, and is new, so it cannot overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(items.as_ptr(), piece.as_ptr(), items.len());
            std::slice::from_raw_parts(piece.as_ptr(), items.len())
        }
    }

    /// Copies bytes in.
    #[must_use]
    pub fn copy_bytes(&self, bytes: &[u8]) -> &[u8] {
        self.copy_slice(bytes)
    }

    /// Copies bytes in and lends them for writing, once.
    #[must_use]
    #[expect(clippy::mut_from_ref, reason = "each call hands out new memory")]
    pub fn copy_bytes_mut(&self, bytes: &[u8]) -> &mut [u8] {
        let piece = self.allocate(bytes.len(), 1);
        // SAFETY: as in `copy_slice`; the piece is handed out this once.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), piece.as_ptr(), bytes.len());
            std::slice::from_raw_parts_mut(piece.as_ptr(), bytes.len())
        }
    }

    /// Copies bytes in with `padding` zeros behind them and lends both for writing, once; for parsers that read whole
    /// registers.
    #[must_use]
    #[expect(clippy::mut_from_ref, reason = "each call hands out new memory")]
    pub fn copy_bytes_padded(&self, bytes: &[u8], padding: usize) -> &mut [u8] {
        let size = bytes.len().saturating_add(padding);
        let piece = self.allocate(size, 1);
        // SAFETY: the piece is new and has room for the bytes and the padding, which together are all of it; it is
        // handed out this once.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), piece.as_ptr(), bytes.len());
            piece.add(bytes.len()).write_bytes(0, padding);
            std::slice::from_raw_parts_mut(piece.as_ptr(), size)
        }
    }

    /// Copies a string in.
    #[must_use]
    pub fn str(&self, text: &str) -> &str {
        // SAFETY: the bytes are a copy of a string.
        unsafe { std::str::from_utf8_unchecked(self.copy_slice(text.as_bytes())) }
    }

    /// Copies a value of any memory in, with everything below it.
    #[must_use]
    pub fn copy<'a>(&'a self, value: Value<'_>) -> Value<'a> {
        match value.view() {
            View::Null => Value::NULL,
            View::Bool(value) => Value::from(value),
            View::I64(value) => Value::from(value),
            View::U64(value) => Value::from(value),
            View::F64(value) => Value::from(value),
            View::Str(value) => Value::from(self.str(value)),
            View::Bytes(value) => Value::bytes(self.copy_bytes(value)),
            View::Array(items) => {
                let mut rest = items.iter();
                let next = |_: &mut ()| rest.next().map_or(Value::NULL, |item| self.copy(item));
                self.array_of(items.len(), &mut (), next, |()| None)
            }
            View::Object(fields) => {
                let mut rest = fields.iter();
                let next = |_: &mut ()| match rest.next() {
                    Some((key, value)) => Field::new(self.str(key), self.copy(value)),
                    None => Field::new("", Value::NULL),
                };
                self.object_of(fields.len(), &mut (), next, |()| None)
            }
        }
    }

    /// Copies an owned value in, with everything below it.
    #[must_use]
    pub fn value<'a>(&'a self, owned: &OwnedValue) -> Value<'a> {
        match owned {
            OwnedValue::Null => Value::NULL,
            OwnedValue::Bool(value) => Value::from(*value),
            OwnedValue::I64(value) => Value::from(*value),
            OwnedValue::U64(value) => Value::from(*value),
            OwnedValue::F64(value) => Value::from(*value),
            OwnedValue::Str(value) => Value::from(self.str(value)),
            OwnedValue::Bytes(value) => Value::bytes(self.copy_bytes(value)),
            OwnedValue::Array(items) => {
                let next = |rest: &mut std::slice::Iter<'_, OwnedValue>| {
                    rest.next().map_or(Value::NULL, |item| self.value(item))
                };
                self.array_of(items.len(), &mut items.iter(), next, |_| None)
            }
            OwnedValue::Object(map) => {
                let mut rest = map.iter();
                let next = |_: &mut ()| match rest.next() {
                    Some((key, value)) => Field::new(self.str(key), self.value(value)),
                    None => Field::new("", Value::NULL),
                };
                self.object_of(map.len(), &mut (), next, |()| None)
            }
        }
    }
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: gives up the arena's one count.
        drop(unsafe { Handle::from_raw(self.0.cast()) });
    }
}

/// The maker's side of growing: a new chunk, of which the piece is the start.
///
/// # Safety
/// `head` is a live arena of this copy of the crate, used by one thread.
unsafe extern "C" fn grow(head: NonNull<ArenaHead>, size: usize, align: usize) -> *mut u8 {
    // SAFETY: this maker's arenas are the head of an `ArenaBody`; nobody else touches `chunks`.
    let body = unsafe { head.cast::<ArenaBody>().as_mut() };
    let last = body.chunks.last().map_or(0, |chunk| chunk.layout.size());
    let wanted = (last * 2).clamp(CHUNK_MIN, CHUNK_MAX).max(size);
    let Ok(layout) = Layout::from_size_align(wanted, align.max(16)) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the size is at least `CHUNK_MIN`.
    let start = unsafe { alloc(layout) };
    let Some(chunk) = NonNull::new(start) else {
        return std::ptr::null_mut();
    };
    body.chunks.push(Chunk {
        start: chunk,
        layout,
    });
    body.head.start.set(start);
    body.head.cursor.set(start.wrapping_add(size));
    body.head.end.set(start.wrapping_add(layout.size()));
    let bytes = &body.head.shared.bytes;
    bytes.fetch_add(layout.size(), Ordering::Relaxed);
    pin(layout.size());
    start
}

/// The maker's side of the end: keeps a small arena for reuse, frees the rest.
///
/// # Safety
/// `shared` is the head of an arena of this copy of the crate whose count fell to zero.
unsafe extern "C" fn release(shared: NonNull<Shared>) {
    let mut body: NonNull<ArenaBody> = shared.cast();
    // SAFETY: the count is zero, so this is the only reference.
    let arena = unsafe { body.as_mut() };
    unpin(arena.head.shared.bytes.load(Ordering::Relaxed));
    arena.free(1);
    if arena.reset() {
        // Never waits: on contention the arena is freed instead.
        if let Ok(mut pool) = POOL.try_lock()
            && pool.len() < POOLED
        {
            pool.push(Idle(body));
            return;
        }
    }
    arena.free(0);
    // SAFETY: the body came from `Box::leak` in `Arena::new`, and nobody else has it.
    drop(unsafe { Box::from_raw(body.as_ptr()) });
}

impl ArenaBody {
    /// Makes the whole of the one chunk free again; says whether the arena is worth keeping.
    fn reset(&self) -> bool {
        let Some(chunk) = self.chunks.first() else {
            return false;
        };
        let (start, size) = (chunk.start.as_ptr(), chunk.layout.size());
        self.head.start.set(start);
        self.head.cursor.set(start);
        self.head.end.set(start.wrapping_add(size));
        self.head.shared.bytes.store(size, Ordering::Relaxed);
        size <= CHUNK_MAX
    }

    /// Frees all chunks but the newest `kept`.
    fn free(&mut self, kept: usize) {
        let freed = self.chunks.len().saturating_sub(kept);
        for chunk in self.chunks.drain(..freed) {
            // SAFETY: `grow` allocated it with this layout, and it leaves the list, so it is freed once.
            unsafe { dealloc(chunk.start.as_ptr(), chunk.layout) }
        }
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<ArenaHead>(),
    align_of::<ArenaHead>(),
    offset_of!(ArenaHead, shared),
    offset_of!(ArenaHead, start),
    offset_of!(ArenaHead, cursor),
    offset_of!(ArenaHead, end),
    offset_of!(ArenaHead, grow),
    size_of::<Arena>(),
    align_of::<Arena>(),
];
