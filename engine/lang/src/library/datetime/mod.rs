//! Dates and times.

mod code;
mod fields;
mod format;
mod moment;
mod parse;
pub(super) mod zone;

use temblor_pdk::value::{Field, Value, View};
use temblor_pdk::{Call, Function, FunctionError, FunctionResult};

use self::moment::Moment;
use super::scratch;

pub(crate) use parse::{check_datetime_format, parse_datetime};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse", 2, parse),
    Function::new("format", 2, formatted),
    Function::new("rfc3339", 1, |call| in_format(call, format::RFC_3339)),
    Function::new("rfc2822", 1, |call| in_format(call, format::RFC_2822)),
    Function::new("with_timezone", 2, with_timezone),
    Function::new("year", 1, |call| part(call, |m| m.civil.year().into())),
    Function::new("month", 1, |call| part(call, |m| m.civil.month().into())),
    Function::new("iso_week", 1, |call| part(call, iso_week)),
    Function::new("day_of_month", 1, |call| {
        part(call, |m| m.civil.day().into())
    }),
    Function::new("day_of_year", 1, |call| {
        part(call, |m| m.civil.day_of_year().into())
    }),
    Function::new("hour", 1, |call| part(call, |m| m.civil.hour().into())),
    Function::new("minute", 1, |call| part(call, |m| m.civil.minute().into())),
    Function::new("second", 1, |call| part(call, |m| m.civil.second().into())),
    Function::new("subsecond_millis", 1, |call| {
        part(call, |m| subsecond(m) / 1_000_000)
    }),
    Function::new("subsecond_micros", 1, |call| {
        part(call, |m| subsecond(m) / 1_000)
    }),
    Function::new("subsecond_nanos", 1, |call| part(call, subsecond)),
];

fn parse<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (text, format) = (call.str(0)?, call.str(1)?);
    let time = parse_datetime(text, format).map_err(FunctionError::Failed)?;
    Ok(Value::from(time))
}

fn formatted<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    in_format(call, call.str(1)?)
}

fn in_format<'a>(call: &Call<'_, 'a>, format: &str) -> FunctionResult<'a> {
    let moment = moment(call)?;
    scratch::with_bytes(|out| {
        format::write(&moment, format, out).map_err(FunctionError::Failed)?;
        Ok(scratch::text(call.arena, out))
    })
}

fn moment(call: &Call<'_, '_>) -> Result<Moment, FunctionError> {
    Moment::of(call.arg(0)).map_err(FunctionError::Failed)
}

fn with_timezone<'a>(call: &Call<'_, 'a>) -> FunctionResult<'a> {
    let (time, zone) = (call.arg(0), call.arg(1));
    let time = match time.view() {
        View::I64(_) | View::U64(_) => time,
        View::Object(record) => record.get("timestamp").unwrap_or_default(),
        _ => return Err(FunctionError::BadType),
    };
    let fields = [Field::new("timestamp", time), Field::new("tz", zone)];
    let zoned = call.arena.object(&fields);
    // What is wrong with it is said here, not where it is used.
    Moment::of(zoned).map_err(FunctionError::Failed)?;
    Ok(zoned)
}

fn part<'a>(call: &Call<'_, 'a>, part: fn(&Moment) -> i64) -> FunctionResult<'a> {
    Ok(Value::from(part(&moment(call)?)))
}

fn iso_week(moment: &Moment) -> i64 {
    moment.civil.date().iso_week_date().week().into()
}

fn subsecond(moment: &Moment) -> i64 {
    moment.civil.subsec_nanosecond().into()
}
