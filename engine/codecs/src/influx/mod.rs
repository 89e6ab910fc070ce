//! Codec `influx`: lines of the influx line protocol.
//!
//! The extractor of the same name in `temblor-lang` has a parser of its own for the same format: the two crates share
//! nothing but the PDK, and this one has to say where a line is wrong, while that one only has to be quick.

mod decode;
mod encode;

use std::time::{SystemTime, UNIX_EPOCH};

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, Field, ProcessorInfo, Result, Value, register};

use crate::memory::recycle;

/// `influx` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// `measurement[,tag=value…] field=value[,field=value…] [timestamp]`.
///
/// **Decoding.** A frame is one line; an empty one and a comment, which begins with `#`, are no events. The event is
/// `{"measurement": …, "tags": {…}, "fields": {…}, "timestamp": …}`: tags are strings, fields are integers (`12i`),
/// floats, booleans and strings in quotes, and a line without a time gets the one at which it is decoded, in
/// nanoseconds.
///
/// **Encoding** takes the same records; `tags` and `timestamp` may be missing.
pub struct Influx {
    /// Empty between frames, like `fields`; kept for its memory.
    unescaped: String,
    fields: Vec<Field<'static>>,
}

impl Codec for Influx {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "influx",
        summary: "Lines of the influx line protocol.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Influx {
            unescaped: String::new(),
            fields: Vec::new(),
        })
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let text = crate::text::utf8(frame)?;
        let line = text.trim_end_matches(['\n', '\r', ' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let mut fields = recycle(std::mem::take(&mut self.fields));
        let decoded = decode::line(line, now, arena, &mut fields, &mut self.unescaped);
        self.fields = recycle(fields);
        decoded.map(Some).map_err(|fault| {
            Error::rejected(format!(
                "invalid influx line at byte {}: {}",
                fault.at, fault.what
            ))
        })
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        encode::line(value, out).map_err(|reason| {
            Error::rejected(format!("`influx` cannot encode this event: {reason}"))
        })
    }
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

register!(codec Influx);
