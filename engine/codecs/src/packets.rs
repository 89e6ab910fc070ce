//! Postprocessors `chunk` and `collect`: several events in one frame.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, Postprocessor, ProcessorInfo, Result, register};

/// Settings of both.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// The size of a frame in bytes: for `chunk` what it has at most, for `collect` what it has at least before it is
    /// sent.
    max_bytes: usize,
}

/// Events that are put together.
struct Packet {
    max_bytes: usize,
    bytes: Vec<u8>,
    /// Where the frame of the last call ended, if there was one.
    end: Option<usize>,
}

impl Packet {
    fn new(config: &Config) -> Result<Self> {
        if config.max_bytes == 0 {
            return Err(Error::config(
                "`max_bytes` is 0, so no event could pass\nhelp: give the size of a frame in bytes",
            ));
        }
        Ok(Packet {
            max_bytes: config.max_bytes,
            bytes: Vec::new(),
            end: None,
        })
    }

    /// Appends what there is, if it is something.
    fn send(&mut self, out: &mut Vec<u8>) {
        self.end = (!self.bytes.is_empty()).then_some(self.bytes.len());
        out.extend_from_slice(&self.bytes);
        self.bytes.clear();
    }
}

/// Puts as many events into a frame as fit.
pub struct Chunk(Packet);

impl Postprocessor for Chunk {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "chunk",
        summary: "Puts as many events into a frame as fit.",
        example: r#"{"max_bytes": 1432}"#,
    };

    fn new(config: Config) -> Result<Self> {
        Packet::new(&config).map(Chunk)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let packet = &mut self.0;
        packet.end = None;
        if bytes.len() > packet.max_bytes {
            return Err(Error::rejected(format!(
                "an event of {} bytes is longer than `max_bytes`, which is {}\nhelp: raise `max_bytes` of `chunk`",
                bytes.len(),
                packet.max_bytes
            )));
        }
        if packet.bytes.len() + bytes.len() > packet.max_bytes {
            packet.send(out);
        }
        packet.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.send(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.flush(out)
    }

    fn ends(&self) -> Option<&[usize]> {
        Some(self.0.end.as_slice())
    }
}

register!(postprocessor Chunk);

/// Puts events into a frame until it is large enough.
pub struct Collect(Packet);

impl Postprocessor for Collect {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "collect",
        summary: "Puts events into a frame until it has so many bytes.",
        example: r#"{"max_bytes": 65536}"#,
    };

    fn new(config: Config) -> Result<Self> {
        Packet::new(&config).map(Collect)
    }

    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let packet = &mut self.0;
        packet.end = None;
        packet.bytes.extend_from_slice(bytes);
        if packet.bytes.len() >= packet.max_bytes {
            packet.send(out);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.send(out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.flush(out)
    }

    fn ends(&self) -> Option<&[usize]> {
        Some(self.0.end.as_slice())
    }
}

register!(postprocessor Collect);
