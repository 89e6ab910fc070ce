//! Making one batch from another: edits allocate in a new arena, what was not touched stays where it is.

use super::batch::{Batch, BatchBuilder, payload};
use super::handle::Handle;
use super::{Arena, Buffer, Event, Value, View};

/// Collects the events of a batch that is being made.
#[derive(Default)]
pub struct EventSink<'a> {
    events: Vec<Event<'a>>,
}

impl<'a> EventSink<'a> {
    /// A sink that fills `events`, which are none yet.
    pub(super) fn filling(events: Vec<Event<'a>>) -> Self {
        EventSink { events }
    }

    /// Adds an event.
    #[inline]
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
    ///
    /// ```
    /// use temblor_pdk::{BatchBuilder, Event, Value};
    /// let mut builder = BatchBuilder::new();
    /// builder.push(|arena| Event::new(Value::from(arena.str("old"))));
    /// let derived = builder.seal().derive(|events, arena, out| {
    ///     for event in events {
    ///         let data = arena.array(&[event.data, Value::from("new")]);
    ///         out.push(Event { data, ..*event });
    ///     }
    /// });
    /// assert_eq!(derived.events()[0].data.to_json(), r#"["old","new"]"#);
    /// ```
    ///
    /// `edit` works for every lifetime, so nothing leaves it but through `out`.
    ///
    /// ```compile_fail,E0521
    /// # let batch = temblor_pdk::BatchBuilder::new().seal();
    /// let mut kept = None;
    /// let derived = batch.derive(|events, _, _| kept = events.first().copied());
    /// ```
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
        // With several outputs an event mostly goes to one of them.
        let expected = self.len() / outputs.max(1);
        let sink = |_| EventSink::filling(Vec::with_capacity(expected));
        let mut sinks: Vec<EventSink<'_>> = (0..outputs).map(sink).collect();
        let result = edit(self.events(), &arena, &mut sinks);
        // SAFETY: `edit` works for every lifetime, so the events reach only this batch's memory, the arena and
        // statics; each new batch gets handles on all of it.
        let lists: Vec<_> = sinks.into_iter().map(|s| unsafe { s.detach() }).collect();
        let own = (!arena.is_empty()).then(|| arena.seal());
        let batches = lists.into_iter();
        let batches = batches.map(|events| self.derived(events, own.as_ref()));
        (batches.collect(), result)
    }

    /// Takes a batch of byte payloads apart, each payload lent for writing so that a parser can work in place.
    ///
    /// `decode` gets an event without data, its payload, the arena of the new batch and the sink for what it makes,
    /// whose values may point into the payload. Where it fails, `failed` gets the error and the event with its
    /// payload as it stands then, and the sink of the second batch. Events whose data is neither bytes nor a string
    /// are left out.
    ///
    /// A payload is lent in place if nothing else can reach it: nobody else holds the batch or its memory, and no
    /// other payload and no metadata of the batch overlaps it. Else it is copied first.
    ///
    /// ```compile_fail,E0521
    /// # let batch = temblor_pdk::BatchBuilder::new().seal();
    /// let mut kept = None;
    /// batch.decode(|_, frame, _, _| Ok::<_, ()>(kept = Some(frame)), |(), _, _, _| {});
    /// ```
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
        let mut good = EventSink::filling(Vec::with_capacity(self.len()));
        let mut bad = EventSink::default();
        let mut frames = Frames::new(&self);
        for event in self.events() {
            let bare = Event {
                data: Value::NULL,
                ..*event
            };
            let Some((start, len)) = frames.place(event.data, &arena) else {
                continue;
            };
            // SAFETY: nothing else reaches these bytes (see `Frames::place`), and they live as long as `self` and the
            // arena. The payload value of `event` is not used again.
            let frame = unsafe { std::slice::from_raw_parts_mut(start, len) };
            if let Err(error) = decode(bare, frame, &arena, &mut good) {
                // SAFETY: the exclusive borrow ended with the call: `decode` works for every lifetime, so what it
                // kept are values in the sink, which only read.
                let payload: &[u8] = unsafe { std::slice::from_raw_parts(start, len) };
                let event = Event {
                    data: Value::bytes(payload),
                    ..*event
                };
                failed(error, event, &arena, &mut bad);
            }
        }
        // SAFETY: as in `derive_many`.
        let lists = unsafe { [good.detach(), bad.detach()] };
        let own = (!arena.is_empty()).then(|| arena.seal());
        let [good, bad] = lists.map(|events| self.derived(events, own.as_ref()));
        (good, bad)
    }

    /// Freezes events that reach this batch's memory and the arena `own`. Without events nothing is held.
    fn derived(&self, events: Vec<Event<'static>>, own: Option<&Handle>) -> Batch {
        let mut handles = Vec::new();
        if !events.is_empty() {
            handles.reserve_exact(self.handles().len() + 1);
            handles.extend_from_slice(self.handles());
            handles.extend(own.cloned());
        }
        Batch::new(events, handles)
    }
}

/// Says where the payloads of a batch can be written, each once.
struct Frames {
    /// The buffers of which nothing is reached but by the payloads, each byte by one.
    buffers: Vec<Span>,
    /// The buffer that the last payload was in, where the next one most likely is too.
    latest: usize,
}

/// The bytes of a buffer.
struct Span {
    start: *mut u8,
    size: usize,
    /// Where the last payload ended that was seen in it.
    seen: usize,
    /// Whether a byte is reached in two ways.
    shared: bool,
}

impl Span {
    #[inline]
    fn holds(&self, bytes: &[u8]) -> bool {
        let (at, start) = (bytes.as_ptr() as usize, self.start as usize);
        start <= at && at + bytes.len() <= start + self.size
    }

    fn touches(&self, bytes: &[u8]) -> bool {
        let (at, start) = (bytes.as_ptr() as usize, self.start as usize);
        !bytes.is_empty() && at < start + self.size && start < at + bytes.len()
    }
}

impl Frames {
    fn new(batch: &Batch) -> Self {
        let mut buffers = Vec::new();
        if batch.is_unique() {
            let spans = batch.handles().iter().filter_map(Buffer::span);
            buffers.extend(spans.map(|(start, size)| Span {
                start,
                size,
                seen: 0,
                shared: false,
            }));
        }
        let mut frames = Frames { buffers, latest: 0 };
        let mut meta = Value::NULL;
        for event in batch.events() {
            if let Some(bytes) = payload(event.data) {
                frames.claim(bytes);
            }
            // Events often share their metadata, which then is looked at once.
            if !event.meta.is_null() && !event.meta.is_same(meta) {
                meta = event.meta;
                frames.share(meta);
            }
        }
        frames.buffers.retain(|span| !span.shared);
        frames
    }

    /// The buffer that a payload is in.
    #[inline]
    fn span(&mut self, bytes: &[u8]) -> Option<&mut Span> {
        let is_latest = self
            .buffers
            .get(self.latest)
            .is_some_and(|span| span.holds(bytes));
        if !is_latest {
            self.latest = self.buffers.iter().position(|span| span.holds(bytes))?;
        }
        self.buffers.get_mut(self.latest)
    }

    /// Notes that a payload is to be written.
    #[inline]
    fn claim(&mut self, bytes: &[u8]) {
        let Some(span) = self.span(bytes) else {
            return;
        };
        let at = bytes.as_ptr() as usize - span.start as usize;
        // Payloads come in their order in memory. Where they do not, they may overlap.
        span.shared |= at < span.seen;
        span.seen = at + bytes.len();
    }

    /// Notes that whatever `value` reaches must not be written.
    fn share(&mut self, value: Value<'_>) {
        match value.view() {
            View::Str(text) => self.share_bytes(text.as_bytes()),
            View::Bytes(bytes) => self.share_bytes(bytes),
            View::Array(items) => items.iter().for_each(|item| self.share(item)),
            View::Object(fields) => {
                for (key, value) in fields.iter() {
                    self.share_bytes(key.as_bytes());
                    self.share(value);
                }
            }
            View::Null | View::Bool(_) | View::I64(_) | View::U64(_) | View::F64(_) => return,
        }
        self.share_bytes(value.source_text().unwrap_or_default());
    }

    fn share_bytes(&mut self, bytes: &[u8]) {
        for span in &mut self.buffers {
            span.shared |= span.touches(bytes);
        }
    }

    /// Where to write the payload `data`: in its place, or in a copy of it. Nothing else reaches these bytes.
    #[inline]
    fn place(&mut self, data: Value<'_>, arena: &Arena) -> Option<(*mut u8, usize)> {
        let bytes = payload(data)?;
        let start = match self.span(bytes) {
            // Through the buffer's own pointer, because the payload's may only read.
            Some(span) => {
                let at = bytes.as_ptr() as usize - span.start as usize;
                span.start.wrapping_add(at)
            }
            None => arena.copy_bytes_mut(bytes).as_mut_ptr(),
        };
        Some((start, bytes.len()))
    }
}
