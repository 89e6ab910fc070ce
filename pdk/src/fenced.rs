//! Codecs, processors and operators that may panic: the panic becomes an error, as it does behind the C ABI.

use crate::abi::fence;
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor, FrameSink};
use crate::{
    Arena, Codec, DynOperator, Error, ErrorKind, Event, Feedback, Operator, OperatorSink,
    Postprocessor, Preprocessor, Result, Value,
};

/// An author's object; none once it panicked.
pub(crate) struct Fenced<T>(Option<T>);

impl<T> Fenced<T> {
    pub(crate) fn new(object: T) -> Self {
        Fenced(Some(object))
    }

    fn call<R>(&mut self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let Some(object) = &mut self.0 else {
            return Err(Error::new(ErrorKind::Bug, "it has panicked before"));
        };
        match fence::catch(|| work(object)) {
            Ok(result) => result,
            Err(panic) => {
                self.discard();
                Err(panic)
            }
        }
    }

    /// Asks without changing anything; what is answered where it panics is `otherwise`. Once it is gone, so is what
    /// could be asked for.
    fn ask<R: Default>(&self, question: impl FnOnce(&T) -> R, otherwise: R) -> R {
        match &self.0 {
            Some(object) => fence::catch(|| question(object)).unwrap_or(otherwise),
            None => R::default(),
        }
    }

    /// Drops the object. What it throws meanwhile is reported by the panic hook.
    fn discard(&mut self) {
        let object = self.0.take();
        fence::silence(move || drop(object));
    }
}

impl<T> Drop for Fenced<T> {
    fn drop(&mut self) {
        self.discard();
    }
}

impl<T: Codec> DynCodec for Fenced<T> {
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        self.call(|codec| Codec::decode(codec, frame, arena))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.call(|codec| Codec::encode(codec, value, out))
    }
}

impl<T: Preprocessor> DynPreprocessor for Fenced<T> {
    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.call(|preprocessor| Preprocessor::process(preprocessor, piece, out))
    }

    fn held(&self) -> usize {
        // One that panics here is taken to hold something, so that nothing is acked too early.
        self.ask(Preprocessor::held, 1)
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        self.call(|preprocessor| Preprocessor::finish(preprocessor, out))
    }
}

impl<T: Postprocessor> DynPostprocessor for Fenced<T> {
    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.call(|postprocessor| Postprocessor::process(postprocessor, bytes, out))
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.call(|postprocessor| Postprocessor::finish(postprocessor, out))
    }

    fn came_in(&mut self, ingest_ns: u64) {
        // Whoever panics here is gone, and says so when it is asked for something.
        let _ = self.call(|postprocessor| {
            Postprocessor::came_in(postprocessor, ingest_ns);
            Ok(())
        });
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.call(|postprocessor| Postprocessor::flush(postprocessor, out))
    }

    fn ends(&self) -> Option<&[usize]> {
        // After a panic all is taken to be one frame: nothing that was appended is lost.
        let postprocessor = self.0.as_ref()?;
        fence::catch(|| Postprocessor::ends(postprocessor)).unwrap_or(None)
    }
}

/// An operator with the names of its outputs, so that an event for none of them is found out.
pub(crate) struct FencedOperator<T> {
    operator: Fenced<T>,
    outputs: Vec<String>,
    wants_feedback: bool,
    routes_around: bool,
}

impl<T: Operator> FencedOperator<T> {
    pub(crate) fn new(operator: T) -> Result<Self> {
        let mut operator = Fenced::new(operator);
        let (outputs, wants_feedback, routes_around) = operator.call(|operator| {
            let outputs = operator.outputs();
            Ok((outputs, operator.wants_feedback(), operator.routes_around()))
        })?;
        Ok(FencedOperator {
            operator,
            outputs,
            wants_feedback,
            routes_around,
        })
    }

    /// Runs `work` with a sink that hands over to `out` what has an output.
    fn send<'a>(
        &mut self,
        out: &mut OperatorSink<'_, 'a>,
        work: impl FnOnce(&mut T, &mut OperatorSink<'_, 'a>) -> Result<()>,
    ) -> Result<()> {
        let count = self.outputs.len();
        let mut strayed = None;
        let mut take = |output: u32, event: Event<'a>| {
            if (output as usize) < count {
                out.send(output, event);
            } else {
                strayed = Some(output);
            }
        };
        self.operator
            .call(|operator| work(operator, &mut OperatorSink::new(&mut take)))?;
        match strayed {
            Some(output) => Err(Error::failed(format!(
                "it sent an event to output {output} and has {count}, counted from 0"
            ))),
            None => Ok(()),
        }
    }
}

impl<T: Operator> DynOperator for FencedOperator<T> {
    fn outputs(&self) -> Vec<String> {
        self.outputs.clone()
    }

    fn on_event<'a>(
        &mut self,
        port: &str,
        event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        self.send(out, |operator, out| {
            operator.on_event(port, event, arena, out)
        })
    }

    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        self.send(out, |operator, out| operator.on_tick(now_ns, arena, out))
    }

    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        self.send(out, |operator, out| operator.finish(arena, out))
    }

    fn on_feedback(&mut self, feedback: &Feedback) {
        // The panic hook has told of a panic, and the next event will.
        let _ = self.operator.call(|operator| {
            operator.on_feedback(feedback);
            Ok(())
        });
    }

    fn wants_feedback(&self) -> bool {
        self.wants_feedback
    }

    fn routes_around(&self) -> bool {
        self.routes_around
    }

    fn paused(&self) -> bool {
        self.operator.ask(Operator::paused, false)
    }

    fn held(&self) -> usize {
        // One that panics here is taken to hold something, so that nothing is acked too early.
        self.operator.ask(Operator::held, 1)
    }
}
