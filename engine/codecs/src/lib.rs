//! Built-in codecs, preprocessors and postprocessors.
//!
//! | kind | name | what it does |
//! |---|---|---|
//! | codec | `json` | one JSON value per frame |
//! | codec | `string` | UTF-8 text as it is |
//! | codec | `binary` | bytes as they are |
//! | codec | `csv` | one line of comma-separated values |
//! | codec | `yaml` | one YAML document per frame |
//! | codec | `msgpack` | one MessagePack value per frame |
//! | codec | `syslog` | messages of RFC 5424 and RFC 3164 |
//! | codec | `influx` | lines of the influx line protocol |
//! | codec | `binflux` | the same in a binary form |
//! | codec | `statsd` | lines of StatsD |
//! | codec | `dogstatsd` | metrics, events and service checks of DogStatsD |
//! | both processors | `separate` | a separator behind every frame |
//! | both | `length-prefixed`, `textual-length-prefixed` | the length before every frame, as bytes or as digits |
//! | both | `base64` | every frame as base64 |
//! | both | `ingest-ns` | the ingest time before every frame |
//! | both | `gelf-chunking` | messages in several datagrams |
//! | preprocessor | `remove-empty` | leaves out empty frames |
//! | preprocessor | `decompress` | decompresses messages and streams |
//! | postprocessor | `compress`, `streaming-compress` | compresses every event, or all as one stream |
//! | postprocessor | `chunk`, `collect` | several events in one frame |
//!
//! Nothing here is called by name: every codec and processor registers itself, and the registry finds it in the slice
//! of entries. A program that wants them names the crate once, because the linker leaves out a crate that nobody
//! names:
//!
//! ```
//! use temblor_codecs as _;
//!
//! assert!(temblor_pdk::entries().any(|entry| entry.name() == "json"));
//! ```

mod base64;
mod binary;
mod binflux;
mod compression;
mod csv;
mod dogstatsd;
mod gather;
mod gelf;
mod influx;
mod ingest_ns;
mod json;
mod length_prefixed;
mod limits;
mod memory;
mod msgpack;
mod packets;
mod remove_empty;
mod separate;
mod statsd;
mod string;
mod syslog;
mod text;
mod textual_length_prefixed;
mod yaml;

pub use base64::{FromBase64, ToBase64};
pub use binary::Binary;
pub use binflux::Binflux;
pub use compression::{Compress, Decompress, StreamingCompress};
pub use csv::Csv;
pub use dogstatsd::Dogstatsd;
pub use gelf::{JoinGelf, SplitGelf};
pub use influx::Influx;
pub use ingest_ns::{ReadIngestNs, WriteIngestNs};
pub use json::Json;
pub use length_prefixed::{LengthPrefixed, PrependLength};
pub use limits::LIMITS;
pub use msgpack::Msgpack;
pub use packets::{Chunk, Collect};
pub use remove_empty::RemoveEmpty;
pub use separate::{AppendSeparator, Separate};
pub use statsd::Statsd;
pub use string::Text;
pub use syslog::Syslog;
pub use textual_length_prefixed::{PrependTextualLength, TextualLengthPrefixed};
pub use yaml::Yaml;
