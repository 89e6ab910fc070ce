//! From a source's bytes to events: preprocessors and codec of each stream.

mod messages;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, Batch, BatchBuilder, Command, DynCodec, Event, EventId, Lane, Result,
    StreamEnd, Value,
};

use crate::clock::Times;
use crate::fate::{SourceFates, Ticket, Told};
use crate::frames::{Chain, Failure, Frames, Step, about};
use crate::letter::{Letters, OnFailure, Reason, Stage};
use crate::parcel::{Parcel, Tickets};
use crate::streams::{OpenStream, Streams};

/// What a new stream is decoded with: preprocessors keep what they know of it, and so do most codecs.
pub(crate) struct Steps {
    pub(crate) preprocessors: Vec<Step>,
    pub(crate) codec: Box<dyn DynCodec>,
    /// Whether the codec may go on to another stream.
    pub(crate) is_stateless: bool,
}

/// Makes the preprocessors and the codec of a new stream.
pub(crate) type MakeSteps = Box<dyn Fn() -> Result<Steps> + Send + Sync>;

/// What a pull became.
#[derive(Default)]
pub(crate) struct Decoded {
    /// Events, in order.
    pub(crate) parcels: Vec<Parcel>,
    /// Records of what could not be decoded, for the `err` port. They hold the tickets of what they stand for if the
    /// source's policy is that they take its place.
    pub(crate) errors: Option<Parcel>,
}

impl Decoded {
    /// Why it could not be decoded, for the source; none if it could.
    pub(crate) fn undecodable(&self, pull: u64) -> Option<Command> {
        let record = self.errors.as_ref()?.batch.events().first()?;
        let reason = record.data.get("error").and_then(|error| error.as_str());
        let reason = reason.unwrap_or_default().to_owned();
        Some(Command::Undecodable(record.id.lane, pull, reason))
    }
}

/// Which pull is being decoded, and where its fates go.
pub(crate) struct PullOf<'f> {
    pub(crate) source: u32,
    pub(crate) pull: u64,
    pub(crate) fates: &'f Arc<SourceFates>,
}

/// The decoding side of a source of bytes.
pub(crate) struct Decoder {
    make: MakeSteps,
    /// The streams that have not ended.
    streams: HashMap<(Lane, u64), Stream>,
    /// A stateless codec for messages, where nothing else is made for each of them.
    kept: Option<Box<dyn DynCodec>>,
    reading: Reading,
    /// What becomes of what cannot be decoded.
    on_failure: OnFailure,
    /// Whether the source learns fates: then pulls are kept open while a preprocessor keeps bytes of them.
    transactional: bool,
    /// None where the connector has no sink.
    replies: Option<Arc<Streams>>,
}

/// What codecs of all streams are run with.
struct Reading {
    /// What errors of the codec begin with.
    codec: String,
    times: Times,
    letters: Letters,
}

/// What is kept of a stream between pulls.
struct Stream {
    chain: Chain,
    codec: Box<dyn DynCodec>,
    /// Tickets of the pulls whose bytes the chain still keeps.
    carried: Vec<Ticket>,
    /// Keeps replies possible.
    open: Option<Arc<OpenStream>>,
}

/// Which part of a stream a pull is.
#[derive(Clone, Copy)]
struct Part {
    /// Where it begins in the stream, in bytes: what failed and began before, began in earlier pulls.
    begins: u64,
    /// Whether nothing of the stream is kept behind it.
    is_last: bool,
}

impl Stream {
    /// All that was kept has been handed over.
    fn release(&mut self) {
        self.carried.drain(..).for_each(Ticket::release);
    }

    fn new(make: &MakeSteps, open: Option<Arc<OpenStream>>) -> Result<Self> {
        let steps = make()?;
        Ok(Stream {
            chain: Chain::new(steps.preprocessors),
            codec: steps.codec,
            carried: Vec::new(),
            open,
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // What is still kept will be no event. Of the pulls that it came from nothing else has failed.
        self.carried.iter().for_each(Ticket::failed_later);
        self.release();
    }
}

impl Decoder {
    pub(crate) fn new(
        make: MakeSteps,
        codec: &str,
        times: Times,
        letters: Letters,
        on_failure: OnFailure,
        transactional: bool,
        replies: Option<Arc<Streams>>,
    ) -> Self {
        Decoder {
            make,
            streams: HashMap::new(),
            kept: None,
            reading: Reading {
                codec: format!("codec `{codec}`"),
                times,
                letters,
            },
            on_failure,
            transactional,
            replies,
        }
    }

    /// Decodes a pull, which is of one lane and one stream, or of messages that are each a stream of their own.
    ///
    /// # Errors
    /// Where the preprocessors or the codec of a new stream cannot be made.
    pub(crate) fn decode(&mut self, batch: Batch, pull: &PullOf<'_>) -> Result<Decoded> {
        let id = batch.events().first().map(|event| event.id);
        let id = id.unwrap_or_default();
        let (batch, end) = take_end(batch);
        if id.stream == ANONYMOUS_STREAM {
            return self.decode_messages(batch, id.lane, pull);
        }
        let key = (id.lane, id.stream);
        let mut stream = match self.streams.remove(&key) {
            Some(stream) => stream,
            None => {
                let open = self.replies.as_ref();
                Stream::new(&self.make, open.and_then(|r| r.open(pull.source, key)))?
            }
        };
        let (begins, now_ns) = (stream.chain.position(), self.reading.times.now_ns());
        let mut frames = stream.chain.process(batch, now_ns);
        match end {
            None => {}
            Some(StreamEnd::Ended) => {
                let mut like = Event::new(Value::NULL);
                (like.id.lane, like.id.stream) = key;
                frames.append(stream.chain.finish(like, now_ns));
            }
            Some(StreamEnd::Failed) => frames.failures.extend(stream.chain.break_off()),
        }
        let events = frames.count();
        let ticket = Ticket::open(pull.fates, id.lane, pull.pull, events, Told::Pull);
        stream.open.iter().for_each(|open| ticket.keep(open));
        let part = Part {
            begins,
            is_last: end.is_some(),
        };
        let decoded = self.decode_frames(frames, key, pull, (&mut stream, part), ticket);
        if end.is_none() {
            self.streams.insert(key, stream);
        }
        Ok(decoded)
    }

    /// All streams broke off with their connection: what the preprocessors still keep is dropped.
    pub(crate) fn forget(&mut self) {
        self.streams.clear();
    }

    /// A lane broke off: what the preprocessors still keep of it is dropped.
    pub(crate) fn forget_lane(&mut self, lane: Lane) {
        self.streams.retain(|(of, _), _| *of != lane);
    }

    /// Ends all streams: what the preprocessors still keep is decoded as pulls of their own, numbered from `pull` on.
    pub(crate) fn finish(&mut self, pull: &PullOf<'_>) -> Vec<Decoded> {
        let streams = std::mem::take(&mut self.streams);
        let mut all = Vec::new();
        for (key, mut stream) in streams {
            let mut like = Event::new(Value::NULL);
            (like.id.lane, like.id.stream) = key;
            let frames = stream.chain.finish(like, self.reading.times.now_ns());
            let pull = PullOf {
                pull: pull.pull + all.len() as u64,
                ..*pull
            };
            if frames.count() > 0 {
                let ticket = Ticket::open_rest(pull.fates, key.0, pull.pull, frames.count());
                stream.open.iter().for_each(|open| ticket.keep(open));
                let part = Part {
                    begins: u64::MAX,
                    is_last: true,
                };
                all.push(self.decode_frames(frames, key, &pull, (&mut stream, part), ticket));
            }
            stream.release();
        }
        all
    }

    fn decode_frames(
        &mut self,
        frames: Frames,
        key: (Lane, u64),
        pull: &PullOf<'_>,
        (stream, part): (&mut Stream, Part),
        ticket: Ticket,
    ) -> Decoded {
        let is_kept = self.transactional && !part.is_last && stream.chain.holds();
        let earlier = match is_kept && frames.count() == 0 {
            // The frame that the earlier pulls began has not ended yet.
            true => Vec::new(),
            false => std::mem::take(&mut stream.carried),
        };
        if is_kept {
            stream.carried.push(ticket.clone());
        }
        let spans = frames.failures.iter().any(|f| f.offset < part.begins);
        let Found { good, bad, empty } =
            self.reading
                .run(&mut *stream.codec, frames, first_of(pull, key));
        empty.iter().for_each(|id| ticket.empty(id));
        // What began in earlier pulls is theirs too.
        let spans = spans || bad.events().iter().any(|event| event.id.event == 0);
        let errors = self.refuse(bad, &ticket, if spans { &earlier } else { &[] });
        Decoded {
            parcels: parcels(good, ticket, earlier),
            errors,
        }
    }

    /// Gives what could not be decoded its fate. Returns the records.
    fn refuse(&self, bad: Batch, ticket: &Ticket, earlier: &[Ticket]) -> Option<Parcel> {
        let tickets = Tickets::new(ticket.clone(), earlier.to_vec());
        self.on_failure
            .tell(&tickets, bad.events().iter().map(|event| &event.id));
        let errors = self.on_failure.parcel(bad, &tickets);
        tickets.release();
        errors
    }
}

impl Reading {
    /// Decodes frames, numbered from `first` on.
    fn run(&mut self, codec: &mut dyn DynCodec, frames: Frames, first: EventId) -> Found {
        let Frames {
            batch,
            offsets,
            failures,
        } = frames;
        let (letters, name) = (&self.letters, self.codec.as_str());
        let times = &mut self.times;
        let now_ns = times.now_ns();
        let number = Cell::new(first.event);
        let came_in = Cell::new(0u64);
        let mut empty = Vec::new();
        let mut numbered = |mut event: Event<'_>| {
            let at = number.replace(number.get() + 1);
            event.id = EventId { event: at, ..first };
            came_in.set(times.next(event.ingest_ns, now_ns));
            (event.id, came_in.get())
        };
        let (good, bad) = batch.decode(
            |mut event, frame, arena, out| {
                (event.id, event.ingest_ns) = numbered(event);
                match codec
                    .decode(frame, arena)
                    .map_err(|error| about(name, &error))?
                {
                    Some(data) => out.push(Event { data, ..event }),
                    None => empty.push(event.id),
                }
                Ok(())
            },
            |error, event, arena, out| {
                let at = number.get() - 1;
                let place = (at - first.event) as usize;
                let offset = offsets.get(place).copied().unwrap_or_default();
                let failure = Failure { error, offset };
                let event = Event {
                    id: EventId { event: at, ..first },
                    ingest_ns: came_in.get(),
                    ..event
                };
                out.push(record(letters, &failure, event, arena));
            },
        );
        let bad = add_records(bad, letters, &failures, first, number.get(), now_ns);
        Found { good, bad, empty }
    }
}

/// What a codec made of frames: events, records of failures, and the frames in which there was no event.
struct Found {
    good: Batch,
    bad: Batch,
    empty: Vec<EventId>,
}

/// The id of the first event of a pull.
fn first_of(pull: &PullOf<'_>, (lane, stream): (Lane, u64)) -> EventId {
    EventId {
        source: pull.source,
        lane,
        stream,
        pull: pull.pull,
        ..EventId::default()
    }
}

/// Takes out the marker of a stream's end, which stands behind the last event.
pub(crate) fn take_end(batch: Batch) -> (Batch, Option<StreamEnd>) {
    let Some(end) = batch.events().last().and_then(Event::stream_end) else {
        return (batch, None);
    };
    let rest = batch.derive(|events, _, out| {
        let rest = events.split_last().map_or(events, |(_, rest)| rest);
        rest.iter().for_each(|event| out.push(*event));
    });
    (rest, Some(end))
}

/// A record of something that could not be decoded.
fn record<'a>(
    letters: &Letters,
    failure: &Failure,
    event: Event<'a>,
    arena: &'a Arena,
) -> Event<'a> {
    let reason = Reason {
        stage: Stage::Decode,
        error: failure.error.message(),
        // It is the source's own record.
        source: Some(letters.name()),
        offset: Some(failure.offset),
    };
    letters.record(reason, event, arena)
}

/// Adds records of the frames that never got to the codec.
fn add_records(
    bad: Batch,
    letters: &Letters,
    failures: &[Failure],
    first: EventId,
    from: u32,
    now_ns: u64,
) -> Batch {
    if failures.is_empty() {
        return bad;
    }
    let mut builder = BatchBuilder::new();
    builder.push_batch(&bad);
    for (event, failure) in (from..).zip(failures) {
        builder.push(|arena| {
            let event = Event {
                id: EventId { event, ..first },
                ingest_ns: now_ns,
                ..Event::new(Value::NULL)
            };
            record(letters, failure, event, arena)
        });
    }
    builder.seal()
}

/// Makes parcels of events: one, or two where the first event began in earlier pulls and holds their tickets too.
fn parcels(batch: Batch, ticket: Ticket, earlier: Vec<Ticket>) -> Vec<Parcel> {
    let spans = batch.events().first().is_some_and(|e| e.id.event == 0);
    if earlier.is_empty() || !spans {
        earlier.into_iter().for_each(Ticket::release);
        return parcel(batch, Tickets::new(ticket, Vec::new()));
    }
    let (mut halves, ()) = batch.derive_many(2, |events, _, outs| {
        for (at, event) in events.iter().enumerate() {
            outs[at.min(1)].push(*event);
        }
    });
    let rest = halves.pop();
    let mut parcels = Vec::new();
    if let Some(first) = halves.pop() {
        parcels.extend(parcel(first, Tickets::new(ticket.clone(), earlier)));
    }
    match rest {
        Some(rest) => parcels.extend(parcel(rest, Tickets::new(ticket, Vec::new()))),
        None => ticket.release(),
    }
    parcels
}

fn parcel(batch: Batch, tickets: Tickets) -> Vec<Parcel> {
    if batch.is_empty() {
        tickets.release();
        return Vec::new();
    }
    vec![Parcel { batch, tickets }]
}
