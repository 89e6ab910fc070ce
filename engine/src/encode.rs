//! From events to a sink's bytes: the codec, then postprocessors.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use temblor_pdk::{
    ANONYMOUS_STREAM, Batch, BatchBuilder, Buffer, Error, Event, EventId, Result, StreamEnd, Value,
};

pub(crate) use crate::steps::Steps;
use crate::steps::{Encoded, Refusal};
use crate::streams::{StreamKey, Streams};

/// Makes the codec and the postprocessors of a stream of replies.
pub(crate) type MakeSteps = Box<dyn Fn() -> Result<Steps> + Send>;

/// The encoding side of a sink of bytes.
///
/// Events that came of a stream of the connector's own source are replies: each stream has steps of its own, until no
/// more replies can come. All others share the same steps.
pub(crate) struct Encoder {
    shared: Steps,
    make: MakeSteps,
    /// None where the connector has no source.
    streams: Option<Arc<Streams>>,
    replies: HashMap<StreamKey, Steps>,
    /// Working memory between postprocessors.
    scratch: Vec<u8>,
    /// How large the last batch was, so that the next buffer is made in one piece.
    last: usize,
}

/// Events that could not be encoded, by their place in the batch.
pub(crate) type EncodeErrors = Vec<(usize, Error)>;

/// What a batch became.
pub(crate) struct Written {
    pub(crate) frames: Batch,
    pub(crate) errors: EncodeErrors,
    /// Whether frames and events do not belong to each other one by one, so that they share one fate.
    pub(crate) is_whole: bool,
}

/// Whose steps an event takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    Shared,
    /// Those of an open stream of replies.
    Reply(StreamKey),
    /// New ones, for a reply to a stream that has ended, or to a message that is a stream of its own.
    Alone,
}

impl Encoder {
    /// # Errors
    /// Where the codec or a postprocessor cannot be made.
    pub(crate) fn new(make: MakeSteps, streams: Option<Arc<Streams>>) -> Result<Self> {
        Ok(Encoder {
            shared: make()?,
            make,
            streams,
            replies: HashMap::new(),
            scratch: Vec::new(),
            last: 0,
        })
    }

    /// Encodes a batch into one buffer. What fails is left out and named.
    pub(crate) fn encode(&mut self, batch: &Batch) -> Written {
        let capacity = self.last + self.last / 8 + temblor_pdk::value::SPARE;
        let mut out = Encoded {
            bytes: Vec::with_capacity(capacity),
            ends: Vec::new(),
        };
        let mut pieces = Vec::with_capacity(batch.len());
        let mut errors = Vec::new();
        let mut is_whole = false;
        for (at, event) in batch.events().iter().enumerate() {
            let start = out.bytes.len();
            match self.encode_event(event, &mut out) {
                Ok(()) => {
                    is_whole |= out.ends.len() != 1;
                    pieces.extend(out.ends.iter().map(|&end| (at, end)));
                }
                Err(refusal) => {
                    out.bytes.truncate(start);
                    if refusal.takes_earlier {
                        is_whole = true;
                        fail_all(at, &refusal.error, &mut errors);
                    }
                    errors.push((at, refusal.error));
                }
            }
            out.ends.clear();
        }
        for (at, way) in self.ways(batch) {
            let start = out.bytes.len();
            if let Err(error) = self.steps(way).flush(&mut out) {
                out.bytes.truncate(start);
                out.ends.clear();
                is_whole = true;
                fail_all(batch.len(), &error, &mut errors);
            }
            is_whole |= !out.ends.is_empty();
            pieces.extend(out.ends.drain(..).map(|end| (at, end)));
        }
        self.last = out.bytes.len();
        Written {
            frames: batch.joined(out.bytes, &pieces),
            errors,
            is_whole,
        }
    }

    fn encode_event(&mut self, event: &Event<'_>, out: &mut Encoded) -> Result<(), Refusal> {
        let way = self.way(event);
        let mut scratch = std::mem::take(&mut self.scratch);
        let done = match way {
            Way::Alone => (self.make)().map_err(Refusal::from).and_then(|mut steps| {
                steps.encode(event, out, &mut scratch)?;
                Ok(steps.finish(out)?)
            }),
            Way::Reply(key) if !self.replies.contains_key(&key) => match (self.make)() {
                Ok(steps) => {
                    let steps = self.replies.entry(key).or_insert(steps);
                    steps.encode(event, out, &mut scratch)
                }
                Err(error) => Err(error.into()),
            },
            way => self.steps(way).encode(event, out, &mut scratch),
        };
        self.scratch = scratch;
        done
    }

    fn way(&self, event: &Event<'_>) -> Way {
        let Some(streams) = &self.streams else {
            return Way::Shared;
        };
        let key = (event.id.lane, event.id.stream);
        match streams.is_own(&event.id) {
            false => Way::Shared,
            true if key.1 == ANONYMOUS_STREAM || !streams.is_open(key) => Way::Alone,
            true => Way::Reply(key),
        }
    }

    fn steps(&mut self, way: Way) -> &mut Steps {
        let replies = match way {
            Way::Reply(key) => self.replies.get_mut(&key),
            Way::Shared | Way::Alone => None,
        };
        replies.unwrap_or(&mut self.shared)
    }

    /// The steps that may have kept something of a batch, each with the place of the last event that took them.
    fn ways(&self, batch: &Batch) -> Vec<(usize, Way)> {
        if self.shared.postprocessors.is_empty() || batch.is_empty() {
            return Vec::new();
        }
        if self.streams.is_none() {
            return vec![(batch.len() - 1, Way::Shared)];
        }
        let mut seen = HashSet::new();
        let events = batch.events().iter().enumerate().rev();
        let ways = events.map(|(at, event)| (at, self.way(event)));
        ways.filter(|(_, way)| *way != Way::Alone && seen.insert(*way))
            .collect()
    }

    /// The streams of the connector's own source.
    pub(crate) fn streams(&self) -> Option<&Streams> {
        self.streams.as_deref()
    }

    /// A stream has ended: what its postprocessors still keep, and the marker that tells the sink. With it the error of
    /// a postprocessor that cannot finish.
    pub(crate) fn end_stream(&mut self, key: StreamKey) -> (Batch, Option<Error>) {
        let mut builder = BatchBuilder::new();
        let error = self.push_end(key, &mut builder).err();
        (builder.seal(), error)
    }

    fn push_end(&mut self, key: StreamKey, builder: &mut BatchBuilder) -> Result<()> {
        let id = self.streams.as_ref().map(|streams| streams.id(key));
        let id = id.unwrap_or_default();
        let mut rest = Encoded::default();
        let steps = self.replies.remove(&key);
        let done = steps.map_or(Ok(()), |mut steps| steps.finish(&mut rest));
        push(builder, rest, id);
        builder.push(|_| {
            let mut event = Event::new(Value::NULL);
            event.id = id;
            event.with_stream_end(StreamEnd::Ended)
        });
        done
    }

    /// The flow drains: what the postprocessors still keep, as events that belong to no pull, and the ends of all
    /// streams.
    ///
    /// # Errors
    /// Where a postprocessor cannot finish.
    pub(crate) fn finish(&mut self) -> Result<Option<Batch>> {
        let mut builder = BatchBuilder::new();
        let mut keys: Vec<StreamKey> = self.replies.keys().copied().collect();
        keys.extend(self.streams.iter().flat_map(|streams| streams.take_ended()));
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            self.push_end(key, &mut builder)?;
        }
        let mut rest = Encoded::default();
        self.shared.finish(&mut rest)?;
        push(&mut builder, rest, EventId::default());
        Ok((!builder.is_empty()).then(|| builder.seal()))
    }
}

/// A frame was refused in which any of the events before may have been: they fail too.
fn fail_all(before: usize, error: &Error, errors: &mut EncodeErrors) {
    let failed: HashSet<usize> = errors.iter().map(|(at, _)| *at).collect();
    let earlier = (0..before).filter(|at| !failed.contains(at));
    errors.extend(earlier.map(|at| (at, error.clone())));
}

/// Adds frames as events.
fn push(builder: &mut BatchBuilder, frames: Encoded, id: EventId) {
    if frames.ends.is_empty() {
        return;
    }
    let Encoded { bytes, ends } = frames;
    builder.push_buffer(Buffer::from_vec(bytes), |bytes, out| {
        let mut start = 0;
        for end in ends {
            let frame = bytes.get(start..end).unwrap_or_default();
            let mut event = Event::new(Value::bytes(frame));
            event.id = id;
            out.push(event);
            start = end;
        }
    });
}
