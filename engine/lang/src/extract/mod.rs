//! Extractors: patterns on strings, compiled once.

/// A compiled extractor.
#[derive(Debug)]
pub(crate) struct Extractor;
