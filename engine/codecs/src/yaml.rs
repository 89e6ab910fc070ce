//! Codec `yaml`: one YAML document per frame.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::serde::ser::{Serialize, Serializer};
use temblor_pdk::{Arena, Codec, Error, OwnedValue, ProcessorInfo, Result, Value, View, register};

/// `yaml` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// YAML: a frame is one document; one of white space alone is no event. Keys that are numbers become strings.
/// Documents nest at most 128 deep, and aliases that would blow up a document are refused. Bytes are encoded as a
/// base64 string.
pub struct Yaml;

impl Codec for Yaml {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "yaml",
        summary: "One YAML document per frame.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Yaml)
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let text = crate::text::utf8(frame)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let parsed: Result<OwnedValue, _> = serde_yaml_ng::from_str(text);
        match parsed {
            Ok(value) => Ok(Some(arena.value(&value))),
            Err(error) => Err(Error::rejected(format!("invalid YAML: {error}"))),
        }
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        serde_yaml_ng::to_writer(out, &Document(value))
            .map_err(|error| Error::rejected(format!("`yaml` cannot encode this event: {error}")))
    }
}

/// A value whose bytes are written as text, because the serializer has no bytes.
struct Document<'a>(Value<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.view() {
            View::Bytes(_) => {
                // The JSON text is the base64 string in quotes.
                let text = self.0.to_json();
                serializer.serialize_str(text.trim_matches('"'))
            }
            View::Array(items) => serializer.collect_seq(items.iter().map(Document)),
            View::Object(fields) => {
                serializer.collect_map(fields.iter().map(|(key, value)| (key, Document(value))))
            }
            _ => self.0.serialize(serializer),
        }
    }
}

register!(codec Yaml);
