//! Metrics: cells that connectors write without a call, what the engine measures itself, and a snapshot of both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use temblor_pdk::CellKind;
use temblor_registry::Registry;

use crate::families::FAMILIES;
use crate::fate::Counts;
use crate::flow::{ConnectorReport, FlowReport};
use crate::histogram::Histogram;
use crate::host::Shared;
use crate::queue::QueueLevel;

/// What a metric of a connector's own belongs to and how it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    flow: String,
    connector: String,
    plugin: Option<String>,
    name: String,
}

/// What a metric tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Times, counted in buckets.
    Histogram,
}

/// The value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// Events, batches, bytes, whatever is counted.
    Count(u64),
    /// Seconds.
    Seconds(f64),
    /// Times.
    Histogram(Histogram),
}

impl MetricValue {
    /// The number, if it counts something.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            MetricValue::Count(count) => Some(*count),
            _ => None,
        }
    }
}

/// A metric as it stood when the snapshot was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The flow that it belongs to; empty where it is of the whole engine.
    pub flow: String,
    /// The connector, by its name in the flow; empty where it is of the flow.
    pub connector: String,
    /// The library that the connector was loaded from, by its file name.
    pub plugin: Option<String>,
    /// The name of the metric: one of [`FAMILIES`], or `temblor_cell_` and the name that a connector gave it.
    pub name: String,
    /// What sets it apart from others of the same name, such as the reason of a drop.
    pub label: Option<(&'static str, String)>,
    /// What it tells.
    pub kind: MetricKind,
    /// Its value.
    pub value: MetricValue,
}

/// The cells that connectors of an engine asked for.
#[derive(Default)]
pub(crate) struct Metrics {
    cells: Mutex<BTreeMap<Key, (CellKind, Arc<AtomicU64>)>>,
}

impl Metrics {
    /// The cell of a metric; the same names give the same cell.
    pub(crate) fn cell(
        &self,
        flow: &str,
        connector: &str,
        plugin: Option<&str>,
        name: &str,
        kind: CellKind,
    ) -> Arc<AtomicU64> {
        let key = Key {
            flow: flow.to_owned(),
            connector: connector.to_owned(),
            plugin: plugin.map(str::to_owned),
            name: name.to_owned(),
        };
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, cell) = cells
            .entry(key)
            .or_insert_with(|| (kind, Arc::new(AtomicU64::new(0))));
        Arc::clone(cell)
    }

    pub(crate) fn snapshot(&self) -> Vec<Metric> {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let metric = |(key, (kind, cell)): (&Key, &(CellKind, Arc<AtomicU64>))| Metric {
            flow: key.flow.clone(),
            connector: key.connector.clone(),
            plugin: key.plugin.clone(),
            name: cell_name(&key.name, *kind),
            label: None,
            kind: match kind {
                CellKind::Counter => MetricKind::Counter,
                CellKind::Gauge => MetricKind::Gauge,
            },
            value: MetricValue::Count(cell.load(Ordering::Relaxed)),
        };
        cells.iter().map(metric).collect()
    }
}

/// The name under which a connector's own metric is shown: letters, digits and underscores.
fn cell_name(name: &str, kind: CellKind) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let name = name.strip_suffix("_total").unwrap_or(&name);
    match kind {
        CellKind::Counter => format!("temblor_cell_{name}_total"),
        CellKind::Gauge => format!("temblor_cell_{name}"),
    }
}

/// The metrics that are of no flow.
pub(crate) fn of_engine(shared: &Shared, registry: &Registry) -> Vec<Metric> {
    let mut all = Collected {
        flow: "",
        connector: "",
        plugin: None,
        metrics: Vec::new(),
    };
    let seconds = shared.started.elapsed().as_secs_f64();
    let uptime = MetricValue::Seconds(seconds);
    all.push("temblor_uptime_seconds", None, uptime);
    let replaced = shared.workers_replaced.load(Ordering::Relaxed);
    all.count("temblor_workers_replaced_total", replaced);
    let left_out = shared.logger.left_out();
    all.count("temblor_log_records_left_out_total", left_out);
    let own = temblor_pdk::value::pinned_bytes();
    all.count("temblor_pinned_bytes", own as u64);
    for (plugin, bytes) in registry.pinned_bytes() {
        all.plugin = Some(plugin);
        all.count("temblor_pinned_bytes", bytes as u64);
    }
    all.metrics
}

/// Collects the metrics of one flow.
struct Collected<'m> {
    flow: &'m str,
    connector: &'m str,
    plugin: Option<&'m str>,
    metrics: Vec<Metric>,
}

/// The metrics of a flow; `pipelines` are those with a queue.
pub(crate) fn of_flow(report: &FlowReport, pipelines: &[(String, QueueLevel)]) -> Vec<Metric> {
    let mut all = Collected {
        flow: &report.name,
        connector: "",
        plugin: None,
        metrics: Vec::new(),
    };
    all.counts("temblor_flow", &report.counts);
    let state = Some(("state", report.state.as_str().to_owned()));
    all.push("temblor_flow_state", state, MetricValue::Count(1));
    for (name, level) in pipelines {
        let label = Some(("pipeline", name.clone()));
        all.queue(*level, &label);
    }
    for connector in &report.connectors {
        all.connector = &connector.name;
        all.plugin = connector.plugin.as_deref();
        all.connector(connector);
    }
    all.metrics
}

impl Collected<'_> {
    fn push(&mut self, name: &str, label: Option<(&'static str, String)>, value: MetricValue) {
        let known = FAMILIES.iter().find(|family| family.name == name);
        self.metrics.push(Metric {
            flow: self.flow.to_owned(),
            connector: self.connector.to_owned(),
            plugin: self.plugin.map(str::to_owned),
            name: name.to_owned(),
            label,
            kind: known.map_or(MetricKind::Gauge, |family| family.kind),
            value,
        });
    }

    fn count(&mut self, name: &str, count: u64) {
        self.push(name, None, MetricValue::Count(count));
    }

    fn seconds(&mut self, name: &str, ns: u64) {
        self.push(name, None, MetricValue::Seconds(ns as f64 / 1e9));
    }

    /// What became of events, which adds up.
    fn counts(&mut self, of: &str, counts: &Counts) {
        self.count(&format!("{of}_events_in_total"), counts.events_in);
        self.count(&format!("{of}_events_delivered_total"), counts.delivered);
        self.count(&format!("{of}_events_failed_total"), counts.failed);
        for (reason, count) in counts.reasons() {
            let label = Some(("reason", reason.replace([' ', '-'], "_")));
            let name = format!("{of}_events_dropped_total");
            self.push(&name, label, MetricValue::Count(count));
        }
        self.count(&format!("{of}_events_in_flight"), counts.in_flight);
    }

    fn queue(&mut self, level: QueueLevel, label: &Option<(&'static str, String)>) {
        for (name, count) in [
            ("temblor_queue_batches", level.batches),
            ("temblor_queue_events", level.events),
            ("temblor_queue_bytes", level.bytes),
        ] {
            self.push(name, label.clone(), MetricValue::Count(count as u64));
        }
    }

    fn connector(&mut self, connector: &ConnectorReport) {
        let numbers = &connector.numbers;
        if let Some(counts) = &connector.source {
            self.counts("temblor_source", counts);
            self.count("temblor_source_batches_total", numbers.batches_in);
            self.count("temblor_source_bytes_total", numbers.bytes_in);
        }
        if let Some(level) = connector.queue {
            self.count("temblor_sink_batches_total", numbers.batches_out);
            self.count("temblor_sink_bytes_total", numbers.bytes_out);
            self.count("temblor_sink_events_delivered_total", numbers.delivered);
            self.count("temblor_sink_events_failed_total", numbers.failed);
            self.count("temblor_sink_events_in_flight", numbers.in_flight);
            let is_open = u64::from(connector.breaker.is_some());
            self.count("temblor_sink_breaker_open", is_open);
            let latency = MetricValue::Histogram(numbers.latency.clone());
            self.push("temblor_sink_latency_seconds", None, latency);
            self.queue(level, &None);
        }
        for (stage, count) in [
            ("decode", numbers.decode_errors),
            ("encode", numbers.encode_errors),
        ] {
            let label = Some(("stage", stage.to_owned()));
            let name = "temblor_connector_errors_total";
            self.push(name, label, MetricValue::Count(count));
        }
        self.seconds("temblor_connector_poll_seconds_total", numbers.poll_ns);
        self.seconds(
            "temblor_connector_longest_poll_seconds",
            numbers.longest_poll_ns,
        );
        for (name, count) in [
            ("paused", u64::from(connector.is_paused)),
            (
                "quarantined",
                u64::from(connector.quarantined_until_ns.is_some()),
            ),
            ("reconnects_total", connector.reconnects),
            ("restarts_total", connector.restarts),
        ] {
            self.count(&format!("temblor_connector_{name}"), count);
        }
        let state = Some(("state", connector.state.as_str().to_owned()));
        self.push("temblor_connector_state", state, MetricValue::Count(1));
    }
}
