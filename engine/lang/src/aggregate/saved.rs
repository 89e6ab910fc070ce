//! What aggregates have come to, written and read again.

use super::accumulator::Accumulator;
use super::distribution::{Dds, Hdr};
use super::percentiles::Asked;
use super::sketch::Sketch;
use super::spread::Spread;
use crate::saved::{Loaded, Reader, Writer};

impl Accumulator {
    /// # Errors
    /// Fails if a value nests too deep.
    pub(crate) fn save(&self, out: &mut Writer) -> Loaded<()> {
        match self {
            Accumulator::Count(count) => out.uint(*count),
            Accumulator::Sum(sum) => out.float(*sum),
            Accumulator::Mean { count, sum } => {
                out.uint(*count);
                out.float(*sum);
            }
            Accumulator::Min(number) | Accumulator::Max(number) => {
                out.maybe(*number, Writer::float)
            }
            Accumulator::Var(spread) | Accumulator::Stdev(spread) => spread.save(out),
            Accumulator::Hdr(hdr) => hdr.save(out),
            Accumulator::Dds(dds) => dds.save(out),
            Accumulator::First(value) | Accumulator::Last(value) => {
                // A list, because the value may be null.
                out.values(value.as_ref().map_or(&[], std::slice::from_ref))?;
            }
            Accumulator::Flattened(values) | Accumulator::Nested(values) => out.values(values)?,
        }
        Ok(())
    }

    /// Becomes what was written of one of its kind.
    ///
    /// # Errors
    /// Fails if that was not it.
    pub(crate) fn load(&mut self, from: &mut Reader<'_>) -> Loaded<()> {
        match self {
            Accumulator::Count(count) => *count = from.count()?,
            Accumulator::Sum(sum) => *sum = from.float()?,
            Accumulator::Mean { count, sum } => {
                *count = from.count()?;
                *sum = from.float()?;
            }
            Accumulator::Min(number) | Accumulator::Max(number) => {
                *number = from.maybe(Reader::float)?;
            }
            Accumulator::Var(spread) | Accumulator::Stdev(spread) => *spread = Spread::load(from)?,
            Accumulator::Hdr(hdr) => hdr.load(from)?,
            Accumulator::Dds(dds) => dds.load(from)?,
            Accumulator::First(value) | Accumulator::Last(value) => {
                let mut values = from.all(Reader::value)?;
                *value = values.pop();
                if !values.is_empty() {
                    return Err("there is more than one value");
                }
            }
            Accumulator::Flattened(values) | Accumulator::Nested(values) => {
                *values = from.all(Reader::value)?;
            }
        }
        Ok(())
    }
}

impl Spread {
    fn save(&self, out: &mut Writer) {
        out.uint(self.count);
        [self.origin, self.sum, self.squares]
            .into_iter()
            .for_each(|number| out.float(number));
    }

    fn load(from: &mut Reader<'_>) -> Loaded<Self> {
        Ok(Spread {
            count: from.count()?,
            origin: from.float()?,
            sum: from.float()?,
            squares: from.float()?,
        })
    }
}

impl Hdr {
    fn save(&self, out: &mut Writer) {
        self.asked.save(out);
        out.list(self.few.len());
        self.few.iter().for_each(|number| out.uint(*number));
        let Some(all) = &self.histogram else {
            return out.list(0);
        };
        out.list(all.iter_recorded().count() * 2);
        for recorded in all.iter_recorded() {
            // The smallest of the numbers that are counted together: the largest may be beyond what there is room for.
            out.uint(all.lowest_equivalent(recorded.value_iterated_to()));
            out.uint(recorded.count_at_value());
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Loaded<()> {
        self.asked = Asked::load(from)?;
        self.few = from.all(Reader::uint)?;
        if self.few.len() > self.room {
            return Err("a part of a window keeps too many numbers");
        }
        let length = from.list()?;
        if !length.is_multiple_of(2) {
            return Err("a number is missing");
        }
        for _ in 0..length / 2 {
            let (number, count) = (from.uint()?, from.count()?);
            let histogram = self.histogram().ok_or("there is no histogram")?;
            let recorded = histogram.record_n(number, count);
            recorded.map_err(|_| "a number is too large")?;
        }
        Ok(())
    }
}

impl Dds {
    fn save(&self, out: &mut Writer) {
        self.asked.save(out);
        self.sketch.save(out);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Loaded<()> {
        self.asked = Asked::load(from)?;
        self.sketch = Sketch::load(from)?;
        Ok(())
    }
}
