//! Records of Kafka and events of Temblor: what is made of one for the other.

use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders, Timestamp};
use rdkafka::producer::BaseRecord;
use temblor_pdk::{
    ANONYMOUS_STREAM, Arena, BatchWriter, Buffer, Error, Event, Field, Lane, Result, Value, View,
};

use crate::config::{ProducerSettings, Stamp};
use crate::lanes::Sent;
use crate::place::Place;

/// Records of one partition that lie behind each other, on their way to the source.
pub(crate) struct Chunk {
    pub(crate) place: Place,
    pub(crate) lane: Lane,
    pub(crate) generation: u64,
    records: Vec<Record>,
    /// Payloads, keys and headers.
    bytes: Vec<u8>,
}

/// Part of a chunk's bytes.
type Span = (usize, usize);

struct Record {
    payload: Span,
    key: Option<Span>,
    headers: Vec<(Span, Option<Span>)>,
    offset: i64,
    /// Milliseconds.
    timestamp: Option<i64>,
}

impl Chunk {
    pub(crate) fn new(place: Place, lane: Lane, generation: u64) -> Self {
        Chunk {
            place,
            lane,
            generation,
            records: Vec::new(),
            bytes: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_of(&self, message: &BorrowedMessage<'_>) -> bool {
        self.place.partition == message.partition() && *self.place.topic == *message.topic()
    }

    fn add(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    pub(crate) fn push(&mut self, message: &BorrowedMessage<'_>) {
        // A record without a payload is an event without bytes.
        let payload = self.add(message.payload().unwrap_or_default());
        let key = message.key().map(|key| self.add(key));
        let mut headers = Vec::new();
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            let name = self.add(header.key.as_bytes());
            headers.push((name, header.value.map(|value| self.add(value))));
        }
        let timestamp = match message.timestamp() {
            Timestamp::NotAvailable => None,
            Timestamp::CreateTime(millis) | Timestamp::LogAppendTime(millis) => Some(millis),
        };
        self.records.push(Record {
            payload,
            key,
            headers,
            offset: message.offset(),
            timestamp,
        });
    }

    /// What is noted about the pull that hands it over.
    pub(crate) fn sent(&self, pull: u64) -> Sent {
        let first = self.records.first().map_or(0, |record| record.offset);
        let last = self.records.last().map_or(-1, |record| record.offset);
        let records = self.records.len();
        // Records that a topic has lost to compaction, and marks of transactions, leave gaps.
        let has_gaps = last - first + 1 != records as i64;
        Sent {
            pull,
            first,
            next: last + 1,
            records,
            offsets: has_gaps.then(|| self.records.iter().map(|record| record.offset).collect()),
            settled: 0,
        }
    }

    /// Hands it over. Each record is a stream of its own: nothing is carried from one to the next.
    pub(crate) fn write(self, out: &mut BatchWriter, now_ns: u64) {
        let Chunk {
            place,
            lane,
            records,
            bytes,
            ..
        } = self;
        out.push_buffer_split(Buffer::from_vec(bytes), |bytes, arena, sink| {
            let topic = Value::from(arena.str(&place.topic));
            for record in &records {
                let mut event = Event::new(Value::bytes(part(bytes, record.payload)));
                event.meta = record.meta(bytes, arena, topic, place.partition);
                event.ingest_ns = now_ns;
                (event.id.lane, event.id.stream) = (lane, ANONYMOUS_STREAM);
                sink.push(event);
            }
        });
    }
}

impl Record {
    /// What scripts find in `$kafka_consumer`.
    fn meta<'a>(
        &self,
        bytes: &'a [u8],
        arena: &'a Arena,
        topic: Value<'a>,
        partition: i32,
    ) -> Value<'a> {
        let key = self
            .key
            .map_or(Value::NULL, |key| readable(part(bytes, key)));
        let timestamp = self
            .timestamp
            .map(|millis| millis.saturating_mul(1_000_000));
        let meta = arena.object(&[
            Field::new("key", key),
            Field::new("headers", self.headers(bytes, arena)),
            Field::new("topic", topic),
            Field::new("partition", Value::from(i64::from(partition))),
            Field::new("offset", Value::from(self.offset)),
            Field::new("timestamp", timestamp.map_or(Value::NULL, Value::from)),
        ]);
        arena.object(&[Field::new("kafka_consumer", meta)])
    }

    fn headers<'a>(&self, bytes: &'a [u8], arena: &'a Arena) -> Value<'a> {
        if self.headers.is_empty() {
            return Value::NULL;
        }
        let headers = self.headers.iter().map(|(name, value)| {
            // librdkafka has names of headers as text.
            let name = std::str::from_utf8(part(bytes, *name)).unwrap_or_default();
            let value = value.map_or(Value::NULL, |value| readable(part(bytes, value)));
            Field::new(name, value)
        });
        arena.object(&headers.collect::<Vec<_>>())
    }
}

fn part(bytes: &[u8], (start, end): Span) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

/// Text where it is text, and bytes elsewhere.
fn readable(bytes: &[u8]) -> Value<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => Value::bytes(bytes),
    }
}

/// What an event becomes.
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: Option<i32>,
    key: Option<&'a [u8]>,
    headers: Option<OwnedHeaders>,
    timestamp: Option<i64>,
    payload: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// Reads `$kafka_producer` and the settings.
    pub(crate) fn new(event: &Event<'a>, settings: &'a ProducerSettings) -> Result<Self> {
        let meta = event.meta.get("kafka_producer").unwrap_or(Value::NULL);
        if !meta.is_null() && meta.as_object().is_none() {
            return Err(wrong("", "a record", meta));
        }
        let given = |key: &str| meta.get(key).filter(|value| !value.is_null());
        let topic = match given("topic") {
            Some(topic) => topic.as_str().ok_or_else(|| wrong(".topic", "a string", topic))?,
            None => settings.topic.as_deref().ok_or_else(|| {
                Error::rejected(
                    "the event names no topic\nhelp: set `topic`, or `$kafka_producer.topic` in a script",
                )
            })?,
        };
        let key = match given("key") {
            Some(key) => Some(bytes(key).ok_or_else(|| wrong(".key", "a string or binary", key))?),
            None => settings.key.as_deref().map(str::as_bytes),
        };
        let partition = match given("partition") {
            Some(value) => {
                let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                let number = number.filter(|number| *number >= 0);
                Some(number.ok_or_else(|| wrong(".partition", "a partition's number", value))?)
            }
            None => settings.partition,
        };
        let stamp_ns = match (given("timestamp"), settings.timestamp) {
            (Some(value), _) => {
                let number = value.as_i64().filter(|number| *number >= 0);
                Some(number.ok_or_else(|| wrong(".timestamp", "nanoseconds since 1970", value))?)
            }
            (None, Stamp::Ingest) => i64::try_from(event.ingest_ns).ok(),
            (None, Stamp::Now) => None,
        };
        Ok(Outgoing {
            topic,
            partition,
            key,
            headers: headers(given("headers"), settings)?,
            timestamp: stamp_ns.map(|ns| ns / 1_000_000),
            payload: bytes(event.data).unwrap_or_default(),
        })
    }

    /// How large it is without what the protocol adds.
    pub(crate) fn size(&self) -> usize {
        self.payload.len() + self.key.map_or(0, <[u8]>::len)
    }

    pub(crate) fn record(self, number: usize) -> BaseRecord<'a, [u8], [u8], usize> {
        BaseRecord {
            topic: self.topic,
            partition: self.partition,
            payload: Some(self.payload),
            key: self.key,
            timestamp: self.timestamp,
            headers: self.headers,
            delivery_opaque: number,
        }
    }
}

fn bytes(value: Value<'_>) -> Option<&[u8]> {
    value
        .as_bytes()
        .or_else(|| value.as_str().map(str::as_bytes))
}

fn wrong(key: &str, wanted: &str, value: Value<'_>) -> Error {
    Error::rejected(format!(
        "`$kafka_producer{key}` is {} and not {wanted}\nhelp: change the script that sets it",
        value.type_name()
    ))
}

fn headers(given: Option<Value<'_>>, settings: &ProducerSettings) -> Result<Option<OwnedHeaders>> {
    let own = given.map(|value| {
        let object = value.as_object();
        object.ok_or_else(|| wrong(".headers", "a record", value))
    });
    let own = own.transpose()?;
    let own_fields = own.map_or(&[][..], |object| object.fields());
    let is_own = |name: &str| own_fields.iter().any(|field| field.key() == name);
    let fixed: Vec<_> = settings
        .headers
        .iter()
        .filter(|(name, _)| !is_own(name))
        .collect();
    if fixed.is_empty() && own_fields.is_empty() {
        return Ok(None);
    }
    let mut headers = OwnedHeaders::new_with_capacity(fixed.len() + own_fields.len());
    for (name, value) in fixed {
        headers = headers.insert(Header {
            key: name,
            value: Some(value),
        });
    }
    for field in own_fields {
        headers = insert(headers, field.key(), field.value())?;
    }
    Ok(Some(headers))
}

fn insert(headers: OwnedHeaders, name: &str, value: Value<'_>) -> Result<OwnedHeaders> {
    if name.contains('\0') {
        return Err(Error::rejected(format!(
            "`$kafka_producer.headers` has the name {name:?}, and names have no zero in them"
        )));
    }
    let text;
    let value = match value.view() {
        View::Null => None,
        View::Array(_)
        | View::Object(_)
        | View::Bool(_)
        | View::I64(_)
        | View::U64(_)
        | View::F64(_) => {
            text = value.to_json();
            Some(text.as_bytes())
        }
        _ => bytes(value),
    };
    Ok(headers.insert(Header { key: name, value }))
}
