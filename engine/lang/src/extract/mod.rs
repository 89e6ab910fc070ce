//! Extractors: patterns on strings, compiled once.

/// A compiled extractor.
#[derive(Debug)]
pub(crate) struct Extractor;

impl Extractor {
    /// Compiles a pattern.
    pub(crate) fn compile(_name: &str, _text: &str) -> Result<Extractor, String> {
        Ok(Extractor)
    }
}
