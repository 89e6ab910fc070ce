//! From a message to a record.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use syslog_loose::{Message, ProcId, Protocol, Variant};
use temblor_pdk::{Arena, Field, Value};

/// Decodes whatever it is.
pub(super) fn message<'a>(text: &'a str, arena: &'a Arena) -> Value<'a> {
    let now = Utc::now();
    let year = |(month, day, ..): syslog_loose::IncompleteDate| year_of(month, day, now);
    let message = syslog_loose::parse_message_with_year_tz(text, year, Some(Utc), Variant::Either);
    let (protocol, version) = match message.protocol {
        Protocol::RFC3164 => ("RFC3164", Value::NULL),
        Protocol::RFC5424(version) => ("RFC5424", Value::from(version)),
    };
    let procid = match message.procid {
        Some(ProcId::PID(number)) => Value::from(number),
        Some(ProcId::Name(name)) => Value::from(name),
        None => Value::NULL,
    };
    let time = message
        .timestamp
        .and_then(|time| time.timestamp_nanos_opt());
    arena.object(&[
        Field::new(
            "severity",
            text_or_null(message.severity.map(|severity| severity.as_str())),
        ),
        Field::new(
            "facility",
            text_or_null(message.facility.map(|facility| facility.as_str())),
        ),
        Field::new("hostname", text_or_null(message.hostname)),
        Field::new("appname", text_or_null(message.appname)),
        Field::new("procid", procid),
        Field::new("msgid", text_or_null(message.msgid)),
        Field::new("protocol", Value::from(protocol)),
        Field::new("protocol_version", version),
        Field::new("structured_data", structured_data(&message, arena)),
        Field::new("timestamp", time.map_or(Value::NULL, Value::from)),
        Field::new("msg", Value::from(message.msg)),
    ])
}

fn text_or_null(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::NULL, Value::from)
}

/// The year of a date that is not in the future; a day is allowed for, because clocks and zones differ.
fn year_of(month: u32, day: u32, now: DateTime<Utc>) -> i32 {
    let year = now.year();
    let tomorrow = now.date_naive().succ_opt().unwrap_or(NaiveDate::MAX);
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) if date > tomorrow => year - 1,
        // The year that has just begun elsewhere.
        Some(date) if date + Months::new(12) <= tomorrow => year + 1,
        _ => year,
    }
}

fn structured_data<'a>(message: &Message<&'a str>, arena: &'a Arena) -> Value<'a> {
    if message.structured_data.is_empty() {
        return Value::NULL;
    }
    let elements = message.structured_data.iter().map(|element| {
        let params = element.params.iter().zip(element.params());
        let params = params.map(|((name, raw), (_, unescaped))| {
            let value = if raw.contains('\\') {
                arena.str(&unescaped)
            } else {
                *raw
            };
            arena.object(&[Field::new(name, Value::from(value))])
        });
        let params: Vec<Value<'a>> = params.collect();
        Field::new(element.id, arena.array(&params))
    });
    let elements: Vec<Field<'a>> = elements.collect();
    arena.object(&elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_without_a_year_is_the_last_one_that_has_been() {
        let table = [
            ("2021-06-15T12:00:00Z", (6, 15), 2021),
            ("2021-06-15T12:00:00Z", (6, 16), 2021),
            ("2021-06-15T12:00:00Z", (6, 17), 2020),
            ("2021-01-01T00:10:00Z", (12, 31), 2020),
            ("2020-12-31T23:50:00Z", (1, 1), 2021),
            ("2020-12-31T23:50:00Z", (1, 2), 2020),
            ("2021-03-01T00:00:00Z", (2, 29), 2021),
        ];
        for (now, (month, day), expected) in table {
            let year = year_of(month, day, now.parse().unwrap());
            assert_eq!(year, expected, "{month}-{day} seen at {now}");
        }
    }
}
