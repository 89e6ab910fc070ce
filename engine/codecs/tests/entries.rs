//! All that this crate registers, as the registry sees it.

mod properties;

use temblor_codecs as _;
use temblor_pdk::{Kind, serde_json};

#[test]
fn registers_exactly_these() {
    let mut found: Vec<_> = temblor_pdk::entries()
        .map(|e| (e.kind(), e.name()))
        .collect();
    found.sort_unstable();
    let expected = [
        (Kind::Codec, "binary"),
        (Kind::Codec, "binflux"),
        (Kind::Codec, "csv"),
        (Kind::Codec, "dogstatsd"),
        (Kind::Codec, "influx"),
        (Kind::Codec, "json"),
        (Kind::Codec, "msgpack"),
        (Kind::Codec, "statsd"),
        (Kind::Codec, "string"),
        (Kind::Codec, "syslog"),
        (Kind::Codec, "yaml"),
        (Kind::Preprocessor, "base64"),
        (Kind::Preprocessor, "decompress"),
        (Kind::Preprocessor, "gelf-chunking"),
        (Kind::Preprocessor, "ingest-ns"),
        (Kind::Preprocessor, "length-prefixed"),
        (Kind::Preprocessor, "remove-empty"),
        (Kind::Preprocessor, "separate"),
        (Kind::Preprocessor, "textual-length-prefixed"),
        (Kind::Postprocessor, "base64"),
        (Kind::Postprocessor, "chunk"),
        (Kind::Postprocessor, "collect"),
        (Kind::Postprocessor, "compress"),
        (Kind::Postprocessor, "gelf-chunking"),
        (Kind::Postprocessor, "ingest-ns"),
        (Kind::Postprocessor, "length-prefixed"),
        (Kind::Postprocessor, "separate"),
        (Kind::Postprocessor, "streaming-compress"),
        (Kind::Postprocessor, "textual-length-prefixed"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn examples_work_and_schemas_are_json() {
    for entry in temblor_pdk::entries() {
        let made = match entry.kind() {
            Kind::Codec => entry.make_codec(entry.example()).map(drop),
            Kind::Preprocessor => entry.make_preprocessor(entry.example()).map(drop),
            _ => entry.make_postprocessor(entry.example()).map(drop),
        };
        assert_eq!(made, Ok(()), "{entry:?}");
        let schema: serde_json::Value = serde_json::from_str(&entry.schema()).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{entry:?}");
    }
}
