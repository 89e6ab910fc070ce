//! `grouper::bucket`: limits the rate of events by class and dimensions, which the metadata names.

use lru::LruCache;
use temblor_pdk::{
    Arena, Event, Operator, OperatorSink, ProcessorInfo, Result, Value, View, register,
};

use super::Nothing;
use super::slices::Slices;
use crate::limits::BUCKET_CLASSES as CLASSES;

const OUT: u32 = 0;
const OVERFLOW: u32 = 1;
const ERR: u32 = 2;

/// The operator.
struct Bucket {
    classes: LruCache<Box<str>, Class>,
    /// Room for the key of an event's dimensions.
    key: Vec<u8>,
}

/// What is known of a class.
struct Class {
    /// How many dimensions are kept.
    cardinality: usize,
    dimensions: LruCache<Box<[u8]>, Slices>,
}

impl Class {
    fn new(meta: Value<'_>) -> Self {
        let cardinality = unsigned(meta, "cardinality").unwrap_or(1000);
        Class {
            cardinality: usize::try_from(cardinality).unwrap_or(usize::MAX),
            // Not of that capacity: the memory would be taken at once, and an event says how much.
            dimensions: LruCache::unbounded(),
        }
    }

    /// Keeps new dimensions, and forgets others where there are too many.
    fn add(&mut self, key: &[u8], mut slices: Slices, now_ns: u64) -> bool {
        let takes = slices.takes(now_ns);
        self.dimensions.put(key.into(), slices);
        while self.dimensions.len() > self.cardinality.max(1) {
            self.dimensions.pop_lru();
        }
        takes
    }
}

fn unsigned(meta: Value<'_>, key: &str) -> Option<u64> {
    meta.get(key).and_then(Value::as_u64)
}

/// The window of new dimensions; none without a rate.
fn slices(meta: Value<'_>, now_ns: u64) -> Option<Slices> {
    let rate = unsigned(meta, "rate")?;
    let range_ms = unsigned(meta, "time_range").unwrap_or(1000);
    let count = unsigned(meta, "windows").unwrap_or(100);
    let range_ns = range_ms.saturating_mul(1_000_000);
    Some(Slices::new(rate, range_ns, count, now_ns))
}

/// Writes text that is the same for equal values, and only for those.
fn write_key(value: Value<'_>, key: &mut Vec<u8>) {
    match value.view() {
        View::Object(record) => {
            let mut fields = record.fields().to_vec();
            fields.sort_unstable_by_key(|field| field.key());
            key.push(b'{');
            for field in fields {
                Value::from(field.key()).write_json(key);
                write_key(field.value(), key);
            }
            key.push(b'}');
        }
        View::Array(items) => {
            key.push(b'[');
            for item in items.iter() {
                write_key(item, key);
                key.push(b',');
            }
            key.push(b']');
        }
        View::Bytes(_) => {
            // Told from the string that JSON makes of them.
            key.push(b'b');
            value.write_json(key);
        }
        _ => value.write_json(key),
    }
}

impl Bucket {
    /// The output of an event.
    fn sort(&mut self, event: &Event<'_>) -> u32 {
        let (meta, now_ns) = (event.meta, event.ingest_ns);
        let Some(name) = meta.get("class").and_then(Value::as_str) else {
            return ERR;
        };
        self.key.clear();
        write_key(meta.get("dimensions").unwrap_or_default(), &mut self.key);
        let known = self.classes.get_mut(name);
        let takes = match known {
            Some(class) => match class.dimensions.get_mut(&*self.key) {
                Some(slices) => Some(slices.takes(now_ns)),
                None => slices(meta, now_ns).map(|new| class.add(&self.key, new, now_ns)),
            },
            None => {
                let mut class = Class::new(meta);
                let takes = slices(meta, now_ns).map(|new| class.add(&self.key, new, now_ns));
                self.classes.put(name.into(), class);
                while self.classes.len() > CLASSES {
                    self.classes.pop_lru();
                }
                takes
            }
        };
        match takes {
            Some(true) => OUT,
            Some(false) => OVERFLOW,
            None => ERR,
        }
    }
}

impl Operator for Bucket {
    type Config = Nothing;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "grouper::bucket",
        summary: "Limits the rate of events by class and dimensions, which their metadata names.",
        example: "{}",
    };

    fn new(_config: Nothing) -> Result<Self> {
        Ok(Bucket {
            classes: LruCache::unbounded(),
            key: Vec::new(),
        })
    }

    fn outputs(&self) -> Vec<String> {
        ["out", "overflow", "err"].map(str::to_owned).to_vec()
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        _arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        out.send(self.sort(&event), event);
        Ok(())
    }
}

register!(operator Bucket);
