//! What an aggregate remembers of the events of a window.

use temblor_pdk::value::{Arena, OwnedValue, Value};

use super::AggregateKind;
use super::distribution::{Dds, Hdr};
use super::number;
use super::spread::Spread;

/// Why a value was not taken in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is no number.
    BadType,
    Failed(String),
}

/// The state of an aggregate.
#[derive(Debug)]
pub(crate) enum Accumulator {
    Count(u64),
    Sum(f64),
    Mean { count: u64, sum: f64 },
    Min(Option<f64>),
    Max(Option<f64>),
    Var(Spread),
    Stdev(Spread),
    Hdr(Box<Hdr>),
    Dds(Box<Dds>),
    First(Option<OwnedValue>),
    Last(Option<OwnedValue>),
    Flattened(Vec<OwnedValue>),
    Nested(Vec<OwnedValue>),
}

impl Accumulator {
    pub(crate) fn new(kind: AggregateKind) -> Self {
        match kind {
            AggregateKind::Count => Accumulator::Count(0),
            AggregateKind::Sum => Accumulator::Sum(0.0),
            AggregateKind::Mean => Accumulator::Mean { count: 0, sum: 0.0 },
            AggregateKind::Min => Accumulator::Min(None),
            AggregateKind::Max => Accumulator::Max(None),
            AggregateKind::Var => Accumulator::Var(Spread::default()),
            AggregateKind::Stdev => Accumulator::Stdev(Spread::default()),
            AggregateKind::Hdr => Accumulator::Hdr(Box::default()),
            AggregateKind::Dds => Accumulator::Dds(Box::default()),
            AggregateKind::First => Accumulator::First(None),
            AggregateKind::Last => Accumulator::Last(None),
            AggregateKind::CollectFlattened => Accumulator::Flattened(Vec::new()),
            AggregateKind::CollectNested => Accumulator::Nested(Vec::new()),
        }
    }

    /// Makes one for a part of a window. There can be many, so it takes little memory as long as it has taken in
    /// little; nobody asks what it comes to, it is only joined with others.
    pub(crate) fn of_pane(kind: AggregateKind) -> Self {
        match kind {
            AggregateKind::Hdr => Accumulator::Hdr(Box::new(Hdr::of_pane())),
            kind => Accumulator::new(kind),
        }
    }

    /// Whether the second argument is still looked at: only that of the first event counts.
    pub(crate) fn wants_percentiles(&self) -> bool {
        match self {
            Accumulator::Hdr(hdr) => hdr.asked.is_open(),
            Accumulator::Dds(dds) => dds.asked.is_open(),
            _ => false,
        }
    }

    /// Takes in the second argument.
    ///
    /// # Errors
    /// Fails if a percentile is no number.
    pub(crate) fn ask(&mut self, percentiles: Option<Value<'_>>) -> Result<(), Refusal> {
        let asked = match self {
            Accumulator::Hdr(hdr) => hdr.asked.ask(percentiles),
            Accumulator::Dds(dds) => dds.asked.ask(percentiles),
            _ => Ok(()),
        };
        asked.map_err(Refusal::Failed)
    }

    /// Takes in the value of an event.
    ///
    /// # Errors
    /// Fails if it has to be a number and is none.
    #[inline]
    pub(crate) fn add(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        match self {
            Accumulator::Count(count) => *count += 1,
            Accumulator::Sum(sum) => *sum += measured(value)?,
            Accumulator::Mean { count, sum } => {
                *sum += measured(value)?;
                *count += 1;
            }
            Accumulator::Min(min) => {
                let number = measured(value)?;
                *min = Some(min.map_or(number, |min| min.min(number)));
            }
            Accumulator::Max(max) => {
                let number = measured(value)?;
                *max = Some(max.map_or(number, |max| max.max(number)));
            }
            Accumulator::Var(spread) | Accumulator::Stdev(spread) => spread.add(measured(value)?),
            Accumulator::Hdr(hdr) => hdr.add(value),
            Accumulator::Dds(dds) => dds.add(value),
            Accumulator::First(Some(_)) => {}
            Accumulator::First(first) => *first = Some(value.to_owned_value()),
            Accumulator::Last(Some(last)) => last.assign(value),
            Accumulator::Last(last) => *last = Some(value.to_owned_value()),
            Accumulator::Flattened(values) | Accumulator::Nested(values) => {
                values.push(value.to_owned_value());
            }
        }
        Ok(())
    }

    /// Takes in what the window before it in a chain has come to, as the language wants it.
    pub(crate) fn merge(&mut self, other: &Accumulator) {
        match (self, other) {
            // An empty minimum stays empty.
            (Accumulator::Min(None), Accumulator::Min(_)) => {}
            (Accumulator::Var(own), Accumulator::Var(other))
            | (Accumulator::Stdev(own), Accumulator::Stdev(other)) => own.merge(other),
            (own, other) => own.nest(other),
        }
    }

    /// Takes in what the window before it in a chain has come to, if this is part of a sliding window.
    pub(crate) fn nest(&mut self, other: &Accumulator) {
        match (self, other) {
            (Accumulator::Nested(own), Accumulator::Nested(other)) => {
                own.push(OwnedValue::Array(other.clone()));
            }
            (own, other) => own.join(other),
        }
    }

    /// Takes in all that another one has taken in after this one.
    pub(crate) fn join(&mut self, other: &Accumulator) {
        match (self, other) {
            (Accumulator::Count(own), Accumulator::Count(other)) => *own += other,
            (Accumulator::Sum(own), Accumulator::Sum(other)) => *own += other,
            (
                Accumulator::Mean { count, sum },
                Accumulator::Mean {
                    count: more,
                    sum: other,
                },
            ) => {
                *count += more;
                *sum += other;
            }
            (Accumulator::Min(own), Accumulator::Min(Some(other))) => {
                *own = Some(own.map_or(*other, |own| own.min(*other)));
            }
            (Accumulator::Max(own), Accumulator::Max(Some(other))) => {
                *own = Some(own.map_or(*other, |own| own.max(*other)));
            }
            (Accumulator::Var(own), Accumulator::Var(other))
            | (Accumulator::Stdev(own), Accumulator::Stdev(other)) => own.join(other),
            (Accumulator::Hdr(own), Accumulator::Hdr(other)) => own.join(other),
            (Accumulator::Dds(own), Accumulator::Dds(other)) => own.join(other),
            (Accumulator::First(own @ None), Accumulator::First(other))
            | (Accumulator::Last(own), Accumulator::Last(other @ Some(_))) => {
                own.clone_from(other);
            }
            (Accumulator::Flattened(own), Accumulator::Flattened(other))
            | (Accumulator::Nested(own), Accumulator::Nested(other)) => {
                own.extend_from_slice(other);
            }
            _ => {}
        }
    }

    /// What it comes to.
    pub(crate) fn result<'a>(&self, arena: &'a Arena) -> Value<'a> {
        match self {
            Accumulator::Count(count) => Value::from(*count),
            Accumulator::Sum(sum) => Value::from(*sum),
            Accumulator::Mean { count: 0, .. } => Value::NULL,
            Accumulator::Mean { count, sum } => Value::from(sum / *count as f64),
            Accumulator::Min(number) | Accumulator::Max(number) => {
                Value::from(number.unwrap_or_default())
            }
            Accumulator::Var(spread) => Value::from(spread.variance()),
            Accumulator::Stdev(spread) => Value::from(spread.variance().sqrt()),
            Accumulator::Hdr(hdr) => hdr.result(arena),
            Accumulator::Dds(dds) => dds.result(arena),
            Accumulator::First(value) | Accumulator::Last(value) => value
                .as_ref()
                .map_or(Value::NULL, |value| arena.value(value)),
            Accumulator::Flattened(values) | Accumulator::Nested(values) => {
                let mut next = values.iter();
                let item = |next: &mut std::slice::Iter<'_, OwnedValue>| {
                    next.next().map_or(Value::NULL, |value| arena.value(value))
                };
                arena.array_of(values.len(), &mut next, item, |_| None)
            }
        }
    }

    /// Forgets everything and keeps the memory where there is some.
    pub(crate) fn clear(&mut self) {
        match self {
            Accumulator::Count(count) => *count = 0,
            Accumulator::Sum(sum) => *sum = 0.0,
            Accumulator::Mean { count, sum } => (*count, *sum) = (0, 0.0),
            Accumulator::Min(number) | Accumulator::Max(number) => *number = None,
            Accumulator::Var(spread) | Accumulator::Stdev(spread) => spread.clear(),
            Accumulator::Hdr(hdr) => hdr.clear(),
            Accumulator::Dds(dds) => dds.clear(),
            Accumulator::First(value) | Accumulator::Last(value) => *value = None,
            Accumulator::Flattened(values) | Accumulator::Nested(values) => values.clear(),
        }
    }
}

fn measured(value: Value<'_>) -> Result<f64, Refusal> {
    number(value).ok_or(Refusal::BadType)
}
