//! `datetime`: the time that a string says, in a given format.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

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

    /// Nanoseconds since the epoch.
    pub(super) fn nanoseconds(&self, input: &str) -> Option<i64> {
        parse(input, &self.format).ok()
    }
}

fn parse(text: &str, format: &str) -> Result<i64, String> {
    let parsed = BrokenDownTime::parse(format, text).map_err(|error| error.to_string())?;
    let timestamp = if parsed.offset().is_some() {
        parsed.to_timestamp()
    } else {
        let local = parsed.to_datetime();
        local.and_then(|local| local.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()))
    };
    let nanoseconds = timestamp
        .map_err(|error| error.to_string())?
        .as_nanosecond();
    i64::try_from(nanoseconds).map_err(|error| error.to_string())
}
