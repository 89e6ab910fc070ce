//! Preprocessor `remove-empty`.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{FrameSink, Preprocessor, ProcessorInfo, Result, register};

/// `remove-empty` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// Leaves out frames that have no bytes.
pub struct RemoveEmpty;

impl Preprocessor for RemoveEmpty {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "remove-empty",
        summary: "Leaves out empty frames.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(RemoveEmpty)
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        if !piece.is_empty() {
            out.part(piece);
        }
        Ok(())
    }
}

register!(preprocessor RemoveEmpty);
