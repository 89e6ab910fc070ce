//! Variance and standard deviation.

/// Sums of the distances from the first number, which keeps them small.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    pub(super) count: u64,
    pub(super) origin: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Spread {
    pub(super) fn add(&mut self, number: f64) {
        if self.count == 0 {
            self.origin = number;
        }
        let distance = number - self.origin;
        self.count += 1;
        self.sum += distance;
        self.squares += distance * distance;
    }

    /// The sample variance. That of a single number is not a number.
    pub(super) fn variance(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let count = self.count as f64;
        (self.squares - self.sum * self.sum / count) / (count - 1.0)
    }

    /// Adds the sums of another one as they are, as the language wants it, although their origins differ.
    pub(super) fn merge(&mut self, other: &Spread) {
        if self.count == 0 {
            self.origin = other.origin;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Adds what another one has seen.
    pub(super) fn join(&mut self, other: &Spread) {
        if self.count == 0 {
            self.origin = other.origin;
        }
        let shift = other.origin - self.origin;
        let count = other.count as f64;
        self.count += other.count;
        self.sum += other.sum + count * shift;
        self.squares += other.squares + 2.0 * shift * other.sum + count * shift * shift;
    }

    pub(super) fn clear(&mut self) {
        *self = Spread::default();
    }
}
