//! `generic::counter`: numbers events.

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{
    Arena, Event, Field, Operator, OperatorSink, ProcessorInfo, Result, Value, register,
};

/// Nothing that is written here is looked at, so anything can be.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde")]
#[schemars(crate = "temblor_pdk::schemars")]
struct Ignored {}

/// The operator, with the number of events so far.
struct Counter(u64);

impl Operator for Counter {
    type Config = Ignored;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "generic::counter",
        summary: "Numbers events, beginning with 1.",
        example: "{}",
    };

    fn new(_config: Ignored) -> Result<Self> {
        Ok(Counter(0))
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        mut event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        self.0 += 1;
        event.data = arena.object(&[
            Field::new("count", Value::from(self.0)),
            Field::new("event", event.data),
        ]);
        out.send(0, event);
        Ok(())
    }
}

register!(operator Counter);
