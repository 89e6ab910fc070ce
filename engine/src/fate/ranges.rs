//! Sets of event numbers.

/// A set of event numbers as ranges, both ends included; mostly filled from below.
#[derive(Default)]
pub(super) struct Ranges(pub(super) Vec<(u32, u32)>);

impl Ranges {
    pub(super) fn insert(&mut self, first: u32, last: u32) {
        match self.0.last_mut() {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => self.0.push((first, last)),
        }
    }

    /// Sorts, and joins what touches or overlaps.
    pub(super) fn normalise(&mut self) {
        self.0.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(self.0.len());
        for &(first, last) in &self.0 {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        self.0 = joined;
    }

    pub(super) fn count(&self) -> u64 {
        let sizes = self
            .0
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1);
        sizes.sum()
    }

    /// The numbers of this set that are in none of `others`; all of them normalised.
    pub(super) fn without(&self, others: &[&Ranges]) -> u64 {
        let mut taken = Ranges::default();
        for other in others {
            taken.0.extend_from_slice(&other.0);
        }
        taken.normalise();
        let overlap = |&(first, last): &(u32, u32)| {
            let within = taken.0.iter().map(|&(from, to)| {
                let (from, to) = (from.max(first), to.min(last));
                u64::from(to.saturating_add(1).saturating_sub(from))
            });
            within.sum::<u64>()
        };
        self.count() - self.0.iter().map(overlap).sum::<u64>()
    }
}
