//! Codecs and processors: the traits that authors implement, and the erased forms that the engine calls.

use std::cell::Cell;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Arena, Error, ProcessorInfo, Result, Value};

/// Bytes to value and back.
pub trait Codec: Sized + Send + 'static {
    /// What a user writes.
    type Config: DeserializeOwned + JsonSchema;

    /// What it says about itself.
    const INFO: ProcessorInfo;

    /// Whether what becomes of a frame depends on nothing of the frames before. Then one codec serves messages that
    /// have nothing to do with each other; otherwise the engine makes one for each of them. Memory that is only kept to
    /// be used again does not count.
    const IS_STATELESS: bool = false;

    /// Makes the codec.
    ///
    /// # Errors
    /// Where the configuration cannot work.
    fn new(config: Self::Config) -> Result<Self>;

    /// Decodes one frame; none where it holds no event. May work in place, but leaves the frame as it was where it
    /// fails, so that the bytes can go to a dead letter.
    ///
    /// # Errors
    /// Where the frame is not what the codec expects; the message says where in the frame.
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>>;

    /// Appends one encoded value.
    ///
    /// # Errors
    /// Where the value cannot be said in this format; `out` is then cut back by the caller.
    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()>;
}

/// Bytes to bytes, before decoding. One instance serves one stream.
pub trait Preprocessor: Sized + Send + 'static {
    /// What a user writes.
    type Config: DeserializeOwned + JsonSchema;

    /// What it says about itself.
    const INFO: ProcessorInfo;

    /// Makes the preprocessor.
    ///
    /// # Errors
    /// Where the configuration cannot work.
    fn new(config: Self::Config) -> Result<Self>;

    /// Turns a piece of the stream into frames. One frame that cannot be used is not an error of the call: it goes to
    /// [`FrameSink::failed`].
    ///
    /// # Errors
    /// Where the piece cannot be taken apart; the message says where.
    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()>;

    /// How many bytes of the stream it keeps for the next frame. The engine keeps their pull from being acked, and
    /// finds out from it where that frame begins in the stream.
    fn held(&self) -> usize {
        0
    }

    /// The stream has ended: hands over what is left.
    ///
    /// # Errors
    /// Where what is left is not a frame.
    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        let _ = out;
        Ok(())
    }
}

/// Bytes to bytes, after encoding.
///
/// What a call appends is one frame for the sink, unless [`Postprocessor::ends`] says otherwise.
pub trait Postprocessor: Sized + Send + 'static {
    /// What a user writes.
    type Config: DeserializeOwned + JsonSchema;

    /// What it says about itself.
    const INFO: ProcessorInfo;

    /// Makes the postprocessor.
    ///
    /// # Errors
    /// Where the configuration cannot work.
    fn new(config: Self::Config) -> Result<Self>;

    /// Appends what an encoded event becomes.
    ///
    /// # Errors
    /// Where it cannot be done; `out` is then cut back by the caller.
    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// The flow drains, or the stream ends: appends what is left.
    ///
    /// # Errors
    /// Where it cannot be done.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Told before an event is processed: when it came in, in nanoseconds since the Unix epoch.
    fn came_in(&mut self, ingest_ns: u64) {
        let _ = ingest_ns;
    }

    /// There are no more events now: appends what was kept of those before. Events are acked after this, so that
    /// nothing of them may be kept any longer.
    ///
    /// # Errors
    /// Where it cannot be done.
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Where each frame ends in what the last call appended, counted from where that begins; none if all of it is one
    /// frame. An empty list says that there is no frame yet.
    fn ends(&self) -> Option<&[usize]> {
        None
    }
}

/// One frame that a preprocessor found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'p, 'a> {
    /// A part of the piece itself: nothing is copied.
    Part(&'a [u8]),
    /// Bytes from elsewhere, copied by the engine.
    Made(&'p [u8]),
    /// A frame that was found and cannot be handed over, and why; the stream goes on behind it.
    Failed(&'p Error),
    /// The same of a part of the piece.
    FailedPart(&'a [u8], &'p Error),
}

/// Takes the frames that a preprocessor finds.
pub struct FrameSink<'s, 'a> {
    take: &'s mut dyn FnMut(Frame<'_, 'a>),
    ingest_ns: Option<&'s Cell<u64>>,
}

impl<'s, 'a> FrameSink<'s, 'a> {
    /// Makes a sink that hands every frame to `take`.
    pub fn new(take: &'s mut dyn FnMut(Frame<'_, 'a>)) -> Self {
        FrameSink {
            take,
            ingest_ns: None,
        }
    }

    /// The same, for frames whose time is that of `ingest_ns` when they are handed over.
    #[must_use]
    pub fn with_time(self, ingest_ns: &'s Cell<u64>) -> Self {
        FrameSink {
            ingest_ns: Some(ingest_ns),
            ..self
        }
    }

    /// When the piece came in, in nanoseconds since the Unix epoch; 0 where that is not known.
    #[must_use]
    pub fn ingest_ns(&self) -> u64 {
        self.ingest_ns.map_or(0, Cell::get)
    }

    /// Says that the frames that follow of this piece came in at another time.
    pub fn came_in(&mut self, ingest_ns: u64) {
        if let Some(cell) = self.ingest_ns {
            cell.set(ingest_ns);
        }
    }

    /// The cell of the time, for whoever hands it on.
    pub(crate) fn time(&self) -> Option<&'s Cell<u64>> {
        self.ingest_ns
    }

    /// Hands over a part of the piece.
    pub fn part(&mut self, part: &'a [u8]) {
        (self.take)(Frame::Part(part));
    }

    /// Hands over bytes that the preprocessor made or kept.
    pub fn made(&mut self, bytes: &[u8]) {
        (self.take)(Frame::Made(bytes));
    }

    /// Says that a frame was found and cannot be handed over. Unlike an error of the call it takes nothing away from
    /// the other frames of the piece.
    pub fn failed(&mut self, error: &Error) {
        (self.take)(Frame::Failed(error));
    }

    /// Says that a part of the piece is a frame that cannot be handed over; see [`FrameSink::failed`].
    pub fn failed_part(&mut self, part: &'a [u8], error: &Error) {
        (self.take)(Frame::FailedPart(part, error));
    }
}

/// A codec whose type is not known; see [`Codec`].
pub trait DynCodec: Send {
    /// See [`Codec::decode`].
    ///
    /// # Errors
    /// See [`Codec::decode`].
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>>;
    /// See [`Codec::encode`].
    ///
    /// # Errors
    /// See [`Codec::encode`].
    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()>;
}

impl<T: Codec> DynCodec for T {
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        Codec::decode(self, frame, arena)
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        Codec::encode(self, value, out)
    }
}

/// A preprocessor whose type is not known; see [`Preprocessor`].
pub trait DynPreprocessor: Send {
    /// See [`Preprocessor::process`].
    ///
    /// # Errors
    /// See [`Preprocessor::process`].
    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()>;
    /// See [`Preprocessor::held`].
    fn held(&self) -> usize;
    /// See [`Preprocessor::finish`].
    ///
    /// # Errors
    /// See [`Preprocessor::finish`].
    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()>;
}

impl<T: Preprocessor> DynPreprocessor for T {
    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        Preprocessor::process(self, piece, out)
    }

    fn held(&self) -> usize {
        Preprocessor::held(self)
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        Preprocessor::finish(self, out)
    }
}

/// A postprocessor whose type is not known; see [`Postprocessor`].
pub trait DynPostprocessor: Send {
    /// See [`Postprocessor::process`].
    ///
    /// # Errors
    /// See [`Postprocessor::process`].
    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()>;
    /// See [`Postprocessor::finish`].
    ///
    /// # Errors
    /// See [`Postprocessor::finish`].
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;
    /// See [`Postprocessor::came_in`].
    fn came_in(&mut self, ingest_ns: u64);
    /// See [`Postprocessor::flush`].
    ///
    /// # Errors
    /// See [`Postprocessor::flush`].
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()>;
    /// See [`Postprocessor::ends`].
    fn ends(&self) -> Option<&[usize]>;
}

impl<T: Postprocessor> DynPostprocessor for T {
    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        Postprocessor::process(self, bytes, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        Postprocessor::finish(self, out)
    }

    fn came_in(&mut self, ingest_ns: u64) {
        Postprocessor::came_in(self, ingest_ns);
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        Postprocessor::flush(self, out)
    }

    fn ends(&self) -> Option<&[usize]> {
        Postprocessor::ends(self)
    }
}
