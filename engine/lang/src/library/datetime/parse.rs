//! Reading a time by a format.

use super::code::{Item, Number, Text, items};
use super::fields::Fields;
use super::format::{MONTHS, WEEKDAYS};

/// Reads a time: nanoseconds since the epoch. Without an offset it is in UTC.
///
/// # Errors
/// Says what is wrong with the format or with the text.
pub(crate) fn parse_datetime(text: &str, format: &str) -> Result<i64, String> {
    let mut reader = Reader {
        text,
        rest: text,
        fields: Fields::default(),
    };
    let mut has_zone = false;
    for item in items(format) {
        let item = item?;
        has_zone |= matches!(item, Item::Text(text) if text.is_zone());
        reader.item(item)?;
    }
    if !reader.rest.is_empty() {
        return reader.fail("expected nothing more");
    }
    reader.fields.resolve(has_zone)
}

/// Checks that a format has no unknown codes.
///
/// # Errors
/// Says which one it has.
pub(crate) fn check_datetime_format(format: &str) -> Result<(), String> {
    items(format).try_for_each(|item| item.map(drop))
}

/// A text that is being read.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
    fields: Fields,
}

impl Reader<'_> {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        match item {
            Item::Literal(literal) => match self.rest.strip_prefix(literal) {
                Some(rest) => self.rest = rest,
                None => return self.fail(&format!("expected {literal:?}")),
            },
            Item::Space(_) => self.skip_space(),
            Item::Number(number, _) => return self.number(number),
            Item::Text(text) => return self.text(text),
        }
        Ok(())
    }

    fn text(&mut self, text: Text) -> Result<(), String> {
        match text {
            Text::ShortMonth => self.month(false),
            Text::LongMonth => self.month(true),
            Text::ShortWeekday => self.weekday(false),
            Text::LongWeekday => self.weekday(true),
            Text::LowerHalf | Text::UpperHalf => self.half(),
            Text::Fraction {
                is_dotted: true, ..
            } => match self.rest.strip_prefix('.') {
                Some(rest) => {
                    self.rest = rest;
                    self.fraction(1, usize::MAX)
                }
                None => Ok(()),
            },
            Text::Fraction { digits, .. } => {
                let digits = usize::from(digits.unwrap_or(9));
                self.fraction(digits, digits)
            }
            Text::ZoneName => {
                let is_name = |c: char| !c.is_whitespace();
                self.rest = self.rest.trim_start_matches(is_name);
                Ok(())
            }
            Text::Offset { colons } => {
                self.skip_space();
                self.offset(colons == 3, colons == 2)
            }
            Text::LooseOffset => {
                self.skip_space();
                self.zulu_or_offset()
            }
            Text::Rfc3339 => self.rfc_3339(),
        }
    }

    fn number(&mut self, number: Number) -> Result<(), String> {
        self.skip_space();
        let sign = match self.rest.as_bytes().first() {
            Some(b'-') if number.is_signed() => Some(-1),
            Some(b'+') if number.is_signed() => Some(1),
            _ => None,
        };
        let mut width = number.width();
        if sign.is_some() {
            self.rest = self.rest.get(1..).unwrap_or_default();
            width = 19;
        }
        let Some(value) = self.digits(1, width) else {
            return self.fail("expected a number");
        };
        let value = value * sign.unwrap_or(1);
        self.set(|fields| fields.set_number(number, value))
    }

    /// Stores what was read.
    fn set(&mut self, set: impl FnOnce(&mut Fields) -> Result<(), String>) -> Result<(), String> {
        match set(&mut self.fields) {
            Ok(()) => Ok(()),
            Err(what) => self.fail(&what),
        }
    }

    /// Reads as many digits as there are, up to `most`; none if there are fewer than `least`.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let bytes = self.rest.bytes().take(most);
        let len = bytes.take_while(u8::is_ascii_digit).count();
        if len < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(len);
        let value = digits.parse().ok()?;
        self.rest = rest;
        Some(value)
    }

    /// Reads the digits of a fraction. Those behind the ninth do not count.
    fn fraction(&mut self, least: usize, most: usize) -> Result<(), String> {
        let before = self.rest;
        let Some(value) = self.digits(least, most.min(9)) else {
            return self.fail("expected the digits of a fraction");
        };
        let digits = before.len() - self.rest.len();
        if most > 9 {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        let scale = (digits..9).fold(1, |scale, _| scale * 10);
        self.set(|fields| fields.set_number(Number::Nanosecond, value * scale))
    }

    fn month(&mut self, may_be_long: bool) -> Result<(), String> {
        match self.name(&MONTHS, may_be_long) {
            Some(month) => self.set(|fields| fields.set_number(Number::Month, month + 1)),
            None => self.fail("expected the name of a month"),
        }
    }

    fn weekday(&mut self, may_be_long: bool) -> Result<(), String> {
        match self.name(&WEEKDAYS, may_be_long) {
            Some(day) => self.set(|fields| fields.set_number(Number::WeekdayFromMonday, day + 1)),
            None => self.fail("expected the name of a weekday"),
        }
    }

    /// Reads one of the names, of which the first three letters are enough; gives its place among them.
    fn name(&mut self, names: &[&str], may_be_long: bool) -> Option<i64> {
        let place = names.iter().position(|name| self.begins(&name[..3]))?;
        let name = names.get(place)?;
        let len = if may_be_long && self.begins(name) {
            name.len()
        } else {
            3
        };
        self.rest = self.rest.get(len..)?;
        i64::try_from(place).ok()
    }

    /// Whether letters come next, in upper or lower case.
    fn begins(&self, letters: &str) -> bool {
        let start = self.rest.get(..letters.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(letters))
    }

    fn half(&mut self) -> Result<(), String> {
        let half = match () {
            () if self.begins("am") => 0,
            () if self.begins("pm") => 1,
            () => return self.fail("expected AM or PM"),
        };
        self.rest = self.rest.get(2..).unwrap_or_default();
        self.set(|fields| fields.set_half(half))
    }

    fn zulu_or_offset(&mut self) -> Result<(), String> {
        if let Some(rest) = self.rest.strip_prefix(['Z', 'z']) {
            self.rest = rest;
            return self.set(|fields| fields.set_offset(0));
        }
        self.offset(true, false)
    }

    /// Reads a sign, hours, minutes and perhaps seconds, with colons and blanks between them or without.
    fn offset(&mut self, may_lack_minutes: bool, may_have_seconds: bool) -> Result<(), String> {
        let is_minus = |c: char| c == '-' || c == '\u{2212}';
        let (sign, rest) = match self.rest.strip_prefix('+') {
            Some(rest) => (1, rest),
            None => match self.rest.strip_prefix(is_minus) {
                Some(rest) => (-1, rest),
                None => return self.fail("expected an offset that begins with `+` or `-`"),
            },
        };
        self.rest = rest;
        let Some(hours) = self.digits(2, 2) else {
            return self.fail("expected the hours of an offset, two digits");
        };
        let minutes = match self.offset_part() {
            Some(minutes) => minutes,
            None if may_lack_minutes => 0,
            None => return self.fail("expected the minutes of an offset, two digits"),
        };
        let seconds = match may_have_seconds {
            true => self.offset_part().unwrap_or(0),
            false => 0,
        };
        if minutes > 59 || seconds > 59 || hours > 23 {
            return self.fail("an offset is less than a day, with minutes below 60");
        }
        let offset = sign * ((hours * 60 + minutes) * 60 + seconds);
        self.set(|fields| fields.set_offset(offset))
    }

    /// Reads two digits of an offset behind an optional separator; leaves everything if they are not there.
    fn offset_part(&mut self) -> Option<i64> {
        let before = self.rest;
        let is_separator = |c: char| c == ':' || c.is_whitespace();
        self.rest = self.rest.trim_start_matches(is_separator);
        let part = self.digits(2, 2);
        if part.is_none() {
            self.rest = before;
        }
        part
    }

    /// Reads date, time and offset as in RFC 3339, with blanks allowed where one reads over them.
    fn rfc_3339(&mut self) -> Result<(), String> {
        for item in items("%Y-%m-%d") {
            self.item(item?)?;
        }
        let Some(rest) = self.rest.strip_prefix(['T', 't', ' ']) else {
            return self.fail("expected `T` between date and time");
        };
        self.rest = rest;
        for item in items("%H:%M:%S%.f") {
            self.item(item?)?;
        }
        self.skip_space();
        if self.begins("utc") {
            self.rest = self.rest.get(3..).unwrap_or_default();
            return self.set(|fields| fields.set_offset(0));
        }
        self.zulu_or_offset()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn fail<T>(&self, what: &str) -> Result<T, String> {
        let read = self.text.len() - self.rest.len();
        let before = self.text.get(..read).unwrap_or_default();
        let at = before.chars().count();
        Err(format!("{:?} at position {at}: {what}", self.text))
    }
}
