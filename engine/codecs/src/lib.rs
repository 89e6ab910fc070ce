//! Built-in codecs, preprocessors and postprocessors.
