//! Codec `binflux`: what `influx` says, in binary.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, Field, ProcessorInfo, Result, Value, View, register};

use crate::memory::recycle;

/// What follows the name of a field.
const I64: u8 = 0;
const F64: u8 = 1;
const TRUE: u8 = 2;
const FALSE: u8 = 3;
const STRING: u8 = 4;

/// `binflux` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// The records of codec `influx` in Tremor's binary form, numbers in network order: the measurement, the time in
/// eight bytes, the number of tags and for each its name and value, the number of fields and for each its name, a byte
/// for its type and its value. Names and strings have their length in front, in two bytes, as have tags and fields
/// their number. It has no frame of its own. An empty frame is no event.
pub struct Binflux {
    /// Empty between frames; kept for its memory.
    fields: Vec<Field<'static>>,
}

impl Codec for Binflux {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "binflux",
        summary: "Measurements of influx in a binary form.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Binflux { fields: Vec::new() })
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        if frame.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader { frame, at: 0 };
        let mut fields = recycle(std::mem::take(&mut self.fields));
        let decoded = reader.record(arena, &mut fields);
        self.fields = recycle(fields);
        decoded.map(Some).map_err(|what| {
            Error::rejected(format!("invalid binflux at byte {}: {what}", reader.at))
        })
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        encode(value, out).map_err(|reason| {
            Error::rejected(format!("`binflux` cannot encode this event: {reason}"))
        })
    }
}

struct Reader<'a> {
    frame: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn record(
        &mut self,
        arena: &'a Arena,
        fields: &mut Vec<Field<'a>>,
    ) -> Result<Value<'a>, &'static str> {
        let measurement = self.text()?;
        let timestamp = u64::from_be_bytes(self.take()?);
        for _ in 0..self.length()? {
            let (key, value) = (self.text()?, self.text()?);
            fields.push(Field::new(key, Value::from(value)));
        }
        let tags = arena.object(fields);
        fields.clear();
        for _ in 0..self.length()? {
            let (key, [kind]) = (self.text()?, self.take()?);
            let value = match kind {
                I64 => Value::from(i64::from_be_bytes(self.take()?)),
                F64 => Value::from(f64::from_be_bytes(self.take()?)),
                TRUE => Value::TRUE,
                FALSE => Value::FALSE,
                STRING => Value::from(self.text()?),
                _ => return Err("the type of a field is none of 0 to 4"),
            };
            fields.push(Field::new(key, value));
        }
        if self.at < self.frame.len() {
            return Err("the measurement has ended");
        }
        Ok(arena.object(&[
            Field::new("measurement", Value::from(measurement)),
            Field::new("tags", tags),
            Field::new("fields", arena.object(fields)),
            Field::new("timestamp", Value::from(timestamp)),
        ]))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let rest = self.frame.get(self.at..).and_then(<[u8]>::first_chunk);
        let bytes = rest.ok_or("the frame ends within the measurement")?;
        self.at += N;
        Ok(*bytes)
    }

    fn length(&mut self) -> Result<usize, &'static str> {
        self.take().map(u16::from_be_bytes).map(usize::from)
    }

    fn text(&mut self) -> Result<&'a str, &'static str> {
        let length = self.length()?;
        let bytes = self.frame.get(self.at..self.at + length);
        let bytes = bytes.ok_or("the frame ends within the measurement")?;
        let text = std::str::from_utf8(bytes).map_err(|_| "a string is no UTF-8")?;
        self.at += length;
        Ok(text)
    }
}

fn encode(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    write_text(crate::text::field(value, "measurement")?, out)?;
    let timestamp = value.get("timestamp").and_then(Value::as_u64);
    let timestamp = timestamp.ok_or("its `timestamp` is no unsigned integer")?;
    out.extend_from_slice(&timestamp.to_be_bytes());
    match value.get("tags").unwrap_or_default().view() {
        View::Null => write_length(0, out)?,
        View::Object(tags) => {
            write_length(tags.len(), out)?;
            for (key, tag) in tags.iter() {
                let tag = tag
                    .as_str()
                    .ok_or_else(|| format!("its tag `{key}` is no string"))?;
                write_text(key, out)?;
                write_text(tag, out)?;
            }
        }
        _ => return Err("its `tags` are no record".to_owned()),
    }
    let fields = value
        .get("fields")
        .and_then(Value::as_object)
        .ok_or("it has no record `fields`")?;
    write_length(fields.len(), out)?;
    for (key, field) in fields.iter() {
        write_text(key, out)?;
        match field.view() {
            View::I64(number) => {
                out.push(I64);
                out.extend_from_slice(&number.to_be_bytes());
            }
            View::F64(number) => {
                out.push(F64);
                out.extend_from_slice(&number.to_be_bytes());
            }
            View::Bool(truth) => out.push(if truth { TRUE } else { FALSE }),
            View::Str(text) => {
                out.push(STRING);
                write_text(text, out)?;
            }
            _ => {
                return Err(format!(
                    "its field `{key}` is neither a signed integer of 64 bits, a float, a boolean nor a string"
                ));
            }
        }
    }
    Ok(())
}

fn write_length(length: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let length = u16::try_from(length)
        .map_err(|_| format!("{length} bytes, tags or fields are more than 65535"))?;
    out.extend_from_slice(&length.to_be_bytes());
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    write_length(text.len(), out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

register!(codec Binflux);
