//! From a source's bytes to events: preprocessors per stream, then the codec.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::{
    Arena, Batch, BatchBuilder, DynCodec, DynPreprocessor, Event, EventId, Field, Lane, Result,
    Value,
};

use crate::clock::Times;
use crate::fate::{SourceFates, Ticket};
use crate::frames::{Chain, Failure, Frames};
use crate::parcel::{Parcel, Tickets};

/// Makes the preprocessors of a new stream.
pub(crate) type MakeChain = Box<dyn Fn() -> Result<Vec<Box<dyn DynPreprocessor>>> + Send>;

/// What a pull became.
#[derive(Default)]
pub(crate) struct Decoded {
    /// Events, in order.
    pub(crate) parcels: Vec<Parcel>,
    /// Records of what could not be decoded, for the `err` port.
    pub(crate) errors: Option<Batch>,
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
    /// The connector's name in its flow, for error records.
    connector: String,
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
        connector: &str,
        transactional: bool,
    ) -> Self {
        Decoder {
            codec,
            make_chain,
            streams: HashMap::new(),
            times,
            connector: connector.to_owned(),
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
        for event in bad.events() {
            ticket.failed(&event.id);
            let of_first = earlier.iter().filter(|_| event.id.event == 0);
            of_first.for_each(|ticket| ticket.failed(&event.id));
        }
        empty.iter().for_each(|id| ticket.empty(id));
        Decoded {
            parcels: parcels(good, ticket, earlier),
            errors: (!bad.is_empty()).then_some(bad),
        }
    }

    /// Decodes frames. Returns the events, records of the failures, and the frames in which there was no event.
    fn run_codec(&mut self, frames: Frames, first: EventId) -> (Batch, Batch, Vec<EventId>) {
        let Frames {
            batch,
            offsets,
            failures,
        } = frames;
        let codec = &mut self.codec;
        let connector = self.connector.as_str();
        let times = &mut self.times;
        let now_ns = times.now_ns();
        let number = Cell::new(0u32);
        let mut empty = Vec::new();
        let mut numbered = |mut event: Event<'_>| {
            let at = number.replace(number.get() + 1);
            event.id = EventId {
                stream: event.id.stream,
                event: at,
                ..first
            };
            (event.id, times.next(event.ingest_ns, now_ns))
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
                let data = record(connector, &failure, event.data, arena);
                let id = EventId {
                    stream: event.id.stream,
                    event: at,
                    ..first
                };
                out.push(Event { data, id, ..event });
            },
        );
        let bad = add_records(bad, connector, &failures, first, number.get(), now_ns);
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
fn record<'a>(connector: &str, failure: &Failure, data: Value<'a>, arena: &'a Arena) -> Value<'a> {
    let data = match data.as_bytes().map(std::str::from_utf8) {
        Some(Ok(text)) => Value::from(text),
        _ => data,
    };
    arena.object(&[
        Field::new("error", Value::from(arena.str(failure.error.message()))),
        Field::new("connector", Value::from(arena.str(connector))),
        Field::new("offset", Value::from(failure.offset)),
        Field::new("data", data),
    ])
}

/// Adds records of the frames that never got to the codec.
fn add_records(
    bad: Batch,
    connector: &str,
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
        builder.push(|arena| Event {
            id: EventId { event, ..first },
            ingest_ns: now_ns,
            ..Event::new(record(connector, failure, Value::NULL, arena))
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
