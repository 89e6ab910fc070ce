//! Codec `csv`: one line of comma-separated values.

use csv_core::{ReadRecordResult, Reader};
use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Codec, Error, ProcessorInfo, Result, Value, View, register};

use crate::memory::recycle;

/// Working memory up to this size is kept from one frame to the next.
const KEPT: usize = 1024 * 1024;

/// `csv` has no settings.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {}

/// Comma-separated values as RFC 4180 has them, one record per frame.
///
/// **Decoding.** The event is an array of strings. A line break within quotes belongs to its field; what follows the
/// first record is left out, so lines have to be separated before. A frame without a record is no event.
///
/// **Encoding** takes arrays, and writes them without a line break at the end: strings as they are, in quotes where they
/// need them, null as nothing, everything else as JSON.
pub struct Csv {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Empty between frames; kept for its memory.
    fields: Vec<Value<'static>>,
}

impl Codec for Csv {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "csv",
        summary: "One line of comma-separated values.",
        example: "{}",
    };

    const IS_STATELESS: bool = true;

    fn new(_config: Config) -> Result<Self> {
        Ok(Csv::empty())
    }

    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let input = crate::text::utf8(frame)?;
        let Some((length, count)) = self.read(input.as_bytes()) else {
            return Ok(None);
        };
        let text = self.text.get(..length).unwrap_or_default();
        // Quotes and commas were cut out of text, so text is left.
        let text = std::str::from_utf8(text).map_err(|error| Error::rejected(error.to_string()))?;
        let text = arena.str(text);
        let mut fields: Vec<Value<'a>> = recycle(std::mem::take(&mut self.fields));
        let mut start = 0;
        for end in self.ends.iter().take(count) {
            fields.push(Value::from(text.get(start..*end).unwrap_or_default()));
            start = *end;
        }
        let record = arena.array(&fields);
        self.fields = recycle(fields);
        if input.len() > KEPT {
            *self = Csv::empty();
        }
        Ok(Some(record))
    }

    fn encode(&mut self, value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
        let View::Array(fields) = value.view() else {
            return Err(Error::rejected(format!(
                "`csv` encodes arrays, not a value of type {}\nhelp: select the fields of a line, as in \
                 `[event.a, event.b]`",
                value.type_name()
            )));
        };
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match field.view() {
                View::Null => {}
                View::Str(text) => write_field(text.as_bytes(), fields.len() == 1, out),
                _ => {
                    self.text.clear();
                    field.write_json(&mut self.text);
                    write_field(&self.text, false, out);
                }
            }
        }
        Ok(())
    }
}

impl Csv {
    fn empty() -> Csv {
        Csv {
            text: vec![0; 1024],
            ends: vec![0; 64],
            fields: Vec::new(),
        }
    }

    /// Reads the first record into `text` and `ends`; returns how much of them it takes.
    fn read(&mut self, mut input: &[u8]) -> Option<(usize, usize)> {
        self.text.resize(self.text.capacity().max(1024), 0);
        let mut reader = Reader::new();
        let (mut length, mut count) = (0, 0);
        loop {
            let (text, ends) = (self.text.get_mut(length..)?, self.ends.get_mut(count..)?);
            let (result, taken, written, ended) = reader.read_record(input, text, ends);
            input = input.get(taken..)?;
            length += written;
            count += ended;
            match result {
                // An empty input is how the reader learns of the end.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => return Some((length, count)),
                ReadRecordResult::End => return None,
            }
        }
    }
}

/// Writes a field, in quotes where something in it would end it. A line of one empty field needs them too: an empty
/// line is no record.
fn write_field(text: &[u8], is_alone: bool, out: &mut Vec<u8>) {
    let ends_field = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let needs_quotes = text.iter().any(ends_field) || is_alone && text.is_empty();
    if !needs_quotes {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

register!(codec Csv);
