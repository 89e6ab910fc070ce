//! `dds`: a sketch of a distribution whose percentiles are right within one per cent, after the paper "DDSketch: a
//! fast and fully-mergeable quantile sketch with relative-error guarantees".

use crate::saved::{Loaded, MAX_COUNT, Reader, Writer};

/// By how much a percentile may be wrong.
const ACCURACY: f64 = 0.01;
/// Numbers below this one count as zero.
const SMALLEST: f64 = 1e-9;
/// How many bins there are at most; beyond that the smallest numbers share one.
const MAX_BINS: usize = 2048;

/// How many numbers there were, by the logarithm of their size.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    pub(super) count: u64,
    zeros: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// The key of the first bin.
    first: i32,
    bins: Vec<u64>,
}
/// No finite number has a key beyond this one.
const MAX_KEY: f64 = 100_000.0;

fn growth() -> f64 {
    (2.0 * ACCURACY / (1.0 - ACCURACY)).ln_1p()
}

impl Sketch {
    /// Counts a number that is not negative.
    pub(super) fn add(&mut self, number: f64) {
        self.note(number, number);
        self.count += 1;
        self.sum += number;
        if number < SMALLEST {
            self.zeros += 1;
        } else {
            self.add_to_bin((number.ln() / growth()).ceil() as i32, 1);
        }
    }

    fn note(&mut self, min: f64, max: f64) {
        if self.count == 0 {
            (self.min, self.max) = (min, max);
        } else {
            self.min = self.min.min(min);
            self.max = self.max.max(max);
        }
    }

    fn add_to_bin(&mut self, key: i32, count: u64) {
        if self.bins.is_empty() {
            self.first = key;
        }
        if key < self.first {
            let room = MAX_BINS.saturating_sub(self.bins.len());
            let more = (self.first.abs_diff(key) as usize).min(room);
            self.bins.splice(0..0, std::iter::repeat_n(0, more));
            self.first -= more as i32;
        }
        let place = i64::from(key) - i64::from(self.first);
        let mut place = usize::try_from(place).unwrap_or(0);
        if place >= MAX_BINS {
            let surplus = place + 1 - MAX_BINS;
            let gone = surplus.min(self.bins.len());
            let merged: u64 = self.bins.drain(..gone).sum();
            self.first += surplus as i32;
            place = MAX_BINS - 1;
            match self.bins.first_mut() {
                Some(first) => *first += merged,
                None => self.bins.push(merged),
            }
        }
        if place >= self.bins.len() {
            self.bins.resize(place + 1, 0);
        }
        if let Some(bin) = self.bins.get_mut(place) {
            *bin += count;
        }
    }

    pub(super) fn merge(&mut self, other: &Sketch) {
        if other.count == 0 {
            return;
        }
        self.note(other.min, other.max);
        self.count += other.count;
        self.sum += other.sum;
        self.zeros += other.zeros;
        for (key, count) in (other.first..).zip(&other.bins) {
            if *count > 0 {
                self.add_to_bin(key, *count);
            }
        }
    }

    pub(super) fn mean(&self) -> f64 {
        match self.count {
            0 => 0.0,
            count => self.sum / count as f64,
        }
    }

    /// The number below which that part of all numbers lies.
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        if quantile <= 0.0 || self.count == 0 {
            return self.min;
        }
        if quantile >= 1.0 {
            return self.max;
        }
        let rank = (quantile * (self.count - 1) as f64) as u64;
        if rank < self.zeros {
            return 0.0;
        }
        let mut seen = self.zeros;
        for (key, count) in (self.first..).zip(&self.bins) {
            seen += count;
            if seen > rank {
                let growth = growth();
                return (f64::from(key) * growth).exp() * 2.0 / (1.0 + growth.exp());
            }
        }
        self.max
    }

    pub(super) fn save(&self, out: &mut Writer) {
        out.uint(self.zeros);
        [self.sum, self.min, self.max]
            .into_iter()
            .for_each(|number| out.float(number));
        out.float(f64::from(self.first));
        out.list(self.bins.len());
        self.bins.iter().for_each(|bin| out.uint(*bin));
    }

    /// # Errors
    /// Fails if it was not a sketch that was written.
    pub(super) fn load(from: &mut Reader<'_>) -> Loaded<Self> {
        let mut sketch = Sketch {
            zeros: from.count()?,
            sum: from.float()?,
            min: from.float()?,
            max: from.float()?,
            ..Sketch::default()
        };
        let first = from.float()?;
        if !(-MAX_KEY..=MAX_KEY).contains(&first) || first.fract() != 0.0 {
            return Err("a sketch begins nowhere");
        }
        sketch.first = first as i32;
        sketch.bins = from.all(Reader::count)?;
        if sketch.bins.len() > MAX_BINS {
            return Err("a sketch has too many bins");
        }
        let count = sketch
            .bins
            .iter()
            .try_fold(sketch.zeros, |all, bin| all.checked_add(*bin));
        let count = count.filter(|count| *count < MAX_COUNT);
        sketch.count = count.ok_or("a count is impossible")?;
        Ok(sketch)
    }

    /// Forgets all numbers and keeps the memory.
    pub(super) fn clear(&mut self) {
        let mut bins = std::mem::take(&mut self.bins);
        bins.clear();
        *self = Sketch {
            bins,
            ..Sketch::default()
        };
    }
}
