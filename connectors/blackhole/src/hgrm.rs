//! The percentile distribution as text, in the format of HdrHistogram's `outputPercentileDistribution`.
//!
//! The format is the one that the Java HdrHistogram library writes and its plotter reads: a heading, one line for
//! each step (value, share, events up to there, `1 / (1 - share)`), the last line without the fourth column, and
//! three lines that begin with `#[`. Values are nanoseconds.

use std::fmt::Write;

use hdrhistogram::Histogram;

/// Steps for each halving of the distance to 100 %; the number that HdrHistogram's own tools use.
const STEPS_PER_HALVING: u32 = 5;
/// Slots a bucket has where three significant digits are kept: the power of two above 2 × 10³.
const SUB_BUCKETS: u32 = 2048;

/// The distribution of `latencies`.
pub(crate) fn text(latencies: &Histogram<u64>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, latencies);
    out
}

fn write(out: &mut String, latencies: &Histogram<u64>) -> std::fmt::Result {
    let (value, share) = ("Value", "Percentile");
    writeln!(
        out,
        "{value:>12} {share:>14} {:>10} {:>14}\n",
        "TotalCount", "1/(1-Percentile)"
    )?;
    let mut total = 0;
    for step in latencies.iter_quantiles(STEPS_PER_HALVING) {
        total += step.count_since_last_iteration();
        let (value, share) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
        write!(out, "{value:>12.3} {share:>14.12} {total:>10}")?;
        match share < 1.0 {
            true => writeln!(out, " {:>14.2}", 1.0 / (1.0 - share))?,
            false => writeln!(out)?,
        }
    }
    let (mean, deviation) = (latencies.mean(), latencies.stdev());
    writeln!(
        out,
        "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]"
    )?;
    let (max, count) = (latencies.max() as f64, latencies.len());
    writeln!(
        out,
        "#[Max     = {max:>12.3}, Total count    = {count:>12}]"
    )?;
    writeln!(
        out,
        "#[Buckets = {:>12}, SubBuckets     = {SUB_BUCKETS:>12}]",
        latencies.buckets()
    )
}
