//! `datetime`: the time that a string says, in a given format.

use crate::library::parse_datetime;

/// A format.
#[derive(Debug)]
pub(super) struct Datetime {
    format: Box<str>,
}

impl Datetime {
    pub(super) fn compile(text: &str) -> Datetime {
        Datetime {
            format: text.into(),
        }
    }

    /// Nanoseconds since the epoch; without an offset the time is in UTC.
    pub(super) fn nanoseconds(&self, input: &str) -> Option<i64> {
        parse_datetime(input, &self.format).ok()
    }
}
