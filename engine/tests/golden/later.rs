//! A golden plugin as a later pdk of epoch 1 might make it: built with another version of it, in which the codec below
//! is of a kind that nobody knows yet, the preprocessor has another contract, and the postprocessor can more.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Codec, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, Value, register,
};

/// What has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Nothing {}

/// Turns bytes round.
pub struct Reverse;

impl Postprocessor for Reverse {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden-reverse",
        summary: "Turns bytes round.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Reverse)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend(bytes.iter().rev());
        Ok(())
    }
}

register!(postprocessor Reverse);

/// Of another contract than those of today.
pub struct Second;

impl Preprocessor for Second {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden-second",
        summary: "Follows a later contract.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Second)
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        out.part(piece);
        Ok(())
    }
}

register!(preprocessor Second);

/// Of a kind that today's hosts do not know.
pub struct Telepath;

impl Codec for Telepath {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "golden-telepath",
        summary: "Is of a later kind.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Telepath)
    }

    fn decode<'a>(&mut self, _: &'a mut [u8], _: &'a Arena) -> Result<Option<Value<'a>>> {
        Ok(None)
    }

    fn encode(&mut self, _: Value<'_>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

register!(codec Telepath);
