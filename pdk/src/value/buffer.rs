//! Uniquely owned bytes on their way in or out.

use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::handle::{Handle, Kind, Shared, pin, unpin};

/// Initialised bytes behind the content of every buffer, for parsers that read whole registers.
pub const SPARE: usize = 64;

/// Memories kept for reuse, and how large one may be.
const POOLED: usize = 16;
const POOLED_BYTES: usize = 2 * 1024 * 1024;

/// What both sides know of a buffer. The rest belongs to its maker.
#[repr(C)]
pub(super) struct BufferHead {
    shared: Shared,
    start: *mut u8,
    len: usize,
    /// Initialised bytes from `start` on, `SPARE` included.
    capacity: usize,
}

#[repr(C)]
struct BufferBody {
    head: BufferHead,
    memory: Vec<u8>,
}

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Bytes with one owner, and at least [`SPARE`] initialised bytes behind them.
#[repr(transparent)]
pub struct Buffer(NonNull<BufferHead>);

// SAFETY: a `Buffer` is the only owner of its bytes.
unsafe impl Send for Buffer {}
// SAFETY: through a shared reference the bytes can only be read.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Makes an empty buffer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let needed = capacity.saturating_add(SPARE);
        // What is pinned counts against the bounds of queues, so a small buffer does not take a large memory.
        let fits = |memory: &Vec<u8>| memory.len() >= needed && memory.len() / 4 <= needed;
        let pooled = POOL.try_lock().ok().and_then(|mut pool| {
            let at = pool.iter().position(fits)?;
            Some(pool.swap_remove(at))
        });
        Buffer::from_memory(pooled.unwrap_or_else(|| vec![0; needed]), 0)
    }

    /// Takes over a vector; its content becomes the buffer's.
    #[must_use]
    pub fn from_vec(mut bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        bytes.resize(len + SPARE, 0);
        Buffer::from_memory(bytes, len)
    }

    fn from_memory(mut memory: Vec<u8>, len: usize) -> Self {
        let shared = Shared::new(Kind::Buffer, release);
        shared.bytes.store(memory.len(), Ordering::Relaxed);
        pin(memory.len());
        let head = BufferHead {
            shared,
            start: memory.as_mut_ptr(),
            len,
            capacity: memory.len(),
        };
        Buffer(NonNull::from(Box::leak(Box::new(BufferBody { head, memory }))).cast())
    }

    fn head(&self) -> &BufferHead {
        // SAFETY: a `Buffer` owns the one count of a live buffer.
        unsafe { self.0.as_ref() }
    }

    /// The number of bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head().len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        let head = self.head();
        // SAFETY: `len` bytes from `start` are initialised and this buffer's alone.
        unsafe { std::slice::from_raw_parts(head.start, head.len) }
    }

    /// The room behind the content, to be filled and then committed with [`Buffer::commit`]. What it holds before is
    /// initialised and otherwise arbitrary.
    #[must_use]
    pub fn room(&mut self) -> &mut [u8] {
        let head = self.head();
        let room = head.capacity - SPARE - head.len;
        // SAFETY: `capacity` bytes from `start` are initialised and this buffer's alone.
        unsafe { std::slice::from_raw_parts_mut(head.start.add(head.len), room) }
    }

    /// Makes the first `count` bytes of the room part of the content; more than there is counts as all of it.
    pub fn commit(&mut self, count: usize) {
        let room = self.room().len();
        // SAFETY: this buffer is the only owner.
        unsafe { self.0.as_mut() }.len += count.min(room);
    }

    /// Appends bytes if there is room for all of them; says whether there was.
    #[must_use]
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        let Some(room) = self.room().get_mut(..bytes.len()) else {
            return false;
        };
        room.copy_from_slice(bytes);
        self.commit(bytes.len());
        true
    }

    /// Gives the bytes to whoever holds the handle.
    pub(super) fn into_handle(self) -> Handle {
        let shared = self.0.cast();
        std::mem::forget(self);
        // SAFETY: the buffer's one count moves into the handle.
        unsafe { Handle::from_raw(shared) }
    }

    /// The start and the number of initialised bytes behind a handle, if it is one on a buffer.
    pub(super) fn span(handle: &Handle) -> Option<(*mut u8, usize)> {
        if !handle.is(Kind::Buffer) {
            return None;
        }
        // SAFETY: it is a buffer, and the handle keeps it alive.
        let head = unsafe { handle.as_ptr().cast::<BufferHead>().as_ref() };
        Some((head.start, head.capacity))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: gives up the buffer's one count.
        drop(unsafe { Handle::from_raw(self.0.cast()) });
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

/// # Safety
/// `shared` is the head of a buffer of this copy of the crate whose count fell to zero.
unsafe extern "C" fn release(shared: NonNull<Shared>) {
    // SAFETY: it came from `Box::leak` in `from_memory`, and nobody else has it.
    let body = unsafe { Box::from_raw(shared.cast::<BufferBody>().as_ptr()) };
    unpin(body.head.shared.bytes.load(Ordering::Relaxed));
    let memory = body.memory;
    if memory.len() > POOLED_BYTES {
        return;
    }
    // Never waits: on contention the memory is freed instead.
    if let Ok(mut pool) = POOL.try_lock() {
        // A full pool gives one up, so that sizes that nobody asks for do not stay for ever.
        let unwanted = (pool.len() >= POOLED).then(|| pool.swap_remove(0));
        pool.push(memory);
        drop(pool);
        drop(unwanted);
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<BufferHead>(),
    align_of::<BufferHead>(),
    offset_of!(BufferHead, shared),
    offset_of!(BufferHead, start),
    offset_of!(BufferHead, len),
    offset_of!(BufferHead, capacity),
    SPARE,
];
