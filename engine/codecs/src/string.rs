//! Codec `string`: UTF-8 text as it is.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, ProcessorInfo, Result, Value, register};

/// `string` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// A frame is one string, also an empty frame; strings are encoded as they are, other values as JSON text.
pub struct Text;

impl Codec for Text {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "string",
        summary: "UTF-8 text as it is.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Text)
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], _arena: &'a Arena) -> Result<Option<Value<'a>>> {
        crate::text::utf8(frame).map(|text| Some(Value::from(text)))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        match value.as_str() {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => value.splice_json(out),
        }
        Ok(())
    }
}

register!(codec Text);
