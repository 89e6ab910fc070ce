//! Postprocessor `gelf-chunking`: takes messages apart.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Postprocessor, ProcessorInfo, Result, register};

use super::{HEADER, MAGIC, MAX_CHUNKS};

/// Settings of the postprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The largest datagram in bytes.
    chunk_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { chunk_size: 8_192 }
    }
}

/// Takes events apart that are larger than a datagram; the others stay as they are.
pub struct SplitGelf {
    chunk_size: usize,
    /// Messages so far.
    counter: u64,
    ingest_ns: u64,
    ends: Vec<usize>,
}

impl Postprocessor for SplitGelf {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "gelf-chunking",
        summary: "Takes events apart that are larger than a datagram, as GELF does.",
        example: r#"{"chunk_size": 8192}"#,
    };

    fn new(config: Config) -> Result<Self> {
        if config.chunk_size <= HEADER {
            return Err(Error::config(format!(
                "`chunk_size` is {}, and the header of a chunk has {HEADER} bytes already\n\
                 help: leave it out, or give the largest datagram in bytes",
                config.chunk_size
            )));
        }
        Ok(SplitGelf {
            chunk_size: config.chunk_size,
            counter: 0,
            ingest_ns: 0,
            ends: Vec::new(),
        })
    }

    fn came_in(&mut self, ingest_ns: u64) {
        self.ingest_ns = ingest_ns;
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.ends.clear();
        if bytes.len() <= self.chunk_size {
            out.extend_from_slice(bytes);
            self.ends.push(bytes.len());
            return Ok(());
        }
        let chunks = bytes.chunks(self.chunk_size - HEADER);
        let count = chunks.len();
        if count > MAX_CHUNKS {
            let largest = (self.chunk_size - HEADER) * MAX_CHUNKS;
            return Err(Error::rejected(format!(
                "an event of {} bytes does not fit into {MAX_CHUNKS} chunks, which hold {largest} together\n\
                 help: raise `chunk_size` of `gelf-chunking`, or compress before it",
                bytes.len()
            )));
        }
        // Several senders on one machine count alike, and differ in the time.
        let id = (self.counter << 16) | (self.ingest_ns & 0xffff);
        self.counter += 1;
        let start = out.len();
        for (number, chunk) in chunks.enumerate() {
            out.extend_from_slice(&MAGIC);
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&[number as u8, count as u8]);
            out.extend_from_slice(chunk);
            self.ends.push(out.len() - start);
        }
        Ok(())
    }

    fn ends(&self) -> Option<&[usize]> {
        // What `finish` and `flush` append is nothing, and what `process` refused is no frame.
        Some(&self.ends)
    }

    fn flush(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        self.ends.clear();
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        self.ends.clear();
        Ok(())
    }
}

register!(postprocessor SplitGelf);
