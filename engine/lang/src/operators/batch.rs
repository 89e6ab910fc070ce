//! `generic::batch`: makes one event of many.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, BatchBuilder, Error, Event, Field, Operator, OperatorSink, ProcessorInfo, Result, Value,
    register,
};

/// When a batch is full.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    /// The number of events in a batch.
    count: u64,
    /// How many nanoseconds a batch waits for events after its first one; it waits for ever if this is not set.
    timeout: Option<u64>,
}

/// The operator, with copies of the events since the last batch.
struct Batch {
    config: Config,
    kept: BatchBuilder,
    first_ns: u64,
}

impl Batch {
    fn is_late(&self, now_ns: u64) -> bool {
        let age = now_ns.saturating_sub(self.first_ns);
        !self.kept.is_empty() && self.config.timeout.is_some_and(|timeout| age > timeout)
    }

    /// Sends what is kept, with the id and the time of the first event.
    fn emit<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) {
        let kept = std::mem::take(&mut self.kept).seal();
        let Some(first) = kept.events().first() else {
            return;
        };
        let next = |rest: &mut std::slice::Iter<'_, Event<'_>>| {
            rest.next().map_or(Value::NULL, |event| item(event, arena))
        };
        let mut rest = kept.events().iter();
        let event = Event {
            data: arena.array_of(kept.len(), &mut rest, next, |_| None),
            meta: Value::NULL,
            id: first.id,
            ingest_ns: first.ingest_ns,
        };
        out.send(0, event.with_batch(true));
    }
}

/// An event as it stands in a batch; see [`Event::is_batch`].
fn item<'a>(event: &Event<'_>, arena: &'a Arena) -> Value<'a> {
    let meta = match event.meta.as_object() {
        Some(_) => arena.copy(event.meta),
        None => arena.object(&[]),
    };
    let data = arena.object(&[
        Field::new("value", arena.copy(event.data)),
        Field::new("meta", meta),
        Field::new("ingest_ns", Value::from(event.ingest_ns)),
        Field::new("kind", Value::NULL),
        Field::new("is_batch", Value::from(event.is_batch())),
    ]);
    arena.object(&[Field::new("data", data)])
}

impl Operator for Batch {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "generic::batch",
        summary: "Makes one event of many, by their number and by time.",
        example: r#"{"count": 100, "timeout": 1000000000}"#,
    };

    fn new(config: Config) -> Result<Self> {
        if config.count == 0 {
            let message =
                "`count` is 0, and a batch of no events is never full\nhelp: use 1 or more";
            return Err(Error::config(message));
        }
        Ok(Batch {
            config,
            kept: BatchBuilder::new(),
            first_ns: 0,
        })
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        if self.kept.is_empty() {
            self.first_ns = event.ingest_ns;
        }
        self.kept.push(|own| Event {
            data: own.copy(event.data),
            meta: own.copy(event.meta),
            id: event.id,
            ingest_ns: event.ingest_ns,
        });
        if self.kept.len() as u64 >= self.config.count || self.is_late(event.ingest_ns) {
            self.emit(arena, out);
        }
        Ok(())
    }

    fn on_tick<'a>(
        &mut self,
        now_ns: u64,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        if self.is_late(now_ns) {
            self.emit(arena, out);
        }
        Ok(())
    }

    fn finish<'a>(&mut self, arena: &'a Arena, out: &mut OperatorSink<'_, 'a>) -> Result<()> {
        self.emit(arena, out);
        Ok(())
    }

    fn held(&self) -> usize {
        self.kept.len()
    }
}

register!(operator Batch);
