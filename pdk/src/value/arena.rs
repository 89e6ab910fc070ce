//! Bump memory for values: allocated in one direction, frozen as a whole, freed as a whole.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Mutex;

use super::container::{ArrayHeader, Field, INDEXED_ABOVE, ObjectHeader, enter, find};
use super::handle::{Handle, Kind, Shared, pin, unpin};
use super::hash::seed;
use super::{OwnedValue, Value};

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
            head.shared
                .refs
                .store(1, std::sync::atomic::Ordering::Relaxed);
            pin(head.shared.bytes.load(std::sync::atomic::Ordering::Relaxed));
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

    /// Returns `size` uninitialised bytes.
    fn allocate(&self, size: usize, align: usize) -> NonNull<u8> {
        let head = self.head();
        let cursor = head.cursor.get();
        let padding = cursor.align_offset(align);
        let room = head.end.get() as usize - cursor as usize;
        let piece = if !cursor.is_null() && padding.saturating_add(size) <= room {
            let piece = cursor.wrapping_add(padding);
            head.cursor.set(piece.wrapping_add(size));
            piece
        } else {
            // SAFETY: `grow` is the maker's function for exactly this arena.
            unsafe { (head.grow)(self.0, size, align) }
        };
        match NonNull::new(piece) {
            Some(piece) => piece,
            None => std::alloc::handle_alloc_error(
                Layout::from_size_align(size, align).unwrap_or(Layout::new::<u64>()),
            ),
        }
    }

    /// Copies a slice of plain data in.
    fn copy_slice<T: Copy>(&self, items: &[T]) -> &[T] {
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

    /// Copies a string in.
    #[must_use]
    pub fn str(&self, text: &str) -> &str {
        // SAFETY: the bytes are a copy of a string.
        unsafe { std::str::from_utf8_unchecked(self.copy_slice(text.as_bytes())) }
    }

    /// Makes an array of `items`.
    #[must_use]
    pub fn array<'a>(&'a self, items: &[Value<'a>]) -> Value<'a> {
        self.make_array(items, None)
    }

    /// Makes an array that remembers the input text it was decoded from.
    #[must_use]
    pub fn array_with_source<'a>(&'a self, items: &[Value<'a>], source: &'a [u8]) -> Value<'a> {
        self.make_array(items, Some(source))
    }

    fn make_array<'a>(&'a self, items: &[Value<'a>], source: Option<&'a [u8]>) -> Value<'a> {
        let header = ArrayHeader {
            len: items.len() as u64,
            source: source.map_or(std::ptr::null(), <[u8]>::as_ptr),
            source_len: source.map_or(0, |s| s.len() as u64),
        };
        let piece = self.with_items(header, items);
        // SAFETY: header and items were just written behind each other and live as long as the arena.
        unsafe { Value::from_array(piece.as_ptr()) }
    }

    /// Writes a header and, right behind it, items whose alignment is not above the header's.
    fn with_items<H, T: Copy>(&self, header: H, items: &[T]) -> NonNull<H> {
        let size = size_of::<H>() + size_of_val(items);
        let piece: NonNull<H> = self.allocate(size, align_of::<H>()).cast();
        // SAFETY: the piece is new, aligned, and large enough for the header and the items.
        unsafe {
            piece.write(header);
            let first = piece.add(1).cast::<T>();
            std::ptr::copy_nonoverlapping(items.as_ptr(), first.as_ptr(), items.len());
        }
        piece
    }

    /// Makes a record of `fields`. Order is kept; of fields with one key the last value wins, at the first's place.
    #[must_use]
    pub fn object<'a>(&'a self, fields: &[Field<'a>]) -> Value<'a> {
        self.make_object(fields, None)
    }

    /// Makes a record that remembers the input text it was decoded from. With duplicate keys the text is forgotten,
    /// because it no longer says the same.
    #[must_use]
    pub fn object_with_source<'a>(&'a self, fields: &[Field<'a>], source: &'a [u8]) -> Value<'a> {
        self.make_object(fields, Some(source))
    }

    fn make_object<'a>(&'a self, fields: &[Field<'a>], source: Option<&'a [u8]>) -> Value<'a> {
        if fields.len() > INDEXED_ABOVE {
            return self.indexed_object(fields, source);
        }
        if may_repeat(fields) && repeats(fields) {
            return self.write_object(&without_repeats(fields), &[], None);
        }
        self.write_object(fields, &[], source)
    }

    fn indexed_object<'a>(&'a self, fields: &[Field<'a>], source: Option<&'a [u8]>) -> Value<'a> {
        let seed = seed();
        let mut index = vec![0u32; (fields.len() * 2).next_power_of_two()];
        let mut unique: Vec<Field<'a>> = Vec::with_capacity(fields.len());
        for field in fields {
            match find(&index, seed, &unique, field.key()) {
                Some(at) => unique[at].set_value(field.value()),
                None => {
                    enter(&mut index, seed, field.key(), unique.len());
                    unique.push(*field);
                }
            }
        }
        let source = source.filter(|_| unique.len() == fields.len());
        self.write_object(&unique, &index, source)
    }

    fn write_object<'a>(
        &'a self,
        fields: &[Field<'a>],
        index: &[u32],
        source: Option<&'a [u8]>,
    ) -> Value<'a> {
        let slots = match index {
            [] => std::ptr::null(),
            index => self.copy_slice(index).as_ptr(),
        };
        let header = ObjectHeader {
            len: fields.len() as u64,
            source: source.map_or(std::ptr::null(), <[u8]>::as_ptr),
            source_len: source.map_or(0, |s| s.len() as u64),
            index: slots,
            index_mask: index.len().saturating_sub(1) as u64,
            seed: seed(),
        };
        let piece = self.with_items(header, fields);
        // SAFETY: header, fields and index were just written and live as long as the arena.
        unsafe { Value::from_object(piece.as_ptr()) }
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
                let items: Vec<_> = items.iter().map(|item| self.value(item)).collect();
                self.array(&items)
            }
            OwnedValue::Object(map) => {
                let field = |(key, value): (&super::Text, &OwnedValue)| {
                    Field::new(self.str(key), self.value(value))
                };
                let fields: Vec<_> = map.iter().map(field).collect();
                self.object(&fields)
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

/// A filter that is never wrong about "no": sets one of 64 bits a key.
fn may_repeat(fields: &[Field<'_>]) -> bool {
    let mut seen = 0u64;
    fields.iter().any(|field| {
        let key = field.key().as_bytes();
        let first = key.first().copied().unwrap_or_default();
        let last = key.last().copied().unwrap_or_default();
        let mix = (usize::from(first) * 7) ^ (usize::from(last) * 31) ^ (key.len() * 11);
        let bit = 1u64 << (mix & 63);
        let hit = seen & bit != 0;
        seen |= bit;
        hit
    })
}

fn repeats(fields: &[Field<'_>]) -> bool {
    fields
        .iter()
        .enumerate()
        .any(|(at, field)| fields[..at].iter().any(|f| f.key() == field.key()))
}

fn without_repeats<'a>(fields: &[Field<'a>]) -> Vec<Field<'a>> {
    let mut unique: Vec<Field<'a>> = Vec::with_capacity(fields.len());
    for field in fields {
        match unique.iter_mut().find(|f| f.key() == field.key()) {
            Some(earlier) => earlier.set_value(field.value()),
            None => unique.push(*field),
        }
    }
    unique
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
    // SAFETY: the size is not zero.
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
    bytes.fetch_add(layout.size(), std::sync::atomic::Ordering::Relaxed);
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
    unpin(
        arena
            .head
            .shared
            .bytes
            .load(std::sync::atomic::Ordering::Relaxed),
    );
    while arena.chunks.len() > 1 {
        arena.free_oldest();
    }
    if arena.reset() {
        // Never waits: on contention the arena is freed instead.
        if let Ok(mut pool) = POOL.try_lock()
            && pool.len() < POOLED
        {
            pool.push(Idle(body));
            return;
        }
    }
    while !arena.chunks.is_empty() {
        arena.free_oldest();
    }
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
        self.head
            .shared
            .bytes
            .store(size, std::sync::atomic::Ordering::Relaxed);
        size <= CHUNK_MAX
    }

    fn free_oldest(&mut self) {
        let chunk = self.chunks.remove(0);
        // SAFETY: `grow` allocated it with this layout, and it left the list, so it is freed once.
        unsafe { dealloc(chunk.start.as_ptr(), chunk.layout) }
    }
}
pub(super) const HEAD_SIZE: usize = size_of::<ArenaHead>();
