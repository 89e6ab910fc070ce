//! From events to a sink's bytes: the codec, then postprocessors.

use temblor_pdk::{
    Batch, BatchBuilder, Buffer, DynCodec, DynPostprocessor, Error, Event, Result, Value,
};

/// The encoding side of a sink of bytes.
pub(crate) struct Encoder {
    codec: Box<dyn DynCodec>,
    postprocessors: Vec<Box<dyn DynPostprocessor>>,
    /// Working memory between postprocessors.
    scratch: Vec<u8>,
    /// How large the last batch was, so that the next buffer is made in one piece.
    last: usize,
}

/// Events that could not be encoded, by their place in the batch.
pub(crate) type EncodeErrors = Vec<(usize, Error)>;

impl Encoder {
    pub(crate) fn new(
        codec: Box<dyn DynCodec>,
        postprocessors: Vec<Box<dyn DynPostprocessor>>,
    ) -> Self {
        Encoder {
            codec,
            postprocessors,
            scratch: Vec::new(),
            last: 0,
        }
    }

    /// Encodes a batch into one buffer. What fails is left out and named.
    pub(crate) fn encode(&mut self, batch: &Batch) -> (Batch, EncodeErrors) {
        let mut out = Vec::with_capacity(self.last + self.last / 8 + temblor_pdk::value::SPARE);
        let mut pieces = Vec::with_capacity(batch.len());
        let mut errors = Vec::new();
        for (at, event) in batch.events().iter().enumerate() {
            let start = out.len();
            match self.encode_one(event.data, &mut out) {
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

    fn encode_one(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        let Some((last, before)) = self.postprocessors.split_last_mut() else {
            return self.codec.encode(value, out);
        };
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        self.codec.encode(value, &mut bytes)?;
        for step in before {
            let mut next = Vec::new();
            step.process(&bytes, &mut next)?;
            bytes = next;
        }
        let done = last.process(&bytes, out);
        self.scratch = bytes;
        done
    }

    /// The flow drains: what the postprocessors still keep, as one event that belongs to no pull.
    ///
    /// # Errors
    /// Where a postprocessor cannot finish.
    pub(crate) fn finish(&mut self) -> Result<Option<Batch>> {
        let mut bytes = Vec::new();
        for step in &mut self.postprocessors {
            let mut next = Vec::new();
            if !bytes.is_empty() {
                step.process(&bytes, &mut next)?;
            }
            step.finish(&mut next)?;
            bytes = next;
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut builder = BatchBuilder::new();
        builder.push_buffer(Buffer::from_vec(bytes), |bytes, out| {
            out.push(Event::new(Value::bytes(bytes)));
        });
        Ok(Some(builder.seal()))
    }
}
