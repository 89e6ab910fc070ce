//! How long something took, counted in fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};

const US: u64 = 1_000;
const MS: u64 = 1_000 * US;
const S: u64 = 1_000 * MS;

/// The upper ends of the buckets, in nanoseconds. What takes longer is in the last bucket, which has no end.
const ENDS_NS: [u64; 21] = [
    10 * US,
    25 * US,
    50 * US,
    100 * US,
    250 * US,
    500 * US,
    MS,
    2_500 * US,
    5 * MS,
    10 * MS,
    25 * MS,
    50 * MS,
    100 * MS,
    250 * MS,
    500 * MS,
    S,
    2_500 * MS,
    5 * S,
    10 * S,
    30 * S,
    60 * S,
];

/// Times, counted in buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Histogram {
    /// How many there are in each bucket, the last of which has no upper end.
    pub counts: Vec<u64>,
    /// Their sum, in nanoseconds.
    pub sum_ns: u64,
}

impl Histogram {
    /// The upper end of each bucket in nanoseconds; none for the last.
    #[must_use]
    pub fn ends_ns() -> &'static [u64] {
        &ENDS_NS
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The running counts.
#[derive(Default)]
pub(crate) struct Cells {
    counts: [AtomicU64; ENDS_NS.len() + 1],
    sum_ns: AtomicU64,
}

impl Cells {
    /// Counts `times` times of `took_ns` each.
    pub(crate) fn record(&self, took_ns: u64, times: u64) {
        let bucket = ENDS_NS.partition_point(|&end_ns| end_ns < took_ns);
        self.counts[bucket].fetch_add(times, Ordering::Relaxed);
        let sum_ns = took_ns.saturating_mul(times);
        self.sum_ns.fetch_add(sum_ns, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Histogram {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        Histogram {
            counts: self.counts.iter().map(read).collect(),
            sum_ns: read(&self.sum_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_whose_end_it_does_not_pass() {
        let cells = Cells::default();
        cells.record(0, 1);
        cells.record(10 * US, 2);
        cells.record(10 * US + 1, 3);
        cells.record(60 * S, 4);
        cells.record(61 * S, 5);
        let read = cells.read();
        assert_eq!(read.counts[..2], [3, 3]);
        assert_eq!(read.counts[20..], [4, 5]);
        assert_eq!(read.count(), 15);
        let sum_ns = 50 * US + 3 + 4 * 60 * S + 5 * 61 * S;
        assert_eq!(read.sum_ns, sum_ns);
    }
}
