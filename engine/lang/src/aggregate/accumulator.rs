//! What an aggregate remembers of the events of a window.

use hdrhistogram::Histogram;
use temblor_pdk::value::{Arena, Field, OwnedValue, Value, View};

use super::AggregateKind;
use super::percentiles::Percentiles;
use super::sketch::Sketch;
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

/// The state of `hdr`.
#[derive(Debug, Default)]
pub(crate) struct Hdr {
    histogram: Option<Histogram<u64>>,
    percentiles: Option<Percentiles>,
}

/// The state of `dds`.
#[derive(Debug, Default)]
pub(crate) struct Dds {
    sketch: Sketch,
    percentiles: Option<Percentiles>,
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

    /// Whether the second argument is still looked at: only that of the first event counts.
    pub(crate) fn wants_percentiles(&self) -> bool {
        match self {
            Accumulator::Hdr(hdr) => hdr.percentiles.is_none(),
            Accumulator::Dds(dds) => dds.percentiles.is_none(),
            _ => false,
        }
    }

    /// Takes in the second argument.
    ///
    /// # Errors
    /// Fails if a percentile is no number.
    pub(crate) fn ask(&mut self, percentiles: Option<Value<'_>>) -> Result<(), Refusal> {
        let read = Percentiles::read(percentiles).map_err(Refusal::Failed)?;
        match self {
            Accumulator::Hdr(hdr) => hdr.percentiles = Some(read),
            Accumulator::Dds(dds) => dds.percentiles = Some(read),
            _ => {}
        }
        Ok(())
    }

    /// Takes in the value of an event.
    ///
    /// # Errors
    /// Fails if it has to be a number and is none.
    #[inline]
    pub(crate) fn add(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        match self {
            Accumulator::Count(count) => *count += 1,
            Accumulator::Sum(sum) => *sum += number(value)?,
            Accumulator::Mean { count, sum } => {
                *sum += number(value)?;
                *count += 1;
            }
            Accumulator::Min(min) => {
                let number = number(value)?;
                *min = Some(min.map_or(number, |min| min.min(number)));
            }
            Accumulator::Max(max) => {
                let number = number(value)?;
                *max = Some(max.map_or(number, |max| max.max(number)));
            }
            Accumulator::Var(spread) | Accumulator::Stdev(spread) => spread.add(number(value)?),
            Accumulator::Hdr(hdr) => hdr.add(value),
            Accumulator::Dds(dds) => {
                if let Ok(number) = number(value)
                    && number >= 0.0
                    && number.is_finite()
                {
                    dds.sketch.add(number);
                }
            }
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
            Accumulator::Hdr(hdr) => {
                hdr.percentiles = None;
                if let Some(histogram) = &mut hdr.histogram {
                    histogram.reset();
                }
            }
            Accumulator::Dds(dds) => {
                dds.percentiles = None;
                dds.sketch.clear();
            }
            Accumulator::First(value) | Accumulator::Last(value) => *value = None,
            Accumulator::Flattened(values) | Accumulator::Nested(values) => values.clear(),
        }
    }
}

fn number(value: Value<'_>) -> Result<f64, Refusal> {
    match value.view() {
        View::I64(number) => Ok(number as f64),
        View::U64(number) => Ok(number as f64),
        View::F64(number) => Ok(number),
        _ => Err(Refusal::BadType),
    }
}

impl Hdr {
    fn add(&mut self, value: Value<'_>) {
        let number = match value.view() {
            View::I64(number) => u64::try_from(number).ok(),
            View::U64(number) => Some(number),
            View::F64(number) if number >= 0.0 => Some(number as u64),
            _ => None,
        };
        if let (Some(number), Some(histogram)) = (number, self.histogram()) {
            // It grows as needed; a number for which it cannot is counted as the largest.
            histogram.saturating_record(number);
        }
    }

    /// The histogram, of two significant digits.
    fn histogram(&mut self) -> Option<&mut Histogram<u64>> {
        if self.histogram.is_none() {
            let mut histogram = Histogram::new(2).ok()?;
            histogram.auto(true);
            self.histogram = Some(histogram);
        }
        self.histogram.as_mut()
    }

    fn join(&mut self, other: &Hdr) {
        if let (Some(theirs), Some(own)) = (&other.histogram, self.histogram()) {
            // Adding fails only for numbers that do not fit, and it grows.
            let _ = own.add(theirs);
        }
        if let (None, Some(percentiles)) = (&self.percentiles, &other.percentiles) {
            self.percentiles = Some(percentiles.clone());
        }
    }

    fn result<'a>(&self, arena: &'a Arena) -> Value<'a> {
        let histogram = self.histogram.as_ref().filter(|all| !all.is_empty());
        let whole = |get: fn(&Histogram<u64>) -> u64| Value::from(histogram.map_or(0, get));
        let float = |get: fn(&Histogram<u64>) -> f64| histogram.map_or(0.0, get);
        let stdev = float(Histogram::stdev);
        let quantile = |at: f64| Value::from(histogram.map_or(0, |all| all.value_at_quantile(at)));
        arena.object(&[
            Field::new("count", whole(Histogram::len)),
            Field::new("min", whole(Histogram::min)),
            Field::new("max", whole(Histogram::max)),
            Field::new("mean", Value::from(float(Histogram::mean))),
            Field::new("stdev", Value::from(stdev)),
            Field::new("var", Value::from(stdev * stdev)),
            Field::new("percentiles", record(&self.percentiles, arena, quantile)),
        ])
    }
}

impl Dds {
    fn join(&mut self, other: &Dds) {
        self.sketch.merge(&other.sketch);
        if let (None, Some(percentiles)) = (&self.percentiles, &other.percentiles) {
            self.percentiles = Some(percentiles.clone());
        }
    }

    fn result<'a>(&self, arena: &'a Arena) -> Value<'a> {
        let sketch = &self.sketch;
        let quantile = |at: f64| Value::from((sketch.quantile(at) * 10.0).ceil() / 10.0);
        arena.object(&[
            Field::new("count", Value::from(sketch.count)),
            Field::new("sum", Value::from(sketch.sum)),
            Field::new("min", Value::from(sketch.min)),
            Field::new("max", Value::from(sketch.max)),
            Field::new("mean", Value::from(sketch.mean())),
            Field::new("percentiles", record(&self.percentiles, arena, quantile)),
        ])
    }
}

fn record<'a>(
    percentiles: &Option<Percentiles>,
    arena: &'a Arena,
    quantile: impl Fn(f64) -> Value<'a>,
) -> Value<'a> {
    match percentiles {
        Some(percentiles) => percentiles.record(arena, quantile),
        None => match Percentiles::read(None) {
            Ok(usual) => usual.record(arena, quantile),
            Err(_) => Value::NULL,
        },
    }
}
