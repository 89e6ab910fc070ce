//! Messages that are each a stream of their own: preprocessors and codec begin anew with each, and nothing of it is kept.
//! Only a codec that says that it keeps nothing anyway serves all of them.

use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, Batch, BatchBuilder, DynCodec, Error, ErrorKind, Event, Lane, Result,
    Value,
};

use crate::fate::{Ticket, Told};
use crate::frames::{Chain, Frames, bytes_of};

use super::{Decoded, Decoder, Found, MakeSteps, PullOf, Steps, first_of, parcels};

impl Decoder {
    /// Decodes a pull of messages. A source that learns fates learns that of each.
    ///
    /// # Errors
    /// Where the preprocessors or the codec cannot be made.
    pub(super) fn decode_messages(
        &mut self,
        batch: Batch,
        lane: Lane,
        pull: &PullOf<'_>,
    ) -> Result<Decoded> {
        let steps = match self.kept.take() {
            Some(codec) => Steps {
                preprocessors: Vec::new(),
                codec,
                is_stateless: true,
            },
            None => (self.make)()?,
        };
        // What is not bytes is no frame, and would bring the numbers out of step.
        let are_frames = batch.events().iter().all(|e| bytes_of(e).is_some());
        if steps.preprocessors.is_empty() && are_frames {
            return Ok(self.decode_frames_of_messages(batch, steps, lane, pull));
        }
        let framed = self.frame_messages(&batch, steps, lane)?;
        let sizes = framed.iter().map(|(_, frames)| frames.count());
        let count = sizes.clone().sum();
        let told = match self.transactional {
            true => Told::messages(sizes),
            false => Told::Nothing,
        };
        let ticket = Ticket::open(pull.fates, lane, pull.pull, count, told);
        let mut first = first_of(pull, (lane, ANONYMOUS_STREAM));
        let (mut good, mut bad) = (BatchBuilder::new(), BatchBuilder::new());
        let mut empty = Vec::new();
        for (mut codec, frames) in framed {
            let next = first.event + frames.count();
            let found = self.reading.run(&mut *codec, frames, first);
            good.push_batch(&found.good);
            bad.push_batch(&found.bad);
            empty.extend(found.empty);
            first.event = next;
        }
        let (good, bad) = (good.seal(), bad.seal());
        Ok(self.found(Found { good, bad, empty }, ticket))
    }

    /// Without preprocessors each message is one frame, and all are decoded in one go.
    fn decode_frames_of_messages(
        &mut self,
        batch: Batch,
        steps: Steps,
        lane: Lane,
        pull: &PullOf<'_>,
    ) -> Decoded {
        let told = match self.transactional {
            true => Told::Events,
            false => Told::Nothing,
        };
        let ticket = Ticket::open(pull.fates, lane, pull.pull, batch.len() as u32, told);
        let mut anew = Anew {
            make: &self.make,
            next: Some(steps.codec),
            is_stateless: steps.is_stateless,
        };
        let frames = Frames {
            batch,
            // Each begins a stream.
            offsets: Vec::new(),
            failures: Vec::new(),
        };
        let first = first_of(pull, (lane, ANONYMOUS_STREAM));
        let found = self.reading.run(&mut anew, frames, first);
        if anew.is_stateless {
            self.kept = anew.next;
        }
        self.found(found, ticket)
    }

    /// Takes each message apart with preprocessors of its own, the first with those of `steps`.
    fn frame_messages(
        &self,
        batch: &Batch,
        steps: Steps,
        lane: Lane,
    ) -> Result<Vec<(Box<dyn DynCodec>, Frames)>> {
        let now_ns = self.reading.times.now_ns();
        let mut made = Some(steps);
        let mut framed = Vec::with_capacity(batch.len());
        for at in 0..batch.len() {
            let steps = made.take().map_or_else(&self.make, Ok)?;
            let mut chain = Chain::new(steps.preprocessors);
            let message = batch
                .derive(|events, _, out| events.get(at).into_iter().for_each(|e| out.push(*e)));
            let mut like = Event::new(Value::NULL);
            (like.id.lane, like.id.stream) = (lane, ANONYMOUS_STREAM);
            let mut frames = chain.process(message, now_ns);
            frames.append(chain.finish(like, now_ns));
            framed.push((steps.codec, frames));
        }
        Ok(framed)
    }

    fn found(&self, found: Found, ticket: Ticket) -> Decoded {
        found.empty.iter().for_each(|id| ticket.empty(id));
        let errors = self.refuse(found.bad, &ticket, &[]);
        Decoded {
            parcels: parcels(found.good, ticket, Vec::new()),
            errors,
        }
    }
}

/// A codec that is made anew for each frame, unless it is stateless.
struct Anew<'m> {
    make: &'m MakeSteps,
    /// The one for the next frame, if it has been made.
    next: Option<Box<dyn DynCodec>>,
    is_stateless: bool,
}

impl DynCodec for Anew<'_> {
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let mut codec = match self.next.take() {
            Some(codec) => codec,
            None => (self.make)()?.codec,
        };
        let decoded = codec.decode(frame, arena);
        // After a panic there is nothing left of it.
        let is_gone = matches!(&decoded, Err(error) if error.kind() == ErrorKind::Bug);
        if self.is_stateless && !is_gone {
            self.next = Some(codec);
        }
        decoded
    }

    fn encode(&mut self, _value: Value<'_>, _out: &mut Vec<u8>) -> Result<()> {
        Err(Error::config("a source encodes nothing"))
    }
}
