//! A point in time as it reads in a zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use temblor_pdk::value::{Value, View};

use super::zone::zone;

/// Where clocks show a certain time.
pub(super) enum Zone {
    Named(TimeZone),
    Fixed(Offset),
}

/// A point in time as it reads in a zone.
pub(super) struct Moment {
    /// What clock and calendar show.
    pub(super) civil: DateTime,
    pub(super) offset: Offset,
    pub(super) at: Timestamp,
    zone: Zone,
}

impl Moment {
    /// Reads the time that a value says: nanoseconds since the epoch, or a record of them and a zone.
    ///
    /// # Errors
    /// Says what is wrong with the value.
    pub(super) fn of(value: Value<'_>) -> Result<Moment, String> {
        match value.view() {
            View::I64(_) | View::U64(_) => Moment::new(value, Zone::Named(TimeZone::UTC)),
            View::Object(record) => {
                let time = record.get("timestamp").ok_or_else(|| {
                    "the record has no field `timestamp`, which says the time".to_owned()
                })?;
                match record.get("tz") {
                    Some(name) => Moment::new(time, zone(name)?),
                    None => Moment::new(time, Zone::Named(TimeZone::UTC)),
                }
            }
            _ => Err(format!(
                "a time is of type {}, expected nanoseconds or a record with `timestamp` and `tz`",
                value.type_name()
            )),
        }
    }

    fn new(time: Value<'_>, zone: Zone) -> Result<Moment, String> {
        let Some(nanoseconds) = time.as_u64() else {
            return Err(format!(
                "{time:?} is no time, expected nanoseconds since the epoch, an integer that is not negative"
            ));
        };
        let at = Timestamp::from_nanosecond(i128::from(nanoseconds));
        let at = at.map_err(|error| format!("the time is out of range: {error}"))?;
        let offset = match &zone {
            Zone::Named(zone) => zone.to_offset(at),
            Zone::Fixed(offset) => *offset,
        };
        Ok(Moment {
            civil: offset.to_datetime(at),
            offset,
            at,
            zone,
        })
    }

    /// Shows the short name of the zone, or its offset if it has none.
    pub(super) fn with_zone_name<T>(&self, show: impl FnOnce(Option<&str>) -> T) -> T {
        match &self.zone {
            Zone::Named(zone) => show(Some(zone.to_offset_info(self.at).abbreviation())),
            Zone::Fixed(_) => show(None),
        }
    }
}
