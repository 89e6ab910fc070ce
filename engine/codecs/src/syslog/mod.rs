//! Codec `syslog`: messages of RFC 5424 and RFC 3164.

mod decode;
mod encode;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, ProcessorInfo, Result, Value, register};

/// `syslog` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// One message per frame.
///
/// **Decoding.** The event has the fields `severity`, `facility`, `hostname`, `appname`, `procid` (an integer if it is
/// one), `msgid`, `msg`, `timestamp` (nanoseconds), `protocol` (`"RFC5424"` or `"RFC3164"`), `protocol_version` and
/// `structured_data` (a record of arrays of records of one field); what a message does not say is null. A time without
/// a zone is taken as UTC, one without a year as the last one that has been. A frame that is no message of either kind
/// is taken as one of RFC 3164 that only has `msg`; an empty one is no event. `msg` has no blanks at its ends.
///
/// **Encoding** takes the same records. Without a protocol the message is one of RFC 5424; without a severity or a
/// facility it is a `notice` of a `user`.
pub struct Syslog;

impl Codec for Syslog {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "syslog",
        summary: "Messages of RFC 5424 and RFC 3164.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Syslog)
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let message = crate::text::utf8(frame)?.trim_end_matches(['\n', '\r']);
        let is_empty = message.is_empty();
        Ok((!is_empty).then(|| decode::message(message, arena)))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        encode::message(value, out).map_err(|reason| {
            Error::rejected(format!("`syslog` cannot encode this event: {reason}"))
        })
    }
}

register!(codec Syslog);
