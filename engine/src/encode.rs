//! From events to a sink's bytes: the codec, then postprocessors.

use std::collections::HashMap;
use std::sync::Arc;

use temblor_pdk::{
    ANONYMOUS_STREAM, Batch, BatchBuilder, Buffer, DynCodec, DynPostprocessor, Error, Event,
    EventId, Result, StreamEnd, Value,
};

use crate::streams::{StreamKey, Streams};

/// What events are encoded with: both keep what they know of the bytes before.
pub(crate) struct Steps {
    pub(crate) codec: Box<dyn DynCodec>,
    pub(crate) postprocessors: Vec<Box<dyn DynPostprocessor>>,
}

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
    pub(crate) fn encode(&mut self, batch: &Batch) -> (Batch, EncodeErrors) {
        let mut out = Vec::with_capacity(self.last + self.last / 8 + temblor_pdk::value::SPARE);
        let mut pieces = Vec::with_capacity(batch.len());
        let mut errors = Vec::new();
        for (at, event) in batch.events().iter().enumerate() {
            let start = out.len();
            match self.encode_event(event, &mut out) {
                Ok(()) => pieces.push((at, out.len())),
                Err(error) => {
                    out.truncate(start);
                    errors.push((at, error));
                }
            }
        }
        self.last = out.len();
        (batch.joined(out, &pieces), errors)
    }

    fn encode_event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<()> {
        let steps = match &self.streams {
            Some(streams) if streams.is_own(&event.id) => {
                let key = (event.id.lane, event.id.stream);
                // What comes after its stream, or has none, begins and ends with itself.
                if key.1 == ANONYMOUS_STREAM || !streams.is_open(key) {
                    let mut steps = (self.make)()?;
                    steps.encode(event.data, out, &mut self.scratch)?;
                    return steps.finish(out);
                }
                match self.replies.entry(key) {
                    std::collections::hash_map::Entry::Occupied(steps) => steps.into_mut(),
                    std::collections::hash_map::Entry::Vacant(none) => none.insert((self.make)()?),
                }
            }
            _ => &mut self.shared,
        };
        steps.encode(event.data, out, &mut self.scratch)
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
        let mut bytes = Vec::new();
        let steps = self.replies.remove(&key);
        let done = steps.map_or(Ok(()), |mut steps| steps.finish(&mut bytes));
        push(builder, bytes, id);
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
        let mut bytes = Vec::new();
        self.shared.finish(&mut bytes)?;
        push(&mut builder, bytes, EventId::default());
        Ok((!builder.is_empty()).then(|| builder.seal()))
    }
}

/// Adds bytes, if there are any, as one event.
fn push(builder: &mut BatchBuilder, bytes: Vec<u8>, id: EventId) {
    if bytes.is_empty() {
        return;
    }
    builder.push_buffer(Buffer::from_vec(bytes), |bytes, out| {
        let mut event = Event::new(Value::bytes(bytes));
        event.id = id;
        out.push(event);
    });
}

impl Steps {
    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>, scratch: &mut Vec<u8>) -> Result<()> {
        let Some((last, before)) = self.postprocessors.split_last_mut() else {
            return self.codec.encode(value, out);
        };
        let mut bytes = std::mem::take(scratch);
        bytes.clear();
        self.codec.encode(value, &mut bytes)?;
        for step in before {
            let mut next = Vec::new();
            step.process(&bytes, &mut next)?;
            bytes = next;
        }
        let done = last.process(&bytes, out);
        *scratch = bytes;
        done
    }

    /// Appends what the postprocessors still keep, each one's rest going through those behind it.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let mut bytes = Vec::new();
        for step in &mut self.postprocessors {
            let mut next = Vec::new();
            if !bytes.is_empty() {
                step.process(&bytes, &mut next)?;
            }
            step.finish(&mut next)?;
            bytes = next;
        }
        out.extend_from_slice(&bytes);
        Ok(())
    }
}
