//! `datetime`: the time that a string says, in a given format.

use crate::library::{check_datetime_format, parse_datetime};

/// A format.
#[derive(Debug)]
pub(super) struct Datetime {
    format: Box<str>,
}

impl Datetime {
    pub(super) fn compile(text: &str) -> Result<Datetime, String> {
        check_datetime_format(text)?;
        let format = text.into();
        Ok(Datetime { format })
    }

    /// Nanoseconds since the epoch; without an offset the time is in UTC.
    pub(super) fn nanoseconds(&self, input: &str) -> Option<i64> {
        parse_datetime(input, &self.format).ok()
    }
}
