//! Time zones: their names, their numbers, and offsets.

use std::sync::LazyLock;

use jiff::tz::{Offset, TimeZone};
use temblor_pdk::value::{Value, View};

use super::moment::Zone;

/// The names of all zones, one a line, sorted; a number of a zone is its line. Numbers are a promise to scripts, so
/// a zone that is younger than the list is known by its name only.
const LIST: &str = include_str!("zones.txt");

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| LIST.lines().collect());

/// The text of the module whose constants are the numbers of the zones.
pub(in crate::library) static MODULE: LazyLock<String> = LazyLock::new(module);

fn module() -> String {
    let mut text = String::from(
        "### Numbers of time zones, which all functions on times take in place of the name of a zone.\n",
    );
    for (number, name) in NAMES.iter().enumerate() {
        text.push_str(&format!(
            "\n## The zone {name}.\nconst {} = {number};\n",
            constant(name)
        ));
    }
    text
}

/// The name of the constant for a zone.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    let mut chars = name.chars().peekable();
    while let Some(character) = chars.next() {
        let is_sign = chars.peek().is_some_and(char::is_ascii_digit);
        match character {
            '+' => constant.push_str("_PLUS_"),
            '-' if is_sign => constant.push_str("_MINUS_"),
            '/' | '-' => constant.push('_'),
            other => constant.push(other.to_ascii_uppercase()),
        }
    }
    constant
}

/// Finds the zone that a value names: by its name, as an offset, or by its number.
///
/// # Errors
/// Says what is wrong with the value.
pub(super) fn zone(value: Value<'_>) -> Result<Zone, String> {
    match value.view() {
        View::Str(text) => named(text).or_else(|| offset(text)).ok_or_else(|| {
            format!(
                "{text:?} is neither the name of a zone nor an offset, expected for example `Europe/Berlin` or `+01:00`"
            )
        }),
        View::I64(_) | View::U64(_) => numbered(value),
        _ => Err(format!(
            "a zone is of type {}, expected a name, an offset or a number of `std::datetime::timezones`",
            value.type_name()
        )),
    }
}

fn named(name: &str) -> Option<Zone> {
    // The database takes names in any case; a name has one spelling here.
    let zone = TimeZone::get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(Zone::Named(zone))
}

fn numbered(number: Value<'_>) -> Result<Zone, String> {
    let index = number.as_u64().and_then(|n| usize::try_from(n).ok());
    let name = index.and_then(|index| NAMES.get(index));
    name.and_then(|name| named(name))
        .ok_or_else(|| format!("there is no zone of number {number:?}"))
}

/// Reads an offset: an optional sign, hours of two digits, an optional colon, and optional minutes of two digits.
fn offset(text: &str) -> Option<Zone> {
    let (is_west, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let hours = two_digits(digits.get(..2)?)?;
    let minutes = digits.get(2..)?;
    let minutes = match minutes.strip_prefix(':').unwrap_or(minutes) {
        "" if !minutes.is_empty() => return None,
        "" => 0,
        minutes => two_digits(minutes)?,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    let offset = Offset::from_seconds(if is_west { -seconds } else { seconds });
    offset.ok().map(Zone::Fixed)
}

fn two_digits(text: &str) -> Option<i32> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
