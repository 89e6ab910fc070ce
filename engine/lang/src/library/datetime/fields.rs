//! The pieces of a time that were read, and the time that they make.

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::Offset;

use super::code::Number;
use super::format::date_value;

/// What was read of a time, piece by piece.
#[derive(Default)]
pub(super) struct Fields {
    year: Option<i64>,
    century: Option<i64>,
    year_of_century: Option<i64>,
    iso_year: Option<i64>,
    iso_year_of_century: Option<i64>,
    quarter: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    sunday_week: Option<i64>,
    monday_week: Option<i64>,
    iso_week: Option<i64>,
    /// From 1, Monday.
    weekday: Option<i64>,
    day_of_year: Option<i64>,
    /// 0 before noon, 1 behind.
    half: Option<i64>,
    /// From 0 to 11.
    hour_of_half: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    nanosecond: Option<i64>,
    timestamp: Option<i64>,
    /// East of UTC, in seconds.
    offset: Option<i64>,
}

impl Fields {
    /// Takes a number.
    ///
    /// # Errors
    /// Fails if it is out of range, or not what was said before.
    pub(super) fn set_number(&mut self, number: Number, value: i64) -> Result<(), String> {
        let (field, range) = match number {
            Number::Year => (&mut self.year, i64::MIN..=i64::MAX),
            Number::Century => (&mut self.century, 0..=99),
            Number::YearOfCentury => (&mut self.year_of_century, 0..=99),
            Number::IsoYear => (&mut self.iso_year, i64::MIN..=i64::MAX),
            Number::IsoYearOfCentury => (&mut self.iso_year_of_century, 0..=99),
            Number::Quarter => (&mut self.quarter, 1..=4),
            Number::Month => (&mut self.month, 1..=12),
            Number::Day => (&mut self.day, 1..=31),
            Number::SundayWeek => (&mut self.sunday_week, 0..=53),
            Number::MondayWeek => (&mut self.monday_week, 0..=53),
            Number::IsoWeek => (&mut self.iso_week, 1..=53),
            Number::WeekdayFromMonday => (&mut self.weekday, 1..=7),
            Number::WeekdayFromSunday => {
                let from_monday = if value == 0 { 7 } else { value };
                return set(&mut self.weekday, from_monday, 1..=7);
            }
            Number::DayOfYear => (&mut self.day_of_year, 1..=366),
            Number::Hour => {
                set(&mut self.half, value / 12, 0..=1)?;
                return set(&mut self.hour_of_half, value % 12, 0..=11);
            }
            Number::Hour12 => {
                let hour = if value == 12 { 0 } else { value };
                let is_valid = (1..=12).contains(&value);
                return set(
                    &mut self.hour_of_half,
                    if is_valid { hour } else { 12 },
                    0..=11,
                );
            }
            Number::Minute => (&mut self.minute, 0..=59),
            Number::Second => (&mut self.second, 0..=60),
            Number::Nanosecond => (&mut self.nanosecond, 0..=999_999_999),
            Number::Timestamp => (&mut self.timestamp, i64::MIN..=i64::MAX),
        };
        set(field, value, range)
    }

    /// Takes the half of the day: 0 before noon, 1 behind.
    ///
    /// # Errors
    /// Fails if it is not what was said before.
    pub(super) fn set_half(&mut self, half: i64) -> Result<(), String> {
        set(&mut self.half, half, 0..=1)
    }

    /// Takes the offset, in seconds.
    ///
    /// # Errors
    /// Fails if it is not what was said before.
    pub(super) fn set_offset(&mut self, offset: i64) -> Result<(), String> {
        set(&mut self.offset, offset, -86_399..=86_399)
    }

    /// Makes the time, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// Says what is missing, or which pieces contradict each other.
    pub(super) fn resolve(&self, has_zone: bool) -> Result<i64, String> {
        let offset = match self.offset {
            Some(offset) => offset,
            None if has_zone => return Err(
                "the offset is not known: `%Z` reads over the name of a zone, add `%z` for its offset"
                    .to_owned(),
            ),
            None => 0,
        };
        let nanoseconds = match self.timestamp {
            Some(seconds) => self.at_timestamp(seconds, offset)?,
            None => {
                let date = self.date()?;
                self.check(date)?;
                self.on_date(date)? - i128::from(offset) * SECOND
            }
        };
        i64::try_from(nanoseconds).map_err(|_| OUT_OF_RANGE.to_owned())
    }

    fn on_date(&self, date: Date) -> Result<i128, String> {
        let (hours, minute) = match (self.half, self.hour_of_half, self.minute) {
            (Some(half), Some(hour), Some(minute)) => (half * 12 + hour, minute),
            (None, Some(_), _) => return missing("AM or PM, or the hour of 24"),
            _ => return missing("hour and minute"),
        };
        let midnight = Offset::UTC.to_timestamp(date.to_datetime(Time::midnight()));
        let midnight = midnight.map_err(|_| OUT_OF_RANGE.to_owned())?;
        // A leap second is the 60th and spills into the next minute.
        let seconds = (hours * 60 + minute) * 60 + self.second.unwrap_or(0);
        let nanosecond = self.nanosecond.unwrap_or(0);
        Ok(midnight.as_nanosecond() + i128::from(seconds) * SECOND + i128::from(nanosecond))
    }

    /// Makes the time of a timestamp. What else was read must say the same.
    fn at_timestamp(&self, seconds: i64, offset: i64) -> Result<i128, String> {
        let local = seconds.checked_add(offset).ok_or(OUT_OF_RANGE)?;
        let local = jiff::Timestamp::from_second(local).map_err(|_| OUT_OF_RANGE.to_owned())?;
        let local = Offset::UTC.to_datetime(local);
        self.check(local.date())?;
        self.check_time(local)?;
        Ok(i128::from(seconds) * SECOND + i128::from(self.nanosecond.unwrap_or(0)))
    }

    fn check_time(&self, local: DateTime) -> Result<(), String> {
        let hour = i64::from(local.hour());
        let read = [self.half, self.hour_of_half, self.minute, self.second];
        let real = [
            hour / 12,
            hour % 12,
            i64::from(local.minute()),
            i64::from(local.second()),
        ];
        let same = |(read, real): (Option<i64>, i64)| read.is_none_or(|read| read == real);
        match read.into_iter().zip(real).all(same) {
            true => Ok(()),
            false => Err("the timestamp is of another time than the rest".to_owned()),
        }
    }

    fn date(&self) -> Result<Date, String> {
        let year = self.full_year();
        if let (Some(year), Some(month), Some(day)) = (year, self.month, self.day) {
            let (month, day) = (i8::try_from(month), i8::try_from(day));
            let date = Date::new(small(year)?, month.unwrap_or(0), day.unwrap_or(0));
            return date.map_err(|error| format!("there is no such day: {error}"));
        }
        if let (Some(year), Some(day)) = (year, self.day_of_year) {
            return day_of_year(year, day - 1);
        }
        let Some(weekday) = self.weekday else {
            return missing("year, month and day");
        };
        if let (Some(year), Some(week)) = (year, self.sunday_week) {
            return self.day_of_week(year, week, weekday % 7, Weekday::Sunday);
        }
        if let (Some(year), Some(week)) = (year, self.monday_week) {
            return self.day_of_week(year, week, weekday - 1, Weekday::Monday);
        }
        let iso_year = self
            .iso_year
            .or(self.iso_year_of_century.map(guess_century));
        let (Some(year), Some(week)) = (iso_year, self.iso_week) else {
            return missing("year, month and day");
        };
        let weekday = i8::try_from(weekday).unwrap_or(0);
        let date = Weekday::from_monday_one_offset(weekday)
            .and_then(|weekday| {
                let week = i8::try_from(week).unwrap_or(0);
                ISOWeekDate::new(i16::try_from(year).unwrap_or(i16::MAX), week, weekday)
            })
            .map(ISOWeekDate::date);
        date.map_err(|error| format!("there is no such day: {error}"))
    }

    /// The day `day` of a week, counted from 0; week 1 begins with the first day of the year that is a `first`.
    fn day_of_week(&self, year: i64, week: i64, day: i64, first: Weekday) -> Result<Date, String> {
        let new_year = Date::new(small(year)?, 1, 1).map_err(|_| OUT_OF_RANGE.to_owned())?;
        let before = i64::from(new_year.weekday().until(first));
        day_of_year(year, before + (week - 1) * 7 + day)
    }

    fn full_year(&self) -> Option<i64> {
        match (self.year, self.century, self.year_of_century) {
            (Some(year), ..) => Some(year),
            (None, Some(century), Some(year)) => Some(century * 100 + year),
            (None, None, Some(year)) => Some(guess_century(year)),
            (None, _, None) => None,
        }
    }

    /// Checks that everything that was read is true of the date.
    fn check(&self, date: Date) -> Result<(), String> {
        let read = [
            (self.year, Number::Year, "year"),
            (self.century, Number::Century, "century"),
            (self.year_of_century, Number::YearOfCentury, "year"),
            (self.iso_year, Number::IsoYear, "year of weeks"),
            (
                self.iso_year_of_century,
                Number::IsoYearOfCentury,
                "year of weeks",
            ),
            (self.quarter, Number::Quarter, "quarter"),
            (self.month, Number::Month, "month"),
            (self.day, Number::Day, "day"),
            (self.sunday_week, Number::SundayWeek, "week"),
            (self.monday_week, Number::MondayWeek, "week"),
            (self.iso_week, Number::IsoWeek, "week"),
            (self.weekday, Number::WeekdayFromMonday, "weekday"),
            (self.day_of_year, Number::DayOfYear, "day of the year"),
        ];
        for (read, number, name) in read {
            if read.is_some_and(|read| read != date_value(date, number)) {
                return Err(format!("the {name} does not fit the date {date}"));
            }
        }
        Ok(())
    }
}

const SECOND: i128 = 1_000_000_000;
const OUT_OF_RANGE: &str = "the time is out of range, expected one from 1677 to 2262";

fn set(
    field: &mut Option<i64>,
    value: i64,
    range: std::ops::RangeInclusive<i64>,
) -> Result<(), String> {
    if !range.contains(&value) {
        return Err("the number is out of range".to_owned());
    }
    match field {
        Some(before) if *before != value => {
            Err("this contradicts what stands before it".to_owned())
        }
        _ => {
            *field = Some(value);
            Ok(())
        }
    }
}

fn missing<T>(what: &str) -> Result<T, String> {
    Err(format!("the format does not read {what}"))
}

/// The year that two digits stand for, from 1970 to 2069.
fn guess_century(year: i64) -> i64 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

fn small(year: i64) -> Result<i16, String> {
    i16::try_from(year).map_err(|_| OUT_OF_RANGE.to_owned())
}

/// The day of a year, counted from 0.
fn day_of_year(year: i64, day: i64) -> Result<Date, String> {
    let new_year = Date::new(small(year)?, 1, 1).map_err(|_| OUT_OF_RANGE.to_owned())?;
    let day = i16::try_from(day + 1).unwrap_or(0);
    let date = new_year.with().day_of_year(day).build();
    date.map_err(|error| format!("there is no such day: {error}"))
}
