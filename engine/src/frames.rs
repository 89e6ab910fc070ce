//! Preprocessing: a pull's bytes become frames, each with the place in its stream where it began.

use std::cell::Cell;
use std::sync::Arc;

use temblor_pdk::{
    Batch, BatchBuilder, DynPreprocessor, Error, Event, Frame, FrameSink, Result, Value,
};

/// A frame that a preprocessor could not hand over.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Where it began in its stream, in bytes.
    pub(crate) offset: u64,
}

/// The frames of a pull.
pub(crate) struct Frames {
    pub(crate) batch: Batch,
    /// Where each frame began in its stream, in bytes.
    pub(crate) offsets: Vec<u64>,
    pub(crate) failures: Vec<Failure>,
}

impl Frames {
    /// Adds the frames of the same stream that come behind these.
    pub(crate) fn append(&mut self, more: Frames) {
        self.offsets.extend(more.offsets);
        self.failures.extend(more.failures);
        if more.batch.is_empty() {
            return;
        }
        let mut builder = BatchBuilder::with_capacity(self.batch.len() + more.batch.len());
        builder.push_batch(&self.batch);
        builder.push_batch(&more.batch);
        self.batch = builder.seal();
    }

    /// How many there are, those that failed too.
    pub(crate) fn count(&self) -> u32 {
        (self.batch.len() + self.failures.len()) as u32
    }
}

/// A preprocessor, and what its errors begin with.
pub(crate) struct Step {
    pub(crate) about: Arc<str>,
    pub(crate) preprocessor: Box<dyn DynPreprocessor>,
}

/// The error of a codec or a preprocessor, which says whose it is.
pub(crate) fn about(who: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("{who}: {}", error.message()))
}

/// The preprocessors of one stream, and how far it has come.
#[derive(Default)]
pub(crate) struct Chain {
    steps: Vec<Step>,
    /// Bytes of the stream that came in before.
    position: u64,
    /// Where the frame began that the first step may still keep a part of.
    open_frame: u64,
}

impl Chain {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Chain {
            steps,
            ..Chain::default()
        }
    }

    /// Bytes of the stream that came in so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether bytes are kept for a later frame.
    pub(crate) fn holds(&self) -> bool {
        self.steps.iter().any(|step| step.preprocessor.held() > 0)
    }

    /// Takes a pull apart, whose pieces have the time of now where they bring none.
    pub(crate) fn process(&mut self, pull: Batch, now_ns: u64) -> Frames {
        let mut frames = self.place(pull);
        let mut steps = self.steps.iter_mut();
        if let Some(first) = steps.next() {
            frames = step(frames, first, Some(&mut self.open_frame), now_ns);
        }
        for later in steps {
            frames = step(frames, later, None, now_ns);
        }
        frames
    }

    /// The stream has ended: hands over what the steps still keep, each step's rest going through those behind it.
    pub(crate) fn finish(&mut self, like: Event<'static>, now_ns: u64) -> Frames {
        let mut frames = Frames {
            batch: BatchBuilder::new().seal(),
            offsets: Vec::new(),
            failures: Vec::new(),
        };
        let offset = self.open_frame;
        for next in &mut self.steps {
            frames = step(frames, next, None, now_ns);
            finish_step(&mut frames, next, like, offset);
        }
        frames
    }

    /// The stream has broken off: what the steps still keep is dropped, and was perhaps the beginning of a frame.
    pub(crate) fn break_off(&mut self) -> Option<Failure> {
        let kept: usize = self.steps.iter().map(|step| step.preprocessor.held()).sum();
        let error = Error::rejected(format!(
            "the stream broke off within a frame; the {kept} bytes of it that had come were dropped"
        ));
        let offset = self.open_frame;
        (kept > 0).then_some(Failure { error, offset })
    }

    /// Notes where the pieces of a pull stand in their stream.
    fn place(&mut self, batch: Batch) -> Frames {
        let mut offsets = Vec::with_capacity(batch.len());
        for event in batch.events() {
            offsets.push(self.position);
            self.position += bytes_of(event).map_or(0, <[u8]>::len) as u64;
        }
        Frames {
            batch,
            offsets,
            failures: Vec::new(),
        }
    }
}

/// The payload of an event, if it has bytes.
pub(crate) fn bytes_of<'a>(event: &Event<'a>) -> Option<&'a [u8]> {
    let text = || event.data.as_str().map(str::as_bytes);
    event.data.as_bytes().or_else(text)
}

fn offset_in(piece: &[u8], part: &[u8]) -> u64 {
    (part.as_ptr() as u64).saturating_sub(piece.as_ptr() as u64)
}

/// Where a frame began in its stream: a part of a piece there, one made elsewhere where the step's open frame began. A
/// step that does not see the stream itself gives its frames the place of the piece.
fn began(open: Option<&mut u64>, piece: &[u8], part: Option<&[u8]>, base: u64) -> u64 {
    match (open, part) {
        (None, _) => base,
        (Some(open), None) => *open,
        (Some(open), Some(part)) => {
            let began = base + offset_in(piece, part);
            *open = began + part.len() as u64;
            began
        }
    }
}

/// Runs one step over all frames. `open` is where the frame began that the first step may still keep a part of.
fn step(frames: Frames, step: &mut Step, mut open: Option<&mut u64>, now_ns: u64) -> Frames {
    let Step {
        about: who,
        preprocessor,
    } = step;
    let Frames {
        batch,
        offsets,
        mut failures,
    } = frames;
    let mut placed = Vec::with_capacity(offsets.len());
    let framed = batch.derive(|events, arena, out| {
        for (event, &base) in events.iter().zip(&offsets) {
            let piece = bytes_of(event).unwrap_or_default();
            let came_in = match event.ingest_ns {
                0 => now_ns,
                own_ns => own_ns,
            };
            let time = Cell::new(came_in);
            // What nobody gave a time gets it later, with its number.
            let ingest_ns = |time: &Cell<u64>| match time.get() {
                same if same == came_in => event.ingest_ns,
                other => other,
            };
            let done = preprocessor.process(
                piece,
                &mut FrameSink::new(&mut |frame| match frame {
                    Frame::Part(part) => {
                        placed.push(began(open.as_deref_mut(), piece, Some(part), base));
                        let data = Value::bytes(part);
                        let ingest_ns = ingest_ns(&time);
                        out.push(Event {
                            data,
                            ingest_ns,
                            ..*event
                        });
                    }
                    Frame::Made(bytes) => {
                        placed.push(began(open.as_deref_mut(), piece, None, base));
                        let data = Value::bytes(arena.copy_bytes(bytes));
                        let ingest_ns = ingest_ns(&time);
                        out.push(Event {
                            data,
                            ingest_ns,
                            ..*event
                        });
                    }
                    Frame::Failed(error) => failures.push(Failure {
                        error: about(who, error),
                        offset: began(open.as_deref_mut(), piece, None, base),
                    }),
                    Frame::FailedPart(part, error) => failures.push(Failure {
                        error: about(who, error),
                        offset: began(open.as_deref_mut(), piece, Some(part), base),
                    }),
                })
                .with_time(&time),
            );
            note(who, done, &mut failures, base);
            if let Some(open) = &mut open {
                let end = base + piece.len() as u64;
                **open = end.saturating_sub(preprocessor.held() as u64);
            }
        }
    });
    Frames {
        batch: framed,
        offsets: placed,
        failures,
    }
}

fn note(who: &str, done: Result<()>, failures: &mut Vec<Failure>, offset: u64) {
    if let Err(error) = done {
        let error = about(who, &error);
        failures.push(Failure { error, offset });
    }
}

/// Adds what a step still keeps to the frames.
fn finish_step(frames: &mut Frames, step: &mut Step, like: Event<'static>, offset: u64) {
    let Step {
        about: who,
        preprocessor,
    } = step;
    let mut builder = BatchBuilder::new();
    builder.push_batch(&frames.batch);
    let (offsets, failures) = (&mut frames.offsets, &mut frames.failures);
    let mut failed = Vec::new();
    let mut take = |frame: Frame<'_, '_>| match frame {
        Frame::Part(bytes) | Frame::Made(bytes) => {
            offsets.push(offset);
            builder.push(|arena| Event {
                data: Value::bytes(arena.copy_bytes(bytes)),
                ..like
            });
        }
        Frame::Failed(error) | Frame::FailedPart(_, error) => failed.push(about(who, error)),
    };
    let done = preprocessor.finish(&mut FrameSink::new(&mut take));
    failures.extend(failed.into_iter().map(|error| Failure { error, offset }));
    note(who, done, failures, offset);
    frames.batch = builder.seal();
}
