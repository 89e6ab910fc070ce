//! Metrics as the text that Prometheus reads, written by the crate `prometheus-client`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode as write;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use temblor::{FAMILIES, Histogram, Metric, MetricKind, MetricValue};

/// The format, which Prometheus has read since version 2.5.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes metrics: those of the engine in their order, then those of connectors by name.
pub(super) fn encode(metrics: Vec<Metric>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot(metrics)));
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Snapshot(Vec<Metric>);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut by_name: BTreeMap<&str, Vec<&Metric>> = BTreeMap::new();
        for metric in &self.0 {
            by_name.entry(&metric.name).or_default().push(metric);
        }
        for family in FAMILIES {
            let metrics = by_name.remove(family.name).unwrap_or_default();
            put(
                &mut encoder,
                family.name,
                family.help,
                family.kind,
                &metrics,
            )?;
        }
        let mut names = BTreeSet::new();
        for (name, metrics) in by_name {
            let Some(first) = metrics.first() else {
                continue;
            };
            // A counter and a gauge of one name would make all of it unreadable.
            if names.insert(base(name)) {
                let help = "A metric that the connector keeps itself";
                put(&mut encoder, name, help, first.kind, &metrics)?;
            }
        }
        Ok(())
    }
}

/// The name without what the encoder adds to counters.
fn base(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

fn put(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricKind,
    metrics: &[&Metric],
) -> fmt::Result {
    let (name, kind) = match kind {
        MetricKind::Counter => (base(name), MetricType::Counter),
        MetricKind::Gauge => (name, MetricType::Gauge),
        MetricKind::Histogram => (name, MetricType::Histogram),
    };
    let mut encoder = encoder.encode_descriptor(name, help, None, kind)?;
    for metric in metrics {
        let labels = labels(metric);
        match labels.is_empty() {
            true => value(&mut encoder, metric)?,
            false => value(&mut encoder.encode_family(&labels)?, metric)?,
        }
    }
    Ok(())
}

fn labels(metric: &Metric) -> Vec<(&str, &str)> {
    let all = [
        ("flow", metric.flow.as_str()),
        ("connector", &metric.connector),
        ("plugin", metric.plugin.as_deref().unwrap_or_default()),
    ];
    let mut labels: Vec<_> = all.into_iter().filter(|(_, of)| !of.is_empty()).collect();
    labels.extend(metric.label.as_ref().map(|(name, of)| (*name, of.as_str())));
    labels
}

fn value(encoder: &mut MetricEncoder<'_>, metric: &Metric) -> fmt::Result {
    match (&metric.value, metric.kind) {
        (MetricValue::Count(count), MetricKind::Counter) => counter(encoder, count),
        (MetricValue::Seconds(seconds), MetricKind::Counter) => counter(encoder, seconds),
        (MetricValue::Count(count), _) => encoder.encode_gauge(count),
        (MetricValue::Seconds(seconds), _) => encoder.encode_gauge(seconds),
        (MetricValue::Histogram(histogram), _) => times(encoder, histogram),
    }
}

fn counter(
    encoder: &mut MetricEncoder<'_>,
    value: &impl prometheus_client::encoding::EncodeCounterValue,
) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, _, f64>(value, None)
}

fn times(encoder: &mut MetricEncoder<'_>, histogram: &Histogram) -> fmt::Result {
    let ends = Histogram::ends_ns().iter().map(|&end_ns| seconds(end_ns));
    let buckets: Vec<(f64, u64)> = ends
        .chain([f64::INFINITY])
        .zip(histogram.counts.iter().copied())
        .collect();
    let sum = seconds(histogram.sum_ns);
    encoder.encode_histogram::<NoLabelSet>(sum, histogram.count(), &buckets, None)
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
