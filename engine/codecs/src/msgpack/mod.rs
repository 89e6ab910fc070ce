//! Codec `msgpack`: one MessagePack value per frame.

mod decode;

use rmp::encode::{self, ValueWriteError};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, Field, ProcessorInfo, Result, Value, View, register};

use crate::memory::recycle;

/// `msgpack` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// MessagePack: a frame is one value, and an empty one is no event. The keys of maps are strings, strings are UTF-8,
/// values nest at most 1,024 deep, and there are no extension types. Each number is encoded in as few bytes as it
/// needs, floats in eight.
pub struct Msgpack {
    /// Empty between frames, like `fields`; kept for its memory.
    items: Vec<Value<'static>>,
    fields: Vec<Field<'static>>,
}

impl Codec for Msgpack {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "msgpack",
        summary: "One MessagePack value per frame.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Msgpack {
            items: Vec::new(),
            fields: Vec::new(),
        })
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let frame: &'a [u8] = frame;
        if frame.is_empty() {
            return Ok(None);
        }
        let mut decoder = decode::Decoder {
            frame,
            at: 0,
            arena,
            items: recycle(std::mem::take(&mut self.items)),
            fields: recycle(std::mem::take(&mut self.fields)),
        };
        let decoded = decoder.frame();
        self.items = recycle(decoder.items);
        self.fields = recycle(decoder.fields);
        decoded.map(Some).map_err(|fault| {
            Error::rejected(format!(
                "invalid MessagePack at byte {}: {}",
                fault.at, fault.what
            ))
        })
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        write(value, out)
    }
}

fn write(value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
    let written = match value.view() {
        View::Null => encode::write_nil(out).map_err(ValueWriteError::InvalidMarkerWrite),
        View::Bool(value) => {
            encode::write_bool(out, value).map_err(ValueWriteError::InvalidMarkerWrite)
        }
        View::I64(value) => encode::write_sint(out, value).map(drop),
        View::U64(value) => encode::write_uint(out, value).map(drop),
        View::F64(value) => encode::write_f64(out, value),
        View::Str(text) => {
            length(text.len())?;
            encode::write_str(out, text)
        }
        View::Bytes(bytes) => {
            length(bytes.len())?;
            encode::write_bin(out, bytes)
        }
        View::Array(items) => {
            let header = encode::write_array_len(out, length(items.len())?);
            items.iter().try_for_each(|item| write(item, out))?;
            header.map(drop)
        }
        View::Object(fields) => {
            let header = encode::write_map_len(out, length(fields.len())?);
            for (key, value) in fields.iter() {
                write(Value::from(key), out)?;
                write(value, out)?;
            }
            header.map(drop)
        }
    };
    // Writing to memory does not fail.
    written.map_err(|error| Error::rejected(error.to_string()))
}

fn length(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| {
        Error::rejected(format!(
            "{length} items or bytes are more than MessagePack can say, which is {}",
            crate::limits::MSGPACK_LENGTH
        ))
    })
}

register!(codec Msgpack);
