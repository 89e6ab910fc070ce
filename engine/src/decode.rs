//! From a source's bytes to events: preprocessors per stream, then the codec.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::{
    Arena, Batch, BatchBuilder, DynCodec, DynPreprocessor, Event, EventId, Lane, Result, Value,
};

use crate::clock::Times;
use crate::fate::{SourceFates, Ticket};
use crate::frames::{Chain, Failure, Frames};
use crate::letter::{Letters, OnFailure, Reason, Stage};
use crate::parcel::{Parcel, Tickets};

/// Makes the preprocessors of a new stream.
pub(crate) type MakeChain = Box<dyn Fn() -> Result<Vec<Box<dyn DynPreprocessor>>> + Send>;

/// What a pull became.
#[derive(Default)]
pub(crate) struct Decoded {
    /// Events, in order.
    pub(crate) parcels: Vec<Parcel>,
    /// Records of what could not be decoded, for the `err` port. They hold the tickets of what they stand for if the
    /// source's policy is that they take its place.
    pub(crate) errors: Option<Parcel>,
}

/// Which pull is being decoded, and where its fates go.
pub(crate) struct PullOf<'f> {
    pub(crate) source: u32,
    pub(crate) pull: u64,
    pub(crate) fates: &'f Arc<SourceFates>,
}

/// The decoding side of a source of bytes.
pub(crate) struct Decoder {
    codec: Box<dyn DynCodec>,
    make_chain: MakeChain,
    streams: HashMap<(Lane, u64), Stream>,
    times: Times,
    letters: Letters,
    /// What becomes of what cannot be decoded.
    on_failure: OnFailure,
    /// Whether pulls are kept open while a preprocessor keeps bytes of them.
    carries: bool,
}

/// What is kept of a stream between pulls.
#[derive(Default)]
struct Stream {
    chain: Chain,
    /// Tickets of the pulls whose bytes the chain still keeps.
    carried: Vec<Ticket>,
}

impl Decoder {
    pub(crate) fn new(
        codec: Box<dyn DynCodec>,
        make_chain: MakeChain,
        times: Times,
        letters: Letters,
        on_failure: OnFailure,
        transactional: bool,
    ) -> Self {
        Decoder {
            codec,
            make_chain,
            streams: HashMap::new(),
            times,
            letters,
            on_failure,
            carries: transactional,
        }
    }

    /// Decodes a pull, which is of one lane and one stream.
    ///
    /// # Errors
    /// Where the preprocessors of a new stream cannot be made.
    pub(crate) fn decode(&mut self, batch: Batch, pull: &PullOf<'_>) -> Result<Decoded> {
        let id = batch.events().first().map(|event| event.id);
        let id = id.unwrap_or_default();
        let key = (id.lane, id.stream);
        let mut stream = match self.streams.remove(&key) {
            Some(stream) => stream,
            None => Stream {
                chain: Chain::new((self.make_chain)()?),
                carried: Vec::new(),
            },
        };
        let begins = stream.chain.position();
        let frames = stream.chain.process(batch);
        let ticket = Ticket::open(pull.fates, id.lane, pull.pull, frames.count());
        fail_earlier(&stream.carried, &frames, begins);
        let decoded = self.decode_frames(frames, id.lane, pull, &mut stream, ticket);
        self.streams.insert(key, stream);
        Ok(decoded)
    }

    /// Ends all streams: what the preprocessors still keep is decoded as pulls of their own, numbered from `pull` on.
    pub(crate) fn finish(&mut self, pull: &PullOf<'_>) -> Vec<Decoded> {
        let streams = std::mem::take(&mut self.streams);
        let mut all = Vec::new();
        for ((lane, stream_id), mut stream) in streams {
            let mut like = Event::new(Value::NULL);
            (like.id.lane, like.id.stream) = (lane, stream_id);
            let frames = stream.chain.finish(like);
            let pull = PullOf {
                pull: pull.pull + all.len() as u64,
                ..*pull
            };
            if frames.count() > 0 {
                let ticket = Ticket::open_rest(pull.fates, lane, pull.pull, frames.count());
                fail_earlier(&stream.carried, &frames, u64::MAX);
                all.push(self.decode_frames(frames, lane, &pull, &mut stream, ticket));
            }
            stream.carried.into_iter().for_each(Ticket::release);
        }
        all
    }

    fn decode_frames(
        &mut self,
        frames: Frames,
        lane: Lane,
        pull: &PullOf<'_>,
        stream: &mut Stream,
        ticket: Ticket,
    ) -> Decoded {
        let count = frames.count();
        let first = EventId {
            source: pull.source,
            lane,
            pull: pull.pull,
            ..EventId::default()
        };
        let mut earlier = std::mem::take(&mut stream.carried);
        if self.carries && stream.chain.holds() {
            stream.carried.push(ticket.clone());
            if count == 0 {
                // The frame that the earlier pulls began has not ended yet.
                stream.carried.append(&mut earlier);
            }
        }
        let (good, bad, empty) = self.run_codec(frames, first);
        empty.iter().for_each(|id| ticket.empty(id));
        let errors = self.refuse(bad, &ticket, &earlier);
        Decoded {
            parcels: parcels(good, ticket, earlier),
            errors,
        }
    }

    /// Gives what could not be decoded its fate. Returns the records.
    fn refuse(&self, bad: Batch, ticket: &Ticket, earlier: &[Ticket]) -> Option<Parcel> {
        // What began in earlier pulls is theirs too.
        let spans = !earlier.is_empty() && bad.events().iter().any(|event| event.id.event == 0);
        let earlier = match spans {
            true => earlier.to_vec(),
            false => Vec::new(),
        };
        let tickets = Tickets::new(ticket.clone(), earlier);
        self.on_failure
            .tell(&tickets, bad.events().iter().map(|event| &event.id));
        let errors = self.on_failure.parcel(bad, &tickets);
        tickets.release();
        errors
    }

    /// Decodes frames. Returns the events, records of the failures, and the frames in which there was no event.
    fn run_codec(&mut self, frames: Frames, first: EventId) -> (Batch, Batch, Vec<EventId>) {
        let Frames {
            batch,
            offsets,
            failures,
        } = frames;
        let codec = &mut self.codec;
        let letters = &self.letters;
        let times = &mut self.times;
        let now_ns = times.now_ns();
        let number = Cell::new(0u32);
        let came_in = Cell::new(0u64);
        let mut empty = Vec::new();
        let mut numbered = |mut event: Event<'_>| {
            let at = number.replace(number.get() + 1);
            event.id = EventId {
                stream: event.id.stream,
                event: at,
                ..first
            };
            came_in.set(times.next(event.ingest_ns, now_ns));
            (event.id, came_in.get())
        };
        let (good, bad) = batch.decode(
            |mut event, frame, arena, out| {
                (event.id, event.ingest_ns) = numbered(event);
                match codec.decode(frame, arena)? {
                    Some(data) => out.push(Event { data, ..event }),
                    None => empty.push(event.id),
                }
                Ok(())
            },
            |error, event, arena, out| {
                let at = number.get() - 1;
                let offset = offsets.get(at as usize).copied().unwrap_or_default();
                let failure = Failure { error, offset };
                let id = EventId {
                    stream: event.id.stream,
                    event: at,
                    ..first
                };
                let event = Event {
                    id,
                    ingest_ns: came_in.get(),
                    ..event
                };
                out.push(record(letters, &failure, event, arena));
            },
        );
        let bad = add_records(bad, letters, &failures, first, number.get(), now_ns);
        (good, bad, empty)
    }
}

/// Fails the pulls in which a frame began that could not be handed over. The pull that is being decoded, which begins
/// at `begins` in the stream, counts it.
fn fail_earlier(carried: &[Ticket], frames: &Frames, begins: u64) {
    if frames.failures.iter().any(|f| f.offset < begins) {
        carried.iter().for_each(Ticket::failed_later);
    }
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
