//! Codec `statsd`: lines of StatsD.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, Field, ProcessorInfo, Result, Value, View, register};

use crate::text::{number, write_number};

/// `statsd` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// `metric:value|type[|@rate]`.
///
/// The event is `{"type": …, "metric": …, "value": …}`, with `sample_rate` where the line has a rate. Types are `c`
/// (counter), `ms` (timing), `g` (gauge), `h` (histogram) and `s` (set); the value of a set may be any string, all
/// others are numbers. A gauge that is changed and not set has an `action`, `add` or `sub`, and its value has no sign.
/// An empty frame is no event.
pub struct Statsd;

impl Codec for Statsd {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "statsd",
        summary: "Lines of StatsD.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Statsd)
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let line = crate::text::utf8(frame)?.trim_end_matches(['\n', '\r', ' ']);
        if line.is_empty() {
            return Ok(None);
        }
        let decoded = decode(line, arena).map(Some);
        decoded.map_err(|reason| Error::rejected(format!("invalid StatsD line: {reason}")))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        encode(value, out).map_err(|reason| {
            Error::rejected(format!("`statsd` cannot encode this event: {reason}"))
        })
    }
}

fn decode<'a>(line: &'a str, arena: &'a Arena) -> Result<Value<'a>, String> {
    let expected = "`metric:value|type` is expected";
    let (metric, rest) = line.split_once(':').ok_or(expected)?;
    let (value, rest) = rest.split_once('|').ok_or(expected)?;
    let (kind, rate) = match rest.split_once('|') {
        Some((kind, rate)) => (kind, Some(rate)),
        None => (rest, None),
    };
    if metric.is_empty() {
        return Err("the metric has no name".to_owned());
    }
    check_type(kind)?;
    let action = match (kind, value.as_bytes().first()) {
        ("g", Some(b'+')) => Some("add"),
        ("g", Some(b'-')) => Some("sub"),
        _ => None,
    };
    let digits = if action.is_some() { &value[1..] } else { value };
    let value = match number(digits) {
        Some(number) => number,
        None if kind == "s" => Value::from(value),
        None => return Err(format!("the value `{value}` is no number")),
    };
    let mut fields = [Field::new("", Value::NULL); 5];
    fields[0] = Field::new("type", Value::from(kind));
    fields[1] = Field::new("metric", Value::from(metric));
    fields[2] = Field::new("value", value);
    let mut count = 3;
    if let Some(action) = action {
        fields[count] = Field::new("action", Value::from(action));
        count += 1;
    }
    if let Some(rate) = rate {
        let number = rate
            .strip_prefix('@')
            .and_then(|rate| rate.parse::<f64>().ok());
        let number = number.filter(|rate| rate.is_finite());
        let number = number.ok_or_else(|| format!("`{rate}` is no rate like `@0.1`"))?;
        fields[count] = Field::new("sample_rate", Value::from(number));
        count += 1;
    }
    Ok(arena.object(&fields[..count]))
}

fn encode(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let metric = crate::text::field(value, "metric")?;
    let kind = crate::text::field(value, "type")?;
    check_type(kind)?;
    if metric.is_empty() || metric.contains([':', '|', '\n']) {
        return Err(format!(
            "the metric {metric:?} is empty, or has a colon, a pipe or a line break in it"
        ));
    }
    out.extend_from_slice(metric.as_bytes());
    out.push(b':');
    match value.get("action").map(Value::view) {
        None | Some(View::Null) => {}
        Some(View::Str("add")) if kind == "g" => out.push(b'+'),
        Some(View::Str("sub")) if kind == "g" => out.push(b'-'),
        _ => {
            return Err(
                "its `action` is neither `add` nor `sub`, or its type is not `g`".to_owned(),
            );
        }
    }
    let amount = value.get("value").unwrap_or_default();
    match amount.view() {
        View::Str(text) if kind == "s" && !text.contains(['|', '\n']) => {
            out.extend_from_slice(text.as_bytes())
        }
        _ => write_number(amount, "value", out)?,
    }
    out.push(b'|');
    out.extend_from_slice(kind.as_bytes());
    let rate = value.get("sample_rate").unwrap_or_default();
    if !rate.is_null() {
        out.extend_from_slice(b"|@");
        write_number(rate, "sample_rate", out)?;
    }
    Ok(())
}

fn check_type(kind: &str) -> Result<(), String> {
    match kind {
        "c" | "ms" | "g" | "h" | "s" => Ok(()),
        _ => Err(format!(
            "`{kind}` is no type; the types are `c`, `ms`, `g`, `h` and `s`"
        )),
    }
}

register!(codec Statsd);
