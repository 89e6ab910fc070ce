//! A second plugin, with a root module of the same type as every other.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Postprocessor, ProcessorInfo, Result, manifest, register};

/// It has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// Doubles bytes.
pub struct Double;

impl Postprocessor for Double {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "double",
        summary: "Doubles bytes.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(Double)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(bytes);
        out.extend_from_slice(bytes);
        Ok(())
    }
}

register!(postprocessor Double);

/// A record without an entry. A test gives it the first letter of its kind back; until then it is
/// of a kind that nobody knows.
#[allow(unsafe_code)]
#[used]
#[unsafe(link_section = ".temblor")]
static GHOST: [u8; manifest::len(RECORD)] = manifest::join(RECORD);

const RECORD: &[&str] = &[
    r#"{"record":"_ntry","kind":"codec","name":"ghost","version":"0.1.0","#,
    r#""crate":"temblor-registry","panic":"unwind"}"#,
    "\n",
];
