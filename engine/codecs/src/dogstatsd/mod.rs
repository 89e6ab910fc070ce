//! Codec `dogstatsd`: metrics, events and service checks of DogStatsD.

mod decode;
mod encode;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, Field, ProcessorInfo, Result, Value, register};

use crate::memory::recycle;

/// `dogstatsd` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// Datagrams of the protocol's versions 1.0 to 1.3.
///
/// - `metric:value|type|@rate|#tags` is `{"metric": {"type", "metric", "value", "sample_rate", "tags", "container_id",
///   "timestamp"}}`; a packed metric has an array `values` instead of `value`. Types are `c`, `ms`, `g`, `h`, `s` and
///   `d` (distribution).
/// - `_e{5,4}:title|text|…` is `{"event": {"title", "text", "timestamp", "hostname", "aggregation_key", "priority",
///   "source", "type", "tags", "container_id"}}`. Texts are left as they are, with `\n` for line breaks.
/// - `_sc|name|status|…` is `{"service_check": {"name", "status", "timestamp", "hostname", "tags", "message",
///   "container_id"}}`.
///
/// Fields that a datagram does not have are missing. An empty frame is no event.
pub struct Dogstatsd {
    /// Empty between frames, like `items`; kept for its memory.
    fields: Vec<Field<'static>>,
    items: Vec<Value<'static>>,
}

impl Codec for Dogstatsd {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "dogstatsd",
        summary: "Metrics, events and service checks of DogStatsD.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Dogstatsd {
            fields: Vec::new(),
            items: Vec::new(),
        })
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let line = crate::text::utf8(frame)?.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            return Ok(None);
        }
        let mut decoder = decode::Decoder {
            arena,
            fields: recycle(std::mem::take(&mut self.fields)),
            items: recycle(std::mem::take(&mut self.items)),
        };
        let decoded = decoder.line(line);
        self.fields = recycle(decoder.fields);
        self.items = recycle(decoder.items);
        decoded
            .map(Some)
            .map_err(|reason| Error::rejected(format!("invalid DogStatsD line: {reason}")))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        encode::line(value, out).map_err(|reason| {
            Error::rejected(format!("`dogstatsd` cannot encode this event: {reason}"))
        })
    }
}

/// The types of metrics.
fn check_type(kind: &str) -> Result<(), String> {
    match kind {
        "c" | "ms" | "g" | "h" | "s" | "d" => Ok(()),
        _ => Err(format!(
            "`{kind}` is no type; the types are `c`, `ms`, `g`, `h`, `s` and `d`"
        )),
    }
}

/// What a section behind the text of an event begins with, and the field that it is.
const EVENT_SECTIONS: [(&str, &str); 8] = [
    ("d:", "timestamp"),
    ("h:", "hostname"),
    ("k:", "aggregation_key"),
    ("p:", "priority"),
    ("s:", "source"),
    ("t:", "type"),
    ("#", "tags"),
    ("c:", "container_id"),
];

/// The same of metrics.
const METRIC_SECTIONS: [(&str, &str); 4] = [
    ("@", "sample_rate"),
    ("#", "tags"),
    ("c:", "container_id"),
    ("T", "timestamp"),
];

/// The same of service checks. The message comes last, and everything behind it belongs to it.
const CHECK_SECTIONS: [(&str, &str); 5] = [
    ("d:", "timestamp"),
    ("h:", "hostname"),
    ("#", "tags"),
    ("c:", "container_id"),
    ("m:", "message"),
];

register!(codec Dogstatsd);
