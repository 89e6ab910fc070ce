//! Codecs and processors that may panic: the panic becomes an error, as it does behind the C ABI.

use crate::abi::fence;
use crate::codec::{DynCodec, DynPostprocessor, DynPreprocessor, FrameSink};
use crate::{Arena, Codec, Error, ErrorKind, Postprocessor, Preprocessor, Result, Value};

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
        let held = |preprocessor: &T| fence::catch(|| preprocessor.held()).unwrap_or(1);
        self.0.as_ref().map_or(0, held)
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
}
