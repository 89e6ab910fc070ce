//! Sealed batches of events, and the builder that fills one.

use std::mem::offset_of;
use std::ptr::NonNull;

use super::derive::{EventSink, detach};
use super::handle::{Handle, Kind, Shared};
use super::{Arena, Buffer, Event, Value, View};

/// What both sides know of a batch. The rest belongs to its maker.
#[repr(C)]
struct BatchHead {
    shared: Shared,
    events: *const Event<'static>,
    len: usize,
    handles: *const Handle,
    handle_count: usize,
}

#[repr(C)]
struct BatchBody {
    head: BatchHead,
    events: Vec<Event<'static>>,
    handles: Vec<Handle>,
}

/// A sealed batch of events: nothing that it reaches is ever written again, so that all threads can read it.
///
/// Cloning counts a reference. The memory behind the events lives until the last batch that can reach it is gone,
/// whoever made it and wherever that happens.
#[repr(transparent)]
pub struct Batch(Handle);

impl Batch {
    /// Freezes events; `handles` must keep alive everything that they reach, which is why only this module calls it.
    pub(super) fn new(events: Vec<Event<'static>>, handles: Vec<Handle>) -> Self {
        let mut body = Box::new(BatchBody {
            head: BatchHead {
                shared: Shared::new(Kind::Batch, release),
                events: std::ptr::null(),
                len: events.len(),
                handles: std::ptr::null(),
                handle_count: handles.len(),
            },
            events,
            handles,
        });
        body.head.events = body.events.as_ptr();
        body.head.handles = body.handles.as_ptr();
        let shared = NonNull::from(Box::leak(body)).cast();
        // SAFETY: a new batch has one count, which moves into the handle.
        Batch(unsafe { Handle::from_raw(shared) })
    }

    /// Gives the batch to the other side of a boundary.
    pub(crate) fn into_raw(self) -> *const () {
        self.0.into_raw().as_ptr() as *const ()
    }

    /// Takes a batch that the other side gave away.
    ///
    /// # Safety
    /// `raw` comes from [`Batch::into_raw`] of a crate with the same layout and is taken once.
    pub(crate) unsafe fn from_raw(raw: *const ()) -> Option<Self> {
        let shared = NonNull::new(raw as *mut Shared)?;
        // SAFETY: the caller hands over one count of a batch.
        Some(Batch(unsafe { Handle::from_raw(shared) }))
    }

    fn head(&self) -> &BatchHead {
        // SAFETY: a batch's handle keeps its head alive.
        unsafe { self.0.as_ptr().cast().as_ref() }
    }

    /// The events in order.
    #[must_use]
    pub fn events(&self) -> &[Event<'_>] {
        let head = self.head();
        // SAFETY: the maker's events live as long as the batch; their values live as long as its handles, so the
        // lifetime can shrink to the borrow of `self`.
        unsafe { std::slice::from_raw_parts(head.events, head.len) }
    }

    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head().len
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Handles on every arena and buffer that the events reach.
    #[must_use]
    pub fn handles(&self) -> &[Handle] {
        let head = self.head();
        // SAFETY: the maker's handles live as long as the batch.
        unsafe { std::slice::from_raw_parts(head.handles, head.handle_count) }
    }

    /// Bytes of arenas and buffers that this batch keeps from being freed.
    #[must_use]
    pub fn pinned_bytes(&self) -> usize {
        self.handles().iter().map(Handle::bytes).sum()
    }

    /// Whether nobody else can reach the batch or what it reaches.
    pub(super) fn is_unique(&self) -> bool {
        self.0.is_unique() && self.handles().iter().all(Handle::is_unique)
    }

    /// Goes through the byte payloads, joining neighbours that also are neighbours in memory, so that a sink can
    /// write few large pieces. Events that are not bytes or strings are left out.
    pub fn byte_runs(&self) -> impl Iterator<Item = &[u8]> {
        let spans = self.handles().iter().filter_map(Buffer::span);
        ByteRuns {
            events: self.events(),
            spans: spans.collect(),
        }
    }
}

impl Clone for Batch {
    fn clone(&self) -> Self {
        Batch(self.0.clone())
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

/// The text or bytes of a payload; none for any other value.
#[inline]
pub(super) fn payload(data: Value<'_>) -> Option<&[u8]> {
    match data.view() {
        View::Bytes(bytes) => Some(bytes),
        View::Str(text) => Some(text.as_bytes()),
        _ => None,
    }
}

struct ByteRuns<'a> {
    events: &'a [Event<'a>],
    /// Start and initialised bytes of every buffer; only within one can neighbours be joined.
    spans: Vec<(*mut u8, usize)>,
}

impl<'a> ByteRuns<'a> {
    fn next_payload(&mut self) -> Option<&'a [u8]> {
        loop {
            let (event, rest) = self.events.split_first()?;
            self.events = rest;
            if let Some(bytes) = payload(event.data) {
                return Some(bytes);
            }
        }
    }

    /// Takes the payloads that follow `end` directly and stop at `limit` at the latest; returns where they stop.
    fn extend(&mut self, mut end: usize, limit: usize) -> usize {
        while let Some((event, rest)) = self.events.split_first() {
            match payload(event.data) {
                Some(next) if next.as_ptr() as usize == end && end + next.len() <= limit => {
                    end += next.len();
                }
                _ => break,
            }
            self.events = rest;
        }
        end
    }
}

impl<'a> Iterator for ByteRuns<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let first = self.next_payload()?;
        let at = first.as_ptr() as usize;
        let within = |(start, size): &&(*mut u8, usize)| {
            let start = *start as usize;
            start <= at && at + first.len() <= start + *size
        };
        let Some(&(start, size)) = self.spans.iter().find(within) else {
            return Some(first);
        };
        let offset = at - start as usize;
        let end = self.extend(at + first.len(), start as usize + size);
        // SAFETY: the range lies within one buffer, whose bytes are all initialised and, the batch being sealed,
        // never written again; the batch keeps the buffer.
        Some(unsafe { std::slice::from_raw_parts(start.add(offset), end - at) })
    }
}

/// # Safety
/// `shared` is the head of a batch of this copy of the crate whose count fell to zero.
unsafe extern "C" fn release(shared: NonNull<Shared>) {
    // SAFETY: it came from `Box::leak` in `Batch::new`, and nobody else has it.
    drop(unsafe { Box::from_raw(shared.cast::<BatchBody>().as_ptr()) });
}

/// A batch under construction: it has one owner and can be moved to another thread, not shared.
///
/// ```
/// fn moved<T: Send>() {}
/// moved::<temblor_pdk::BatchBuilder>();
/// ```
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<temblor_pdk::BatchBuilder>();
/// ```
#[derive(Default)]
pub struct BatchBuilder {
    arena: Option<Arena>,
    events: Vec<Event<'static>>,
    handles: Vec<Handle>,
}

impl BatchBuilder {
    /// Makes an empty builder.
    #[must_use]
    pub fn new() -> Self {
        BatchBuilder::default()
    }

    /// Makes an empty builder with room for `events` events.
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        BatchBuilder {
            events: Vec::with_capacity(events),
            ..BatchBuilder::default()
        }
    }

    /// The number of events so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds an event whose values are made in the batch's arena, or are static.
    ///
    /// ```
    /// use temblor_pdk::{BatchBuilder, Event, Value};
    /// let mut builder = BatchBuilder::new();
    /// let text = String::from("gone soon");
    /// builder.push(|arena| Event::new(Value::from(arena.str(&text))));
    /// builder.push(|_| Event::new(Value::from("static")));
    /// ```
    ///
    /// Anything else does not live long enough.
    ///
    /// ```compile_fail,E0597
    /// # use temblor_pdk::{BatchBuilder, Event, Value};
    /// # let mut builder = BatchBuilder::new();
    /// let text = String::from("gone soon");
    /// builder.push(|_| Event::new(Value::from(text.as_str())));
    /// ```
    pub fn push(&mut self, make: impl for<'a> FnOnce(&'a Arena) -> Event<'a>) {
        let arena = self.arena.get_or_insert_with(Arena::new);
        let event = make(arena);
        // SAFETY: `make` works for every lifetime, so the event reaches only the arena and statics, and the sealed
        // batch keeps the arena.
        self.events.push(unsafe { detach(event) });
    }

    /// Adds the events that `split` finds in a buffer; their values may point into it.
    pub fn push_buffer(
        &mut self,
        buffer: Buffer,
        split: impl for<'a> FnOnce(&'a [u8], &mut EventSink<'a>),
    ) {
        // The first buffer's events stay in the list in which they are put.
        let mut sink = match self.events.is_empty() {
            true => EventSink::filling(std::mem::take(&mut self.events)),
            false => EventSink::default(),
        };
        split(buffer.as_slice(), &mut sink);
        // SAFETY: `split` works for every lifetime, so the events reach only the buffer and statics, and the sealed
        // batch keeps the buffer.
        let mut events = unsafe { sink.detach() };
        if self.events.is_empty() {
            self.events = events;
        } else {
            self.events.append(&mut events);
        }
        self.handles.push(buffer.into_handle());
    }

    /// Adds one event of a buffer, whose values may point into it and into the batch's arena.
    pub fn push_buffer_with(
        &mut self,
        buffer: Buffer,
        make: impl for<'a> FnOnce(&'a [u8], &'a Arena) -> Event<'a>,
    ) {
        let arena = self.arena.get_or_insert_with(Arena::new);
        let event = make(buffer.as_slice(), arena);
        // SAFETY: `make` works for every lifetime, so the event reaches only the buffer, the arena and statics, and
        // the sealed batch keeps both.
        self.events.push(unsafe { detach(event) });
        self.handles.push(buffer.into_handle());
    }

    /// Adds the events that `split` finds in a buffer; their values may point into it and into the batch's arena.
    pub fn push_buffer_split(
        &mut self,
        buffer: Buffer,
        split: impl for<'a> FnOnce(&'a [u8], &'a Arena, &mut EventSink<'a>),
    ) {
        let arena = self.arena.get_or_insert_with(Arena::new);
        let mut sink = EventSink::filling(std::mem::take(&mut self.events));
        split(buffer.as_slice(), arena, &mut sink);
        // SAFETY: `split` works for every lifetime, so the new events reach only the buffer, the arena and statics, and
        // the sealed batch keeps both; what the earlier ones reach is kept already.
        self.events = unsafe { sink.detach() };
        self.handles.push(buffer.into_handle());
    }

    /// Adds all events of a sealed batch; its memory is inherited.
    pub fn push_batch(&mut self, batch: &Batch) {
        self.inherit(batch);
        self.events.reserve(batch.len());
        for event in batch.events() {
            // SAFETY: the handles that keep the event's values alive were just inherited.
            self.events.push(unsafe { detach(*event) });
        }
    }

    pub(super) fn inherit(&mut self, batch: &Batch) {
        for handle in batch.handles() {
            let known = self.handles.iter().any(|h| h.as_ptr() == handle.as_ptr());
            if !known {
                self.handles.push(handle.clone());
            }
        }
    }

    /// Bytes of arenas and buffers that the batch holds so far.
    #[must_use]
    pub fn pinned_bytes(&self) -> usize {
        let arena = self.arena.as_ref().map_or(0, Arena::bytes);
        arena + self.handles.iter().map(Handle::bytes).sum::<usize>()
    }

    /// Freezes the batch.
    #[must_use]
    pub fn seal(mut self) -> Batch {
        if let Some(arena) = self.arena.take().filter(|arena| !arena.is_empty()) {
            self.handles.push(arena.seal());
        }
        Batch::new(self.events, self.handles)
    }

    /// Changes every event in place before sealing, as the engine does for ids and times.
    ///
    /// `change` works for every lifetime, so it can neither keep a value of an event nor put one in that the batch
    /// does not hold.
    ///
    /// ```compile_fail,E0521
    /// # let mut builder = temblor_pdk::BatchBuilder::new();
    /// let mut kept = None;
    /// builder.for_each(|_, event| kept = Some(event.data));
    /// drop(builder);
    /// ```
    pub fn for_each(&mut self, mut change: impl for<'a> FnMut(usize, &mut Event<'a>)) {
        for (at, event) in self.events.iter_mut().enumerate() {
            change(at, event);
        }
    }
}

impl Batch {
    /// Makes a batch of byte payloads that lie behind each other in `bytes`. Each piece says which event of this batch
    /// it comes from and where in `bytes` it stops.
    ///
    /// Metadata, ids and times are those of the event it comes from; where there is metadata, this batch's memory is
    /// inherited.
    #[must_use]
    pub fn joined(&self, bytes: Vec<u8>, pieces: &[(usize, usize)]) -> Batch {
        let mut builder = BatchBuilder::new();
        let parents = self.events();
        let mut meta_used = false;
        builder.push_buffer(Buffer::from_vec(bytes), |bytes, sink| {
            let mut start = 0;
            for &(parent, end) in pieces {
                let mut event = Event::new(Value::bytes(bytes.get(start..end).unwrap_or_default()));
                if let Some(parent) = parents.get(parent) {
                    event.id = parent.id;
                    event.ingest_ns = parent.ingest_ns;
                }
                start = end;
                sink.push(event);
            }
        });
        for (at, &(parent, _)) in pieces.iter().enumerate() {
            if let Some(parent) = parents.get(parent).filter(|p| !p.meta.is_null()) {
                meta_used = true;
                // SAFETY: the parent's handles are inherited below.
                builder.events[at].meta = unsafe { parent.meta.detach() };
            }
        }
        if meta_used {
            builder.inherit(self);
        }
        builder.seal()
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<BatchHead>(),
    align_of::<BatchHead>(),
    offset_of!(BatchHead, shared),
    offset_of!(BatchHead, events),
    offset_of!(BatchHead, len),
    offset_of!(BatchHead, handles),
    offset_of!(BatchHead, handle_count),
    size_of::<Batch>(),
    align_of::<Batch>(),
];
