//! Preprocessor `gelf-chunking`: puts messages together.

use std::collections::{BTreeMap, HashMap};

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Error, FrameSink, Preprocessor, ProcessorInfo, Result, register};

use super::{HEADER, MAGIC, MAX_CHUNKS};

/// Settings of the preprocessor.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "temblor_pdk::schemars")]
pub struct Config {
    /// How many messages may be incomplete at once; beyond that the oldest one is given up.
    max_messages: usize,
    /// How many bytes of incomplete messages are kept; beyond that the oldest ones are given up.
    max_bytes: usize,
    /// How long a message may take, in milliseconds, from its first chunk on.
    timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_messages: 1_024,
            max_bytes: 64 * 1024 * 1024,
            timeout_ms: 5_000,
        }
    }
}

type Id = [u8; 8];

/// Puts messages together whose chunks come in any order. What is no chunk passes as it is.
pub struct JoinGelf {
    config: Config,
    open: HashMap<Id, Message>,
    /// The incomplete messages in the order in which they began.
    order: BTreeMap<u64, Id>,
    begun: u64,
    /// Bytes of all of them, with the headers of their chunks.
    bytes: usize,
}

/// A message that is not complete.
struct Message {
    begun: u64,
    since_ns: u64,
    /// How many chunks it has.
    count: u8,
    chunks: Vec<(u8, Box<[u8]>)>,
    bytes: usize,
}

/// A chunk as it came.
struct Chunk<'a> {
    id: Id,
    number: u8,
    count: u8,
    data: &'a [u8],
}

impl Preprocessor for JoinGelf {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "gelf-chunking",
        summary: "Puts messages of GELF together that came in several datagrams.",
        example: r#"{"max_messages": 1024, "max_bytes": 67108864, "timeout_ms": 5000}"#,
    };

    fn new(config: Config) -> Result<Self> {
        for (name, limit) in [
            ("max_messages", config.max_messages as u64),
            ("max_bytes", config.max_bytes as u64),
            ("timeout_ms", config.timeout_ms),
        ] {
            if limit == 0 {
                return Err(Error::config(format!(
                    "`{name}` is 0, so no message could be put together\nhelp: leave it out, or give a larger number"
                )));
            }
        }
        Ok(JoinGelf {
            config,
            open: HashMap::new(),
            order: BTreeMap::new(),
            begun: 0,
            bytes: 0,
        })
    }

    fn process<'a>(&mut self, piece: &'a [u8], out: &mut FrameSink<'_, 'a>) -> Result<()> {
        let now_ns = out.ingest_ns();
        self.give_up_late(now_ns, out);
        if !piece.starts_with(&MAGIC) {
            out.part(piece);
            return Ok(());
        }
        match chunk(piece).and_then(|chunk| self.add(&chunk, now_ns)) {
            Ok(Some(message)) => out.made(&message),
            Ok(None) => self.make_room(out),
            Err(error) => out.failed_part(piece, &error),
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.bytes
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        while self.give_up_oldest("the stream has ended", out) {}
        Ok(())
    }
}

impl JoinGelf {
    /// Takes a chunk. Returns the message if that makes it complete.
    fn add(&mut self, chunk: &Chunk<'_>, now_ns: u64) -> Result<Option<Vec<u8>>> {
        if chunk.count == 1 {
            return Ok(Some(chunk.data.to_vec()));
        }
        let begun = self.begun;
        let message = self.open.entry(chunk.id).or_insert_with(|| Message {
            begun,
            since_ns: now_ns,
            count: chunk.count,
            chunks: Vec::new(),
            bytes: 0,
        });
        if message.count != chunk.count {
            return Err(Error::rejected(format!(
                "a chunk says that its message has {} chunks, and those before it said {}",
                chunk.count, message.count
            )));
        }
        if message.begun == begun {
            self.order.insert(begun, chunk.id);
            self.begun += 1;
        }
        // Datagrams may come twice.
        if message
            .chunks
            .iter()
            .any(|(number, _)| *number == chunk.number)
        {
            return Ok(None);
        }
        message.chunks.push((chunk.number, chunk.data.into()));
        message.bytes += HEADER + chunk.data.len();
        self.bytes += HEADER + chunk.data.len();
        if message.chunks.len() < usize::from(message.count) {
            return Ok(None);
        }
        let mut chunks = self
            .remove(&chunk.id)
            .map_or_else(Vec::new, |message| message.chunks);
        chunks.sort_unstable_by_key(|(number, _)| *number);
        let data: Vec<_> = chunks.iter().map(|(_, data)| &**data).collect();
        Ok(Some(data.concat()))
    }

    fn remove(&mut self, id: &Id) -> Option<Message> {
        let message = self.open.remove(id)?;
        self.order.remove(&message.begun);
        self.bytes = self.bytes.saturating_sub(message.bytes);
        Some(message)
    }

    /// Gives up messages that have taken too long. Where the time is not known, only the limits count.
    fn give_up_late(&mut self, now_ns: u64, out: &mut FrameSink<'_, '_>) {
        let timeout_ms = self.config.timeout_ms;
        let timeout_ns = timeout_ms.saturating_mul(1_000_000);
        while let Some((_, id)) = self.order.first_key_value() {
            let since_ns = self.open.get(id).map_or(0, |message| message.since_ns);
            if now_ns.saturating_sub(since_ns) <= timeout_ns {
                return;
            }
            let reason = format!("it has taken longer than `timeout_ms`, which is {timeout_ms}");
            self.give_up_oldest(&reason, out);
        }
    }

    /// Gives up the oldest messages while there are too many.
    fn make_room(&mut self, out: &mut FrameSink<'_, '_>) {
        let Config {
            max_messages,
            max_bytes,
            ..
        } = self.config;
        while self.open.len() > max_messages {
            let reason = format!("there are more than `max_messages`, which is {max_messages}");
            self.give_up_oldest(&reason, out);
        }
        while self.bytes > max_bytes {
            let reason =
                format!("incomplete messages have more than `max_bytes`, which is {max_bytes}");
            self.give_up_oldest(&reason, out);
        }
    }

    /// Gives the oldest message up. Returns whether there was one.
    fn give_up_oldest(&mut self, reason: &str, out: &mut FrameSink<'_, '_>) -> bool {
        let Some((_, id)) = self.order.first_key_value() else {
            return false;
        };
        let id = *id;
        if let Some(message) = self.remove(&id) {
            out.failed(&Error::rejected(format!(
                "message {:016x} is incomplete, with {} of its {} chunks, and given up: {reason}",
                u64::from_be_bytes(id),
                message.chunks.len(),
                message.count
            )));
        }
        true
    }
}

/// Reads the header of a chunk.
fn chunk(piece: &[u8]) -> Result<Chunk<'_>> {
    let Some((header, data)) = piece.split_first_chunk::<HEADER>() else {
        return Err(Error::rejected(format!(
            "a chunk of {} bytes is shorter than its header, which has {HEADER}",
            piece.len()
        )));
    };
    let [_, _, id @ .., number, count] = *header;
    if count == 0 || usize::from(count) > MAX_CHUNKS {
        return Err(Error::rejected(format!(
            "a chunk says that its message has {count} chunks, and it can have 1 to {MAX_CHUNKS}"
        )));
    }
    if number >= count {
        return Err(Error::rejected(format!(
            "a chunk says that it is number {number}, counted from 0, of {count}"
        )));
    }
    Ok(Chunk {
        id,
        number,
        count,
        data,
    })
}

register!(preprocessor JoinGelf);
