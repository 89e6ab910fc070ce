//! Codec and postprocessors of a stream of events: each event becomes any number of frames.

use temblor_pdk::{DynCodec, DynPostprocessor, Error, Event, Result};

/// What events are encoded with: both keep what they know of the bytes before.
pub(crate) struct Steps {
    pub(crate) codec: Box<dyn DynCodec>,
    pub(crate) postprocessors: Vec<Box<dyn DynPostprocessor>>,
}

/// Bytes for a sink, and where each frame ends in them.
#[derive(Default)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<usize>,
}

/// Why an event could not be encoded.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    /// Whether it was said of a frame that may have held earlier events too.
    pub(crate) takes_earlier: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal {
            error,
            takes_earlier: false,
        }
    }
}

type Step = Box<dyn DynPostprocessor>;

impl Encoded {
    fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }
}

impl Steps {
    /// Appends the frames of an event.
    ///
    /// # Errors
    /// Where it cannot be encoded; the caller cuts off what was appended.
    pub(crate) fn encode(
        &mut self,
        event: &Event<'_>,
        out: &mut Encoded,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        if self.postprocessors.is_empty() {
            self.codec.encode(event.data, &mut out.bytes)?;
            out.ends.push(out.bytes.len());
            return Ok(());
        }
        for step in &mut self.postprocessors {
            step.came_in(event.ingest_ns);
        }
        let mut bytes = std::mem::take(scratch);
        bytes.clear();
        let encoded = self.codec.encode(event.data, &mut bytes);
        let done = encoded.map_err(Refusal::from);
        let done = done.and_then(|()| feed(&mut self.postprocessors, &bytes, out));
        *scratch = bytes;
        done
    }

    /// There are no more events now: appends what the postprocessors kept of those before.
    ///
    /// # Errors
    /// Where a postprocessor refuses.
    pub(crate) fn flush(&mut self, out: &mut Encoded) -> Result<()> {
        self.rest(out, |step, made| step.flush(made))
    }

    /// Appends what the postprocessors still keep, each one's rest going through those behind it.
    ///
    /// # Errors
    /// Where a postprocessor cannot finish.
    pub(crate) fn finish(&mut self, out: &mut Encoded) -> Result<()> {
        self.rest(out, |step, made| step.finish(made))
    }

    fn rest(
        &mut self,
        out: &mut Encoded,
        call: impl Fn(&mut Step, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let mut steps = self.postprocessors.as_mut_slice();
        while let Some((step, behind)) = steps.split_first_mut() {
            let call = |step: &mut Step, made: &mut Vec<u8>| call(step, made);
            run(step, behind, out, false, call).map_err(|refusal| refusal.error)?;
            steps = behind;
        }
        Ok(())
    }
}

/// Sends a frame through postprocessors.
fn feed(steps: &mut [Step], frame: &[u8], out: &mut Encoded) -> Result<(), Refusal> {
    match steps.split_first_mut() {
        None => {
            out.push(frame);
            Ok(())
        }
        Some((step, behind)) => run(step, behind, out, true, |step, made| {
            step.process(frame, made)
        }),
    }
}

/// Runs a postprocessor, and those behind it for each of its frames. Where it does not say which those are, all that it
/// appends is one; nothing is one too if `always`.
fn run(
    step: &mut Step,
    behind: &mut [Step],
    out: &mut Encoded,
    always: bool,
    call: impl FnOnce(&mut Step, &mut Vec<u8>) -> Result<()>,
) -> Result<(), Refusal> {
    if behind.is_empty() {
        let start = out.bytes.len();
        call(step, &mut out.bytes)?;
        let ends = ends(step, out.bytes.len() - start, always);
        out.ends.extend(ends.into_iter().map(|end| start + end));
        return Ok(());
    }
    let mut made = Vec::new();
    call(step, &mut made)?;
    let mut start = 0;
    let collects = step.ends().is_some();
    for end in ends(step, made.len(), always) {
        let done = feed(behind, made.get(start..end).unwrap_or_default(), out);
        done.map_err(|refusal| Refusal {
            takes_earlier: refusal.takes_earlier || collects,
            ..refusal
        })?;
        start = end;
    }
    Ok(())
}

/// Where the frames end in so many bytes that a step appended.
fn ends(step: &Step, length: usize, always: bool) -> Vec<usize> {
    let Some(told) = step.ends() else {
        return if always || length > 0 {
            vec![length]
        } else {
            Vec::new()
        };
    };
    let mut last = 0;
    let mut ends: Vec<usize> = told
        .iter()
        .map(|end| {
            last = (*end).clamp(last, length);
            last
        })
        .collect();
    // Bytes behind the last end are lost to nobody.
    if last < length {
        ends.push(length);
    }
    ends
}
