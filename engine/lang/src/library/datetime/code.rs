//! Format strings for dates and times, taken apart. The codes are those that the crate chrono documents.

/// A part of a format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item<'f> {
    /// Text without white space.
    Literal(&'f str),
    /// White space.
    Space(&'f str),
    Number(Number, Padding),
    Text(Text),
}

/// How a number is brought to its width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Padding {
    None,
    Zero,
    Space,
}

/// Something that is written as a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Year,
    Century,
    YearOfCentury,
    IsoYear,
    IsoYearOfCentury,
    Quarter,
    Month,
    Day,
    /// Of the weeks that begin on Sunday.
    SundayWeek,
    /// Of the weeks that begin on Monday.
    MondayWeek,
    IsoWeek,
    /// From 0, Sunday.
    WeekdayFromSunday,
    /// From 1, Monday.
    WeekdayFromMonday,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    Nanosecond,
    /// Seconds since the epoch.
    Timestamp,
}

impl Number {
    /// The digits that it has at least when written with padding, and at most when read.
    pub(super) fn width(self) -> usize {
        match self {
            Number::Year | Number::IsoYear => 4,
            Number::DayOfYear => 3,
            Number::Quarter | Number::WeekdayFromSunday | Number::WeekdayFromMonday => 1,
            Number::Nanosecond => 9,
            Number::Timestamp => 19,
            _ => 2,
        }
    }

    /// Whether it may have a sign.
    pub(super) fn is_signed(self) -> bool {
        matches!(self, Number::Year | Number::IsoYear | Number::Timestamp)
    }
}

/// Something that is written in a way of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Text {
    ShortMonth,
    LongMonth,
    ShortWeekday,
    LongWeekday,
    LowerHalf,
    UpperHalf,
    /// The fraction of the second; behind a dot, and of as many digits as needed if their number is not given.
    Fraction {
        is_dotted: bool,
        digits: Option<u8>,
    },
    ZoneName,
    Offset {
        colons: u8,
    },
    /// An offset whose minutes may be missing, or `Z`.
    LooseOffset,
    /// Date, time and offset as in RFC 3339.
    Rfc3339,
}

impl Text {
    /// Whether it says something of the zone.
    pub(super) fn is_zone(self) -> bool {
        matches!(
            self,
            Text::ZoneName | Text::Offset { .. } | Text::LooseOffset | Text::Rfc3339
        )
    }
}

/// Goes through the parts of a format.
pub(super) struct Items<'f> {
    rest: &'f str,
    /// What comes behind a code that stands for several others.
    behind: &'f str,
}

/// Takes a format apart.
pub(super) fn items(format: &str) -> Items<'_> {
    Items {
        rest: format,
        behind: "",
    }
}

impl<'f> Iterator for Items<'f> {
    /// A part, or what is wrong.
    type Item = Result<Item<'f>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            self.rest = std::mem::take(&mut self.behind);
        }
        let first = self.rest.chars().next()?;
        if first == '%' {
            return Some(self.code());
        }
        let is_space = first.is_whitespace();
        let end = self
            .rest
            .find(|c: char| c == '%' || c.is_whitespace() != is_space);
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Some(Ok(if is_space {
            Item::Space(text)
        } else {
            Item::Literal(text)
        }))
    }
}

impl<'f> Items<'f> {
    fn code(&mut self) -> Result<Item<'f>, String> {
        let code = self.rest;
        let after_percent = code.get(1..).unwrap_or_default();
        let (padding, spec) = padding(after_percent);
        if let Some((expanded, len)) = composite(spec)
            && padding.is_none()
        {
            self.behind = spec.get(len..).unwrap_or_default();
            self.rest = expanded;
            return self.next().unwrap_or(Ok(Item::Literal("")));
        }
        if let Some((number, usual)) = number(spec) {
            self.rest = spec.get(1..).unwrap_or_default();
            return Ok(Item::Number(number, padding.unwrap_or(usual)));
        }
        match simple(spec) {
            Some((item, len)) if padding.is_none() => {
                self.rest = spec.get(len..).unwrap_or_default();
                Ok(item)
            }
            _ => {
                let shown: String = code.chars().take(3).collect();
                self.rest = "";
                self.behind = "";
                Err(format!("the format has an unknown code at `{shown}`"))
            }
        }
    }
}

fn padding(spec: &str) -> (Option<Padding>, &str) {
    let padding = match spec.as_bytes().first() {
        Some(b'-') => Padding::None,
        Some(b'0') => Padding::Zero,
        Some(b'_') => Padding::Space,
        _ => return (None, spec),
    };
    (Some(padding), spec.get(1..).unwrap_or_default())
}

/// What a code that stands for several others stands for, and its length. None of the others stands for several.
fn composite(spec: &str) -> Option<(&'static str, usize)> {
    let expanded = match spec.as_bytes().first()? {
        b'D' | b'x' => "%m/%d/%y",
        b'F' => "%Y-%m-%d",
        b'v' => "%e-%b-%Y",
        b'R' => "%H:%M",
        b'T' | b'X' => "%H:%M:%S",
        b'r' => "%I:%M:%S %p",
        b'c' => "%a %b %e %H:%M:%S %Y",
        _ => return None,
    };
    Some((expanded, 1))
}

fn number(spec: &str) -> Option<(Number, Padding)> {
    let (number, padding) = match spec.as_bytes().first()? {
        b'Y' => (Number::Year, Padding::Zero),
        b'C' => (Number::Century, Padding::Zero),
        b'y' => (Number::YearOfCentury, Padding::Zero),
        b'G' => (Number::IsoYear, Padding::Zero),
        b'g' => (Number::IsoYearOfCentury, Padding::Zero),
        b'q' => (Number::Quarter, Padding::Zero),
        b'm' => (Number::Month, Padding::Zero),
        b'd' => (Number::Day, Padding::Zero),
        b'e' => (Number::Day, Padding::Space),
        b'U' => (Number::SundayWeek, Padding::Zero),
        b'W' => (Number::MondayWeek, Padding::Zero),
        b'V' => (Number::IsoWeek, Padding::Zero),
        b'w' => (Number::WeekdayFromSunday, Padding::Zero),
        b'u' => (Number::WeekdayFromMonday, Padding::Zero),
        b'j' => (Number::DayOfYear, Padding::Zero),
        b'H' => (Number::Hour, Padding::Zero),
        b'k' => (Number::Hour, Padding::Space),
        b'I' => (Number::Hour12, Padding::Zero),
        b'l' => (Number::Hour12, Padding::Space),
        b'M' => (Number::Minute, Padding::Zero),
        b'S' => (Number::Second, Padding::Zero),
        b'f' => (Number::Nanosecond, Padding::Zero),
        b's' => (Number::Timestamp, Padding::None),
        _ => return None,
    };
    Some((number, padding))
}

/// The codes that take no padding.
const SIMPLE: [(&str, Item<'static>); 24] = [
    ("b", Item::Text(Text::ShortMonth)),
    ("h", Item::Text(Text::ShortMonth)),
    ("B", Item::Text(Text::LongMonth)),
    ("a", Item::Text(Text::ShortWeekday)),
    ("A", Item::Text(Text::LongWeekday)),
    ("P", Item::Text(Text::LowerHalf)),
    ("p", Item::Text(Text::UpperHalf)),
    (".f", fraction(true, None)),
    (".3f", fraction(true, Some(3))),
    (".6f", fraction(true, Some(6))),
    (".9f", fraction(true, Some(9))),
    ("3f", fraction(false, Some(3))),
    ("6f", fraction(false, Some(6))),
    ("9f", fraction(false, Some(9))),
    ("Z", Item::Text(Text::ZoneName)),
    ("z", Item::Text(Text::Offset { colons: 0 })),
    (":z", Item::Text(Text::Offset { colons: 1 })),
    ("::z", Item::Text(Text::Offset { colons: 2 })),
    (":::z", Item::Text(Text::Offset { colons: 3 })),
    ("#z", Item::Text(Text::LooseOffset)),
    ("+", Item::Text(Text::Rfc3339)),
    ("n", Item::Space("\n")),
    ("t", Item::Space("\t")),
    ("%", Item::Literal("%")),
];

const fn fraction(is_dotted: bool, digits: Option<u8>) -> Item<'static> {
    Item::Text(Text::Fraction { is_dotted, digits })
}

fn simple(spec: &str) -> Option<(Item<'static>, usize)> {
    let found = SIMPLE.iter().find(|(code, _)| spec.starts_with(code));
    found.map(|(code, item)| (*item, code.len()))
}
