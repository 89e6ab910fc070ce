//! The report as text and as JSON.

use std::fmt::Write;

use temblor_pdk::serde_json::json;

use crate::measure::Measurement;

/// Percentiles of the report: the key in JSON, the name in text, the share.
const PERCENTILES: [(&str, &str, f64); 5] = [
    ("p50_ns", "p50", 0.5),
    ("p90_ns", "p90", 0.9),
    ("p99_ns", "p99", 0.99),
    ("p999_ns", "p99.9", 0.999),
    ("p9999_ns", "p99.99", 0.9999),
];

/// One line of JSON.
pub(crate) fn json(measured: &Measurement) -> String {
    let latencies = measured.latencies();
    let mut report = json!({
        "events": measured.events(),
        "bytes": measured.bytes(),
        "seconds": measured.seconds(),
        "events_per_second": measured.per_second(measured.events()),
        "bytes_per_second": measured.per_second(measured.bytes()),
        "min_ns": latencies.min(),
        "max_ns": latencies.max(),
        "mean_ns": latencies.mean(),
    });
    for (key, _, share) in PERCENTILES {
        report[key] = latencies.value_at_quantile(share).into();
    }
    format!("{report}\n")
}

/// Lines to be read.
pub(crate) fn text(alias: &str, measured: &Measurement) -> String {
    let mut lines = format!("{alias}: ");
    // Writing to a string cannot fail.
    let _ = write_text(&mut lines, measured);
    lines
}

fn write_text(out: &mut String, measured: &Measurement) -> std::fmt::Result {
    let (events, bytes) = (measured.events(), measured.bytes());
    if events == 0 {
        return writeln!(out, "no event arrived after the warm-up");
    }
    writeln!(
        out,
        "{events} events, {bytes} bytes in {:.3} s",
        measured.seconds()
    )?;
    let megabytes = measured.per_second(bytes) / 1e6;
    let per_second = measured.per_second(events);
    writeln!(
        out,
        "  throughput  {per_second:.0} events/s, {megabytes:.3} MB/s"
    )?;
    let latencies = measured.latencies();
    writeln!(out, "  latency     min     {:>14} ns", latencies.min())?;
    for (_, name, share) in PERCENTILES {
        let value = latencies.value_at_quantile(share);
        writeln!(out, "              {name:<7} {value:>14} ns")?;
    }
    writeln!(out, "              max     {:>14} ns", latencies.max())?;
    writeln!(out, "              mean    {:>14.0} ns", latencies.mean())?;
    writeln!(out, "              stddev  {:>14.0} ns", latencies.stdev())
}
