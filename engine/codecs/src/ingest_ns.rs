//! Preprocessor and postprocessor `ingest-ns`: the ingest time before every frame.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Postprocessor, Preprocessor, ProcessorInfo, Result, register};

/// Bytes of a time.
const LENGTH: usize = 8;

/// `ingest-ns` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// Takes the ingest time of an event from the first eight bytes of its frame: nanoseconds since the Unix epoch, as an
/// unsigned integer with the most significant byte first.
pub struct ReadIngestNs;

impl Preprocessor for ReadIngestNs {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "ingest-ns",
        summary: "Takes the ingest time from the first eight bytes.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(ReadIngestNs)
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        match piece.split_first_chunk::<LENGTH>() {
            Some((time, frame)) => {
                out.came_in(u64::from_be_bytes(*time));
                out.part(frame);
            }
            None => {
                let error = Error::rejected(format!(
                    "a frame of {} bytes is too short for an ingest time, which has {LENGTH}",
                    piece.len()
                ));
                out.failed_part(piece, &error);
            }
        }
        Ok(())
    }
}

register!(preprocessor ReadIngestNs);

/// Puts its ingest time before every event.
pub struct WriteIngestNs(u64);

impl Postprocessor for WriteIngestNs {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "ingest-ns",
        summary: "Puts the ingest time, as eight bytes, before every event.",
        example: "{}",
    };

    fn new(_config: Config) -> Result<Self> {
        Ok(WriteIngestNs(0))
    }

    fn came_in(&mut self, ingest_ns: u64) {
        self.0 = ingest_ns;
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.reserve(LENGTH + bytes.len());
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    }
}

register!(postprocessor WriteIngestNs);
