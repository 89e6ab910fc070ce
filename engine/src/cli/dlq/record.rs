//! Records of failed events, as they stand in a file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use temblor::{Again, builtin_registry};
use temblor_pdk::{Arena, DynCodec, Kind, OwnedValue};

use super::super::failure::Failure;

/// A record of an event that failed.
pub(super) struct Record {
    /// Its line, from 1.
    pub(super) line: usize,
    pub(super) error: String,
    pub(super) stage: String,
    pub(super) flow: String,
    /// The connector or pipeline where it failed.
    pub(super) place: String,
    /// The source that it came from, if that is known.
    pub(super) source: Option<String>,
    pub(super) payload: Payload,
    meta: OwnedValue,
    ingest_ns: u64,
}

/// What failed.
pub(super) enum Payload {
    /// What a codec could not read.
    Bytes(Vec<u8>),
    Value(OwnedValue),
    /// The record does not hold it, as of a line that was too long to keep.
    Missing,
}

impl Record {
    /// The event, to be sent again; none if the record does not hold it.
    pub(super) fn again(self) -> Option<Again> {
        let data = match self.payload {
            Payload::Bytes(bytes) => OwnedValue::Bytes(bytes.into()),
            Payload::Value(value) => value,
            Payload::Missing => return None,
        };
        Some(Again {
            data,
            meta: self.meta,
            ingest_ns: self.ingest_ns,
        })
    }
}

/// A file of records, open from the beginning to the end, so that it is the same file whatever is put in its place.
pub(super) struct Records {
    name: String,
    file: BufReader<File>,
    codec: Box<dyn DynCodec>,
    line: usize,
    text: Vec<u8>,
}

impl Records {
    pub(super) fn open(path: &Path) -> Result<Records, Failure> {
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|error| Failure::wrong(format!("`{name}` cannot be read: {error}")))?;
        let failed = |what: String| Failure::failed(format!("the codec `json` is missing: {what}"));
        let registry = builtin_registry().map_err(|error| failed(error.to_string()))?;
        let entry = registry.find(Kind::Codec, "json");
        let entry = entry.map_err(|error| failed(error.to_string()))?;
        let codec = entry.make_codec("{}");
        Ok(Records {
            name,
            file: BufReader::new(file),
            codec: codec.map_err(|error| failed(error.to_string()))?,
            line: 0,
            text: Vec::new(),
        })
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record>, Failure> {
        loop {
            self.text.clear();
            let read = self.file.read_until(b'\n', &mut self.text);
            let read = read.map_err(|error| {
                Failure::failed(format!("`{}` cannot be read: {error}", self.name))
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !self.text.trim_ascii().is_empty() {
                return self.parse().map(Some);
            }
        }
    }

    fn parse(&mut self) -> Result<Record, Failure> {
        let (arena, mut frame) = (Arena::new(), self.text.clone());
        let value = self.codec.decode(&mut frame, &arena);
        let value = value.map_err(|error| self.no_json(error.message()))?;
        let value = value.unwrap_or_default().to_owned_value();
        self.record(value)
    }

    /// The line is no JSON. The codec says at which byte; people count in characters.
    fn no_json(&self, message: &str) -> Failure {
        let place = message.strip_prefix("invalid JSON at byte ");
        let place = place.and_then(|rest| rest.split_once(": "));
        let found = place.and_then(|(at, what)| Some((at.parse::<usize>().ok()?, what)));
        let (at, what) = found.unwrap_or((0, message));
        let before = &self.text[..at.min(self.text.len())];
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        self.wrong(column, &format!("invalid JSON: {what}"))
    }

    fn wrong(&self, column: usize, what: &str) -> Failure {
        Failure::wrong(format!("{}:{}:{column}: {what}", self.name, self.line)).help(
            "each line is a record as a port `err` gives it, written with the codec `json` and the \
             postprocessor `separate`",
        )
    }

    fn record(&self, value: OwnedValue) -> Result<Record, Failure> {
        let text = |key: &str| {
            value
                .get(key)
                .and_then(OwnedValue::as_str)
                .map(str::to_owned)
        };
        let needed = |key: &str| {
            let missing = || format!("no record of a failed event: it has no text `{key}`");
            text(key).ok_or_else(|| self.wrong(1, &missing()))
        };
        let place = text("connector").or_else(|| text("pipeline"));
        let ingest_ns = match value.get("ingest_ns") {
            Some(OwnedValue::I64(ns)) => u64::try_from(*ns).unwrap_or_default(),
            Some(OwnedValue::U64(ns)) => *ns,
            _ => 0,
        };
        let stage = needed("stage")?;
        let data = value.get("data").cloned();
        Ok(Record {
            line: self.line,
            error: needed("error")?,
            flow: needed("flow")?,
            place: place.map_or_else(|| needed("connector"), Ok)?,
            source: text("source"),
            payload: self.payload(&stage, data, value.get("id"))?,
            meta: value.get("meta").cloned().unwrap_or_default(),
            ingest_ns,
            stage,
        })
    }

    fn payload(
        &self,
        stage: &str,
        data: Option<OwnedValue>,
        id: Option<&OwnedValue>,
    ) -> Result<Payload, Failure> {
        let Some(data) = data else {
            return Ok(Payload::Missing);
        };
        let base64 = match &data {
            OwnedValue::Object(fields) if fields.len() == 1 => {
                data.get("base64").and_then(OwnedValue::as_str)
            }
            _ => None,
        };
        if stage != "decode" {
            // What failed without an event has no pull.
            let pull = id.and_then(|id| id.get("pull"));
            return Ok(match (pull, &data) {
                (Some(OwnedValue::Null), OwnedValue::Null) => Payload::Missing,
                _ => Payload::Value(data),
            });
        }
        match (base64, data.as_str()) {
            (Some(text), _) => match STANDARD.decode(text) {
                Ok(bytes) => Ok(Payload::Bytes(bytes)),
                Err(error) => Err(self.wrong(1, &format!("`data.base64` is no base64: {error}"))),
            },
            (None, Some(text)) => Ok(Payload::Bytes(text.as_bytes().to_vec())),
            (None, None) => Ok(Payload::Missing),
        }
    }
}
