//! Writing a time by a format.

use std::io::Write;

use jiff::civil::Date;

use super::code::{Item, Number, Padding, Text, items};
use super::moment::Moment;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Monday.
pub(super) const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// How RFC 3339 writes a time.
pub(super) const RFC_3339: &str = "%Y-%m-%dT%H:%M:%S%.f%:z";
/// How RFC 2822 writes a time.
pub(super) const RFC_2822: &str = "%a, %-d %b %Y %H:%M:%S %z";

/// Appends a time in a format.
///
/// # Errors
/// Says what is wrong with the format.
pub(super) fn write(moment: &Moment, format: &str, out: &mut Vec<u8>) -> Result<(), String> {
    for item in items(format) {
        match item? {
            Item::Literal(text) | Item::Space(text) => out.extend_from_slice(text.as_bytes()),
            Item::Number(number, padding) => write_number(moment, number, padding, out),
            Item::Text(Text::Rfc3339) => write(moment, RFC_3339, out)?,
            Item::Text(text) => write_text(moment, text, out),
        }
    }
    Ok(())
}

fn write_number(moment: &Moment, number: Number, padding: Padding, out: &mut Vec<u8>) {
    let value = value(moment, number);
    let width = match number {
        // Its digits are not padded.
        Number::Timestamp => 1,
        _ => number.width(),
    };
    // Writing to memory does not fail.
    let _ = match padding {
        Padding::None => write!(out, "{value}"),
        Padding::Zero => write!(out, "{value:0width$}"),
        Padding::Space => write!(out, "{value:width$}"),
    };
}

fn value(moment: &Moment, number: Number) -> i64 {
    let time = moment.civil.time();
    match number {
        Number::Hour => i64::from(time.hour()),
        Number::Hour12 => i64::from((time.hour() + 11) % 12 + 1),
        Number::Minute => i64::from(time.minute()),
        Number::Second => i64::from(time.second()),
        Number::Nanosecond => i64::from(time.subsec_nanosecond()),
        Number::Timestamp => moment.at.as_second(),
        _ => date_value(moment.civil.date(), number),
    }
}

/// A number of a date; 0 for what is no part of a date.
pub(super) fn date_value(date: Date, number: Number) -> i64 {
    let weekday = date.weekday();
    let year = i64::from(date.year());
    let iso_year = i64::from(date.iso_week_date().year());
    match number {
        Number::Year => year,
        Number::Century => year.div_euclid(100),
        Number::YearOfCentury => year.rem_euclid(100),
        Number::IsoYear => iso_year,
        Number::IsoYearOfCentury => iso_year.rem_euclid(100),
        Number::Quarter => i64::from((date.month() + 2) / 3),
        Number::Month => i64::from(date.month()),
        Number::Day => i64::from(date.day()),
        Number::SundayWeek => week(date, weekday.to_sunday_zero_offset()),
        Number::MondayWeek => week(date, weekday.to_monday_zero_offset()),
        Number::IsoWeek => i64::from(date.iso_week_date().week()),
        Number::WeekdayFromSunday => i64::from(weekday.to_sunday_zero_offset()),
        Number::WeekdayFromMonday => i64::from(weekday.to_monday_one_offset()),
        Number::DayOfYear => i64::from(date.day_of_year()),
        _ => 0,
    }
}

/// The number of the week within the year, given the number of the day within the week. Days before the first whole
/// week are in week 0.
fn week(date: Date, day_of_week: i8) -> i64 {
    (i64::from(date.day_of_year()) + 6 - i64::from(day_of_week)) / 7
}

fn write_text(moment: &Moment, text: Text, out: &mut Vec<u8>) {
    let (date, time) = (moment.civil.date(), moment.civil.time());
    let month = MONTHS[usize::try_from(date.month() - 1).unwrap_or(0) % 12];
    let weekday = date.weekday().to_monday_zero_offset();
    let weekday = WEEKDAYS[usize::try_from(weekday).unwrap_or(0) % 7];
    let is_morning = time.hour() < 12;
    let written = match text {
        Text::ShortMonth => &month[..3],
        Text::LongMonth => month,
        Text::ShortWeekday => &weekday[..3],
        Text::LongWeekday => weekday,
        Text::LowerHalf if is_morning => "am",
        Text::LowerHalf => "pm",
        Text::UpperHalf if is_morning => "AM",
        Text::UpperHalf => "PM",
        Text::Fraction { is_dotted, digits } => {
            return write_fraction(time.subsec_nanosecond(), is_dotted, digits, out);
        }
        Text::ZoneName => {
            return moment.with_zone_name(|name| match name {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => write_offset(moment, 1, out),
            });
        }
        Text::Offset { colons } => return write_offset(moment, colons, out),
        Text::LooseOffset => return write_offset(moment, 0, out),
        Text::Rfc3339 => "",
    };
    out.extend_from_slice(written.as_bytes());
}

fn write_fraction(nanosecond: i32, is_dotted: bool, digits: Option<u8>, out: &mut Vec<u8>) {
    let digits = match digits {
        Some(digits) => digits,
        None if nanosecond == 0 => return,
        None if nanosecond % 1_000_000 == 0 => 3,
        None if nanosecond % 1_000 == 0 => 6,
        None => 9,
    };
    if is_dotted {
        out.push(b'.');
    }
    let all = format!("{nanosecond:09}");
    out.extend_from_slice(all.as_bytes().get(..digits.into()).unwrap_or_default());
}

/// Writes an offset without colon, with one, with two and seconds, or with three and hours only.
fn write_offset(moment: &Moment, colons: u8, out: &mut Vec<u8>) {
    let offset = moment.offset.seconds();
    let sign = if offset < 0 { '-' } else { '+' };
    let seconds = offset.unsigned_abs();
    // Old offsets have seconds. Where they are not written, the offset is rounded to minutes.
    let minutes = (seconds + 30) / 60;
    let _ = match colons {
        0 => write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60),
        1 => write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        2 => {
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            write!(out, "{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60)
        }
        _ => write!(out, "{sign}{:02}", seconds / 3600),
    };
}
