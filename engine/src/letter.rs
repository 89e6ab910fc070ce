//! Records of events that failed, for ports `err`, and what becomes of the events that a connector refuses.

use std::fmt::Display;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use temblor_pdk::{Arena, Batch, Event, EventId, Field, Value};

use crate::parcel::{NO_PULL, Parcel, Tickets};
use crate::secret::Secrets;

/// Where on its way an event failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A source's bytes could not be read.
    Decode,
    /// A script or an expression of a query failed.
    Script,
    /// An operator could not take it.
    Operator,
    /// It could not be turned into bytes.
    Encode,
    /// A sink refused it.
    Write,
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Script => "script",
            Stage::Operator => "operator",
            Stage::Encode => "encode",
            Stage::Write => "write",
        }
    }
}

/// What becomes of events that a connector refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// They fail; a record goes to the port `err` where it is connected.
    #[default]
    Fail,
    /// They are dropped, and acked; a record goes to the port `err` where it is connected.
    Drop,
    /// The record takes their place: its fate is theirs.
    DeadLetter,
}

/// Makes the records of one connector or pipeline.
#[derive(Clone)]
pub(crate) struct Letters {
    flow: Arc<str>,
    /// `connector` or `pipeline`.
    what: &'static str,
    name: Arc<str>,
    /// What their errors do not show.
    secrets: Secrets,
}

/// Why an event failed, and where.
#[derive(Clone, Copy)]
pub(crate) struct Reason<'t> {
    pub(crate) stage: Stage,
    pub(crate) error: &'t str,
    /// The name of the source that the event came from.
    pub(crate) source: Option<&'t str>,
    /// Where in its stream the event began, in bytes, as far as that is known.
    pub(crate) offset: Option<u64>,
}

impl Letters {
    pub(crate) fn of_connector(flow: &str, name: &str, secrets: &Secrets) -> Self {
        Letters {
            secrets: secrets.clone(),
            ..Letters::new(flow, "connector", name)
        }
    }

    pub(crate) fn of_pipeline(flow: &str, name: &str) -> Self {
        Letters::new(flow, "pipeline", name)
    }

    fn new(flow: &str, what: &'static str, name: &str) -> Self {
        Letters {
            flow: flow.into(),
            what,
            name: name.into(),
            secrets: Secrets::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The record of an event that failed. It has the event's id, so that it can have its fate.
    pub(crate) fn record<'a>(
        &self,
        reason: Reason<'_>,
        event: Event<'a>,
        arena: &'a Arena,
    ) -> Event<'a> {
        let text = |text: &str| Value::from(arena.str(text));
        let error = self.secrets.mask(reason.error.trim_end());
        let mut fields = vec![
            Field::new("error", text(&error)),
            Field::new("stage", Value::from(reason.stage.as_str())),
            Field::new("flow", text(&self.flow)),
            Field::new(self.what, text(&self.name)),
            Field::new("source", reason.source.map_or(Value::NULL, text)),
            Field::new("id", id(&event, arena)),
        ];
        let offset = reason.offset.map(Value::from);
        fields.extend(offset.map(|offset| Field::new("offset", offset)));
        fields.extend([
            Field::new("data", readable(event.data, arena)),
            Field::new("meta", event.meta),
            Field::new("ingest_ns", Value::from(event.ingest_ns)),
        ]);
        let data = arena.object(&fields);
        let meta = Value::NULL;
        Event {
            data,
            meta,
            ..event
        }
        .with_batch(false)
    }

    /// The records of those events of a parcel that failed, by their places, each with its reason.
    pub(crate) fn records<E: Display>(
        &self,
        stage: impl Fn(&E) -> Stage,
        parcel: &Parcel,
        failures: &[(usize, E)],
    ) -> Batch {
        let tickets = &parcel.tickets;
        parcel.batch.derive(|events, arena, out| {
            for (at, error) in failures {
                let Some(event) = events.get(*at) else {
                    continue;
                };
                let reason = Reason {
                    stage: stage(error),
                    error: &error.to_string(),
                    source: tickets.source(event.id.source),
                    offset: None,
                };
                out.push(self.record(reason, *event, arena));
            }
        })
    }

    /// What a program sent to the port `err` of its pipeline. `{"error": …, "event": …}`, as scripts and operators say
    /// that they failed, gets the fields of a record; what looks otherwise stays as it is.
    pub(crate) fn of_program(&self, parcel: Parcel) -> Parcel {
        let tickets = parcel.tickets;
        let batch = parcel.batch.derive(|events, arena, out| {
            for event in events {
                let record = self.completed(*event, &tickets, arena);
                out.push(record.unwrap_or(*event));
            }
        });
        Parcel { batch, tickets }
    }

    fn completed<'a>(
        &self,
        event: Event<'a>,
        tickets: &Tickets,
        arena: &'a Arena,
    ) -> Option<Event<'a>> {
        let sent = event.data.as_object().filter(|sent| sent.len() == 2)?;
        let (error, data) = (sent.get("error")?, sent.get("event")?);
        let reason = Reason {
            stage: Stage::Script,
            error: error.as_str()?,
            source: tickets.source(event.id.source),
            offset: None,
        };
        let record = self.record(reason, Event { data, ..event }, arena);
        // The error stands there word for word, as the language says.
        let mut fields = sent.fields().to_vec();
        let added = record.data.as_object()?.fields().iter();
        fields.extend(added.filter(|field| field.key() != "error"));
        Some(Event {
            data: arena.object(&fields),
            meta: event.meta,
            ..record
        })
    }

    /// Says what became of events that could not be taken, to those that hold their tickets. Returns the parcel of
    /// records for its port `err`, if there is one to be sent; `is_read` says whether that port is connected.
    pub(crate) fn refused<E: Display>(
        &self,
        stage: impl Fn(&E) -> Stage,
        parcel: &Parcel,
        failures: &[(usize, E)],
        policy: OnFailure,
        is_read: bool,
    ) -> Option<Parcel> {
        let events = parcel.batch.events();
        let failed = failures.iter().filter_map(|(at, _)| events.get(*at));
        policy.tell(&parcel.tickets, failed.map(|event| &event.id));
        if failures.is_empty() || !is_read {
            return None;
        }
        policy.parcel(self.records(stage, parcel, failures), &parcel.tickets)
    }
}

impl OnFailure {
    /// Says what became of refused events.
    pub(crate) fn tell<'a>(self, tickets: &Tickets, ids: impl Iterator<Item = &'a EventId>) {
        match self {
            OnFailure::Fail => ids.for_each(|id| tickets.failed(id)),
            OnFailure::Drop => ids.for_each(|id| tickets.refused(id)),
            OnFailure::DeadLetter => ids.for_each(|id| tickets.dead_lettered(id)),
        }
    }

    /// A parcel of the records of such events: it holds their tickets where it takes their place.
    pub(crate) fn parcel(self, records: Batch, tickets: &Tickets) -> Option<Parcel> {
        if records.is_empty() {
            return None;
        }
        let tickets = match self {
            OnFailure::DeadLetter => tickets.clone(),
            OnFailure::Fail | OnFailure::Drop => Tickets::of_nobody(records.len() as u32),
        };
        Some(Parcel {
            batch: records,
            tickets,
        })
    }
}

fn id<'a>(event: &Event<'_>, arena: &'a Arena) -> Value<'a> {
    let pull = match event.id.pull {
        NO_PULL => Value::NULL,
        pull => Value::from(pull),
    };
    arena.object(&[
        Field::new("lane", Value::from(u64::from(event.id.lane))),
        Field::new("stream", Value::from(event.id.stream)),
        Field::new("pull", pull),
        Field::new("event", Value::from(u64::from(event.id.event))),
    ])
}

/// Bytes in a form that JSON has: text, or `{"base64": …}` where they are no text. Any other value as it is.
fn readable<'a>(data: Value<'a>, arena: &'a Arena) -> Value<'a> {
    match data
        .as_bytes()
        .map(|bytes| (bytes, std::str::from_utf8(bytes)))
    {
        None => data,
        Some((_, Ok(text))) => Value::from(text),
        Some((bytes, Err(_))) => {
            let text = arena.str(&STANDARD.encode(bytes));
            arena.object(&[Field::new("base64", Value::from(text))])
        }
    }
}
