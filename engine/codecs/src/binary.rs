//! Codec `binary`: bytes as they are.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, ProcessorInfo, Result, Value, View, register};

/// `binary` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// A frame is one value of bytes, also an empty frame; bytes and strings are encoded as they are.
pub struct Binary;

impl Codec for Binary {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "binary",
        summary: "Bytes as they are.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Binary)
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], _arena: &'a Arena) -> Result<Option<Value<'a>>> {
        Ok(Some(Value::bytes(frame)))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        match value.view() {
            View::Bytes(bytes) => out.extend_from_slice(bytes),
            View::Str(text) => out.extend_from_slice(text.as_bytes()),
            _ => {
                return Err(Error::rejected(format!(
                    "`binary` encodes bytes and strings, not a value of type {}\nhelp: use codec `json`, or make the \
                     event a string before it is sent",
                    value.type_name()
                )));
            }
        }
        Ok(())
    }
}

register!(codec Binary);
