//! `debug::history`: notes in the metadata which way an event went.

use std::fmt::Write as _;

use temblor_pdk::schemars::JsonSchema;
use temblor_pdk::serde::Deserialize;
use temblor_pdk::{Arena, Event, Operator, OperatorSink, ProcessorInfo, Result, Value, register};

use super::with_field;

/// What to note, and where.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "temblor_pdk::serde", deny_unknown_fields)]
#[schemars(crate = "temblor_pdk::schemars")]
struct Config {
    /// What to note.
    op: String,
    /// The field of the metadata whose array gets the note.
    name: String,
}

/// The operator.
struct History {
    config: Config,
    /// Room for a note.
    note: String,
}

impl Operator for History {
    type Config = Config;

    const INFO: ProcessorInfo = ProcessorInfo {
        name: "debug::history",
        summary: "Notes in the metadata that an event came along.",
        example: r#"{"op": "before the filter", "name": "history"}"#,
    };

    fn new(config: Config) -> Result<Self> {
        let note = String::new();
        Ok(History { config, note })
    }

    fn on_event<'a>(
        &mut self,
        _port: &str,
        mut event: Event<'a>,
        arena: &'a Arena,
        out: &mut OperatorSink<'_, 'a>,
    ) -> Result<()> {
        let (id, op) = (event.id, &self.config.op);
        self.note.clear();
        // Writing into a string cannot fail.
        let _ = write!(
            self.note,
            "evt: {op}({}:{}:{}:{})",
            id.source, id.stream, id.event, id.pull
        );
        let note = Value::from(arena.str(&self.note));
        let before = event.meta.get(&self.config.name).and_then(Value::as_array);
        let before = before.map_or(&[][..], |notes| notes.as_slice());
        let next = |at: &mut usize| {
            *at += 1;
            before.get(*at - 1).copied().unwrap_or(note)
        };
        let notes = arena.array_of(before.len() + 1, &mut 0, next, |_| None);
        let name = arena.str(&self.config.name);
        event.meta = with_field(arena, event.meta, name, notes);
        out.send(0, event);
        Ok(())
    }
}

register!(operator History);
