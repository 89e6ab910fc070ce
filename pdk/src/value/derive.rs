//! Making one batch from another: edits allocate in a new arena, what was not touched stays where it is.

use super::batch::{Batch, BatchBuilder};
use super::{Arena, Buffer, Event, Value};

/// Collects the events of a batch that is being made.
#[derive(Default)]
pub struct EventSink<'a> {
    events: Vec<Event<'a>>,
}

impl<'a> EventSink<'a> {
    /// Adds an event.
    pub fn push(&mut self, event: Event<'a>) {
        self.events.push(event);
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

    /// # Safety
    /// The caller keeps everything that the events reach alive for as long as they are used.
    pub(super) unsafe fn detach(self) -> Vec<Event<'static>> {
        // SAFETY: only the lifetime changes, and `Vec` has one layout for both.
        unsafe { std::mem::transmute::<Vec<Event<'a>>, Vec<Event<'static>>>(self.events) }
    }
}

/// # Safety
/// The caller keeps everything that the event reaches alive for as long as it is used.
pub(super) unsafe fn detach(event: Event<'_>) -> Event<'static> {
    // SAFETY: only the lifetime changes.
    unsafe { std::mem::transmute::<Event<'_>, Event<'static>>(event) }
}

impl Batch {
    /// Makes a batch from this one.
    ///
    /// `edit` sees the events, an arena of the new batch, and the place to put what comes out: events as they are,
    /// events with values made in the arena, or values that mix both. The new batch inherits this one's memory.
    #[must_use]
    pub fn derive(
        &self,
        edit: impl for<'a> FnOnce(&'a [Event<'a>], &'a Arena, &mut EventSink<'a>),
    ) -> Batch {
        let (mut batches, ()) = self.derive_many(1, |events, arena, sinks| {
            if let [sink] = sinks {
                edit(events, arena, sink);
            }
        });
        batches.pop().unwrap_or_else(|| BatchBuilder::new().seal())
    }

    /// Makes several batches from this one, which share an arena; see [`Batch::derive`].
    pub fn derive_many<R>(
        &self,
        outputs: usize,
        edit: impl for<'a> FnOnce(&'a [Event<'a>], &'a Arena, &mut [EventSink<'a>]) -> R,
    ) -> (Vec<Batch>, R) {
        let arena = Arena::new();
        let mut sinks: Vec<EventSink<'_>> = (0..outputs).map(|_| EventSink::default()).collect();
        let result = edit(self.events(), &arena, &mut sinks);
        // SAFETY: `edit` works for every lifetime, so the events reach only this batch's memory, the arena and
        // statics; each new batch gets handles on all of it.
        let lists: Vec<_> = sinks.into_iter().map(|s| unsafe { s.detach() }).collect();
        let own = (!arena.is_empty()).then(|| arena.seal());
        let batches = lists.into_iter().map(|events| {
            let mut handles = Vec::new();
            if !events.is_empty() {
                handles.extend_from_slice(self.handles());
                handles.extend(own.clone());
            }
            Batch::new(events, handles)
        });
        (batches.collect(), result)
    }

    /// Takes a batch of byte payloads apart, each payload lent for writing so that a parser can work in place.
    ///
    /// `decode` gets an event without data, its payload, the arena of the new batch and the sink for what it makes,
    /// whose values may point into the payload. Where it fails, `failed` gets the error and the event with its
    /// payload as it stands then, and the sink of the second batch. Payloads that somebody else can still reach, or
    /// that overlap, are copied first.
    ///
    /// Returns the batch of decoded events and the batch of failed ones.
    pub fn decode<E>(
        self,
        mut decode: impl for<'a> FnMut(
            Event<'a>,
            &'a mut [u8],
            &'a Arena,
            &mut EventSink<'a>,
        ) -> Result<(), E>,
        mut failed: impl for<'a> FnMut(E, Event<'a>, &'a Arena, &mut EventSink<'a>),
    ) -> (Batch, Batch) {
        let arena = Arena::new();
        let (mut good, mut bad) = (EventSink::default(), EventSink::default());
        let mut frames = Frames::new(&self);
        for event in self.events() {
            let bare = Event {
                data: Value::NULL,
                ..*event
            };
            let Some(frame) = frames.next(event.data, &arena) else {
                continue;
            };
            let (start, len) = (frame.as_mut_ptr(), frame.len());
            if let Err(error) = decode(bare, frame, &arena, &mut good) {
                // SAFETY: the exclusive borrow ended with the call: `decode` works for every lifetime, so what it
                // kept are values in the sink, which only read. The memory lives as long as `self` and the arena.
                let payload: &[u8] = unsafe { std::slice::from_raw_parts(start, len) };
                let event = Event {
                    data: Value::bytes(payload),
                    ..*event
                };
                failed(error, event, &arena, &mut bad);
            }
        }
        // SAFETY: as in `derive_many`.
        let (good, bad) = unsafe { (good.detach(), bad.detach()) };
        let mut handles = self.handles().to_vec();
        if !arena.is_empty() {
            handles.push(arena.seal());
        }
        let bad_handles = match bad.is_empty() {
            true => Vec::new(),
            false => handles.clone(),
        };
        (Batch::new(good, handles), Batch::new(bad, bad_handles))
    }
}

/// Lends the payloads of a batch for writing, each once.
struct Frames {
    /// Start, end, and how far payloads have been lent, of every buffer; empty if somebody else can reach them.
    buffers: Vec<(*mut u8, usize, usize)>,
}

impl Frames {
    fn new(batch: &Batch) -> Self {
        let mut buffers = Vec::new();
        if batch.is_unique() {
            let spans = batch.handles().iter().filter_map(Buffer::span);
            buffers.extend(spans.map(|(start, size)| (start, size, 0)));
        }
        Frames { buffers }
    }

    /// The payload of the next event, or a copy of it.
    fn next<'a>(&mut self, data: Value<'a>, arena: &'a Arena) -> Option<&'a mut [u8]> {
        let text = data.as_bytes().or(data.as_str().map(str::as_bytes))?;
        let at = text.as_ptr() as usize;
        for (start, size, lent) in &mut self.buffers {
            let base = *start as usize;
            if at >= base + *lent && at + text.len() <= base + *size {
                let offset = at - base;
                *lent = offset + text.len();
                // SAFETY: the batch and its buffers have no other owner, the range lies in the buffer, and `lent`
                // only grows, so no two frames overlap. The old payload value is not used again.
                return Some(unsafe {
                    std::slice::from_raw_parts_mut(start.add(offset), text.len())
                });
            }
        }
        Some(arena.copy_bytes_mut(text))
    }
}
