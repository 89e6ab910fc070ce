//! Sets of event numbers.

/// A set of event numbers as ranges, both ends included; mostly filled from below.
#[derive(Default)]
pub(super) struct Ranges(pub(super) Vec<(u32, u32)>);

impl Ranges {
    pub(super) fn insert(&mut self, first: u32, last: u32) {
        match self.0.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            Some(latest) if *latest == (first, last) => {}
            _ => self.0.push((first, last)),
        }
    }

    /// Sorts, and joins what touches or overlaps.
    pub(super) fn normalise(&mut self) {
        if self.0.len() < 2 {
            return;
        }
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

    /// The numbers that are in both sets, which are normalised.
    pub(super) fn common(&self, other: &Ranges) -> Ranges {
        let mut common = Ranges::default();
        let (mut mine, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(&&(first, last)), Some(&&(from, to))) = (mine.peek(), others.peek()) {
            let (start, end) = (first.max(from), last.min(to));
            if start <= end {
                common.0.push((start, end));
            }
            match last < to {
                true => mine.next(),
                false => others.next(),
            };
        }
        common
    }

    /// The numbers below `end` that are in none of the sets.
    pub(super) fn rest(end: u32, sets: &[&Ranges]) -> Ranges {
        let mut taken = Ranges(sets.iter().flat_map(|set| &set.0).copied().collect());
        taken.normalise();
        let mut rest = Ranges::default();
        let mut next = 0;
        for (first, last) in taken.0 {
            if next < first.min(end) {
                rest.0.push((next, first.min(end) - 1));
            }
            next = last.saturating_add(1);
        }
        if next < end {
            rest.0.push((next, end - 1));
        }
        rest
    }
}

/// For each set, how many of its numbers are in none of those before it. The sets are normalised.
pub(super) fn claims<const N: usize>(sets: [&Ranges; N]) -> [u64; N] {
    let mut claims = [0; N];
    // Mostly one fate is that of all, and nothing has to be compared.
    if sets.iter().filter(|set| !set.0.is_empty()).count() < 2 {
        for (claim, set) in claims.iter_mut().zip(sets) {
            *claim = set.count();
        }
        return claims;
    }
    let mut taken = Ranges::default();
    let mut before = 0;
    for (claim, set) in claims.iter_mut().zip(sets) {
        taken.0.extend_from_slice(&set.0);
        taken.normalise();
        let after = taken.count();
        *claim = after - before;
        before = after;
    }
    claims
}
