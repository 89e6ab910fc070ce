//! `hdr` and `dds`: how numbers are distributed.

use hdrhistogram::Histogram;
use temblor_pdk::value::{Arena, Field, Value, View};

use super::number;
use super::percentiles::Asked;
use super::sketch::Sketch;

/// How many numbers a part of a window keeps before it makes a histogram, which takes some kilobytes.
const FEW: usize = 32;

/// The state of `hdr`.
#[derive(Debug, Default)]
pub(crate) struct Hdr {
    pub(super) histogram: Option<Histogram<u64>>,
    /// Numbers that are not in the histogram.
    pub(super) few: Vec<u64>,
    /// How many of them there can be.
    pub(super) room: usize,
    pub(super) asked: Asked,
}

/// The state of `dds`.
#[derive(Debug, Default)]
pub(crate) struct Dds {
    pub(super) sketch: Sketch,
    pub(super) asked: Asked,
}

impl Hdr {
    /// One that keeps a few numbers as they are, to be joined with others.
    pub(super) fn of_pane() -> Self {
        Hdr {
            room: FEW,
            ..Hdr::default()
        }
    }

    pub(super) fn add(&mut self, value: Value<'_>) {
        let number = match value.view() {
            View::I64(number) => u64::try_from(number).ok(),
            View::U64(number) => Some(number),
            View::F64(number) if number >= 0.0 => Some(number as u64),
            _ => None,
        };
        if let Some(number) = number {
            self.record(number);
        }
    }

    fn record(&mut self, number: u64) {
        if self.few.len() < self.room {
            // All at once, and never again: this memory is used for one part of a window after the other.
            self.few.reserve_exact(self.room - self.few.len());
            self.few.push(number);
        } else if let Some(histogram) = self.histogram() {
            // It grows as needed; a number for which it cannot is counted as the largest.
            histogram.saturating_record(number);
        }
    }

    /// The histogram, of two significant digits.
    pub(super) fn histogram(&mut self) -> Option<&mut Histogram<u64>> {
        if self.histogram.is_none() {
            let mut histogram = Histogram::new(2).ok()?;
            histogram.auto(true);
            self.histogram = Some(histogram);
        }
        self.histogram.as_mut()
    }

    pub(super) fn join(&mut self, other: &Hdr) {
        other.few.iter().for_each(|number| self.record(*number));
        let theirs = other.histogram.as_ref().filter(|all| !all.is_empty());
        if let (Some(theirs), Some(own)) = (theirs, self.histogram()) {
            // Adding fails only for numbers that do not fit, and it grows.
            let _ = own.add(theirs);
        }
        self.asked.join(&other.asked);
    }

    pub(super) fn result<'a>(&self, arena: &'a Arena) -> Value<'a> {
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
            Field::new("percentiles", self.asked.record(arena, quantile)),
        ])
    }

    /// Forgets all numbers and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.few.clear();
        if let Some(histogram) = &mut self.histogram {
            histogram.reset();
        }
    }
}

impl Dds {
    pub(super) fn add(&mut self, value: Value<'_>) {
        if let Some(number) = number(value)
            && number >= 0.0
            && number.is_finite()
        {
            self.sketch.add(number);
        }
    }

    pub(super) fn join(&mut self, other: &Dds) {
        self.sketch.merge(&other.sketch);
        self.asked.join(&other.asked);
    }

    pub(super) fn result<'a>(&self, arena: &'a Arena) -> Value<'a> {
        let sketch = &self.sketch;
        let quantile = |at: f64| Value::from((sketch.quantile(at) * 10.0).ceil() / 10.0);
        arena.object(&[
            Field::new("count", Value::from(sketch.count)),
            Field::new("sum", Value::from(sketch.sum)),
            Field::new("min", Value::from(sketch.min)),
            Field::new("max", Value::from(sketch.max)),
            Field::new("mean", Value::from(sketch.mean())),
            Field::new("percentiles", self.asked.record(arena, quantile)),
        ])
    }

    /// Forgets all numbers and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.sketch.clear();
    }
}
