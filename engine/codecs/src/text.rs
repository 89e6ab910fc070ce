//! What codecs of text have in common.

use temblor_pdk::{Error, Result};

/// The text of a frame.
pub(crate) fn utf8(frame: &[u8]) -> Result<&str> {
    std::str::from_utf8(frame).map_err(|error| {
        Error::rejected(format!(
            "invalid UTF-8 at byte {}\nhelp: use codec `binary` for bytes that are not text",
            error.valid_up_to()
        ))
    })
}
