//! What is computed from the measurements; nothing here runs anything.

use serde::{Deserialize, Serialize};

/// What one run measured, as the connector `blackhole` reports it; also medians of such.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) events_per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) p50_ns: f64,
    pub(crate) p90_ns: f64,
    pub(crate) p99_ns: f64,
    pub(crate) p999_ns: f64,
    pub(crate) max_ns: f64,
}

/// How one value relates to another over several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// How one side relates to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Ratios {
    pub(crate) events_per_second: Option<Ratio>,
    pub(crate) p50_ns: Option<Ratio>,
    pub(crate) p90_ns: Option<Ratio>,
    pub(crate) p99_ns: Option<Ratio>,
    pub(crate) p999_ns: Option<Ratio>,
    pub(crate) max_ns: Option<Ratio>,
}

/// Returns the value in the middle, or the mean of the two there; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    match sorted.len() % 2 {
        1 => Some(upper),
        _ => Some((sorted.get(middle - 1)? + upper) / 2.0),
    }
}

/// Returns the medians of every value on its own.
pub(crate) fn medians(samples: &[Sample]) -> Option<Sample> {
    let of = |value: fn(&Sample) -> f64| {
        let values: Vec<f64> = samples.iter().map(value).collect();
        median(&values)
    };
    Some(Sample {
        events_per_second: of(|sample| sample.events_per_second)?,
        bytes_per_second: of(|sample| sample.bytes_per_second)?,
        p50_ns: of(|sample| sample.p50_ns)?,
        p90_ns: of(|sample| sample.p90_ns)?,
        p99_ns: of(|sample| sample.p99_ns)?,
        p999_ns: of(|sample| sample.p999_ns)?,
        max_ns: of(|sample| sample.max_ns)?,
    })
}

/// Compares two sides round by round, since what runs close in time sees the same machine.
pub(crate) fn ratios(of: &[Sample], against: &[Sample]) -> Ratios {
    let pairs = |value: fn(&Sample) -> f64| {
        let pairs = of.iter().zip(against);
        // Where nothing was measured there is nothing to compare with.
        let pairs = pairs.filter(|(_, base)| value(base) > 0.0);
        let all: Vec<f64> = pairs.map(|(one, base)| value(one) / value(base)).collect();
        ratio(&all)
    };
    Ratios {
        events_per_second: pairs(|sample| sample.events_per_second),
        p50_ns: pairs(|sample| sample.p50_ns),
        p90_ns: pairs(|sample| sample.p90_ns),
        p99_ns: pairs(|sample| sample.p99_ns),
        p999_ns: pairs(|sample| sample.p999_ns),
        max_ns: pairs(|sample| sample.max_ns),
    }
}

fn ratio(all: &[f64]) -> Option<Ratio> {
    Some(Ratio {
        median: median(all)?,
        min: all.iter().copied().min_by(f64::total_cmp)?,
        max: all.iter().copied().max_by(f64::total_cmp)?,
    })
}

/// Returns the order in which the sides run in a round: each round starts with the next one, so that no side always
/// runs first.
pub(crate) fn order(sides: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..sides).map(move |place| (place + round) % sides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(events_per_second: f64, p50_ns: f64) -> Sample {
        Sample {
            events_per_second,
            bytes_per_second: 10.0 * events_per_second,
            p50_ns,
            p90_ns: 2.0 * p50_ns,
            p99_ns: 3.0 * p50_ns,
            p999_ns: 0.0,
            max_ns: 5.0 * p50_ns,
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 5.0, 6.0]), Some(5.5));
    }

    #[test]
    fn medians_are_taken_value_by_value() {
        let samples = [sample(1.0, 30.0), sample(3.0, 10.0), sample(2.0, 20.0)];
        assert_eq!(medians(&samples), Some(sample(2.0, 20.0)));
        assert_eq!(medians(&[]), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The second round is slow for both: that must not show.
        let base = [sample(100.0, 10.0), sample(50.0, 20.0), sample(100.0, 10.0)];
        let other = [sample(90.0, 11.0), sample(45.0, 22.0), sample(80.0, 15.0)];
        let ratios = ratios(&other, &base);
        let throughput = Ratio {
            median: 0.9,
            min: 0.8,
            max: 0.9,
        };
        assert_eq!(ratios.events_per_second, Some(throughput));
        let p50 = Ratio {
            median: 1.1,
            min: 1.1,
            max: 1.5,
        };
        assert_eq!(ratios.p50_ns, Some(p50));
        assert_eq!(ratios.p999_ns, None);
    }

    #[test]
    fn every_side_is_first_in_turn() {
        let orders: Vec<Vec<usize>> = (0..4).map(|round| order(3, round).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
    }
}
