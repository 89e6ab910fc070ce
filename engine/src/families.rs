//! The metrics of the engine by name. The names are frozen: dashboards know them.

use crate::metrics::MetricKind::{self, Counter, Gauge, Histogram};

/// Metrics of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricFamily {
    /// The name; it ends with its unit, and with `_total` where it only grows.
    pub name: &'static str,
    /// What its metrics tell.
    pub kind: MetricKind,
    /// What is counted or measured.
    pub unit: &'static str,
    /// The labels that tell its metrics apart.
    pub labels: &'static str,
    /// What it says, in one line.
    pub help: &'static str,
}

const fn family(
    name: &'static str,
    kind: MetricKind,
    unit: &'static str,
    labels: &'static str,
    help: &'static str,
) -> MetricFamily {
    MetricFamily {
        name,
        kind,
        unit,
        labels,
        help,
    }
}

const FLOW: &str = "flow";
const CONNECTOR: &str = "flow, connector, plugin";
const QUEUE: &str = "flow, connector, plugin or flow, pipeline";

/// All metrics of the engine, by name. Those of connectors come beside them, as `temblor_cell_*`.
pub const FAMILIES: &[MetricFamily] = &[
    family(
        "temblor_flow_events_in_total",
        Counter,
        "events",
        FLOW,
        "Events that came in",
    ),
    family(
        "temblor_flow_events_delivered_total",
        Counter,
        "events",
        FLOW,
        "Events that every sink they reached has taken",
    ),
    family(
        "temblor_flow_events_failed_total",
        Counter,
        "events",
        FLOW,
        "Events that failed on one of their ways",
    ),
    family(
        "temblor_flow_events_dropped_total",
        Counter,
        "events",
        "flow, reason",
        "Events that were dropped, by reason",
    ),
    family(
        "temblor_flow_events_in_flight",
        Gauge,
        "events",
        FLOW,
        "Events whose fate is open",
    ),
    family(
        "temblor_flow_state",
        Gauge,
        "1",
        "flow, state",
        "The state that the flow is in",
    ),
    family(
        "temblor_source_events_in_total",
        Counter,
        "events",
        CONNECTOR,
        "Events that came in from this source",
    ),
    family(
        "temblor_source_events_delivered_total",
        Counter,
        "events",
        CONNECTOR,
        "Events of this source that every sink they reached has taken",
    ),
    family(
        "temblor_source_events_failed_total",
        Counter,
        "events",
        CONNECTOR,
        "Events of this source that failed on one of their ways",
    ),
    family(
        "temblor_source_events_dropped_total",
        Counter,
        "events",
        "flow, connector, plugin, reason",
        "Events of this source that were dropped, by reason",
    ),
    family(
        "temblor_source_events_in_flight",
        Gauge,
        "events",
        CONNECTOR,
        "Events of this source whose fate is open",
    ),
    family(
        "temblor_source_batches_total",
        Counter,
        "batches",
        CONNECTOR,
        "Batches that the source handed over",
    ),
    family(
        "temblor_source_bytes_total",
        Counter,
        "bytes",
        CONNECTOR,
        "Bytes that the source handed over, where it hands over bytes",
    ),
    family(
        "temblor_sink_batches_total",
        Counter,
        "batches",
        CONNECTOR,
        "Batches that the sink was given, those given again included",
    ),
    family(
        "temblor_sink_bytes_total",
        Counter,
        "bytes",
        CONNECTOR,
        "Bytes that the sink was given, where it takes bytes",
    ),
    family(
        "temblor_sink_events_delivered_total",
        Counter,
        "events",
        CONNECTOR,
        "Events that the sink delivered",
    ),
    family(
        "temblor_sink_events_failed_total",
        Counter,
        "events",
        CONNECTOR,
        "Events that the sink refused, those given again and refused again included",
    ),
    family(
        "temblor_sink_events_in_flight",
        Gauge,
        "events",
        CONNECTOR,
        "Events that the sink has taken and not told the fate of",
    ),
    family(
        "temblor_sink_breaker_open",
        Gauge,
        "1",
        CONNECTOR,
        "1 while its circuit breaker keeps sources from pulling, else 0",
    ),
    family(
        "temblor_sink_latency_seconds",
        Histogram,
        "seconds",
        CONNECTOR,
        "Time from an event's ingest until the sink had delivered it",
    ),
    family(
        "temblor_queue_batches",
        Gauge,
        "batches",
        QUEUE,
        "Batches that wait for a sink or a pipeline",
    ),
    family(
        "temblor_queue_events",
        Gauge,
        "events",
        QUEUE,
        "Events that wait for a sink or a pipeline",
    ),
    family(
        "temblor_queue_bytes",
        Gauge,
        "bytes",
        QUEUE,
        "Memory that is kept by what waits for a sink or a pipeline",
    ),
    family(
        "temblor_connector_errors_total",
        Counter,
        "events",
        "flow, connector, plugin, stage",
        "Frames that could not be decoded and events that could not be encoded",
    ),
    family(
        "temblor_connector_poll_seconds_total",
        Counter,
        "seconds",
        CONNECTOR,
        "Time spent in the code of the connector",
    ),
    family(
        "temblor_connector_longest_poll_seconds",
        Gauge,
        "seconds",
        CONNECTOR,
        "The longest time that the connector kept a worker",
    ),
    family(
        "temblor_connector_state",
        Gauge,
        "1",
        "flow, connector, plugin, state",
        "The state that the connector is in",
    ),
    family(
        "temblor_connector_paused",
        Gauge,
        "1",
        CONNECTOR,
        "1 while an operator has paused it, else 0",
    ),
    family(
        "temblor_connector_quarantined",
        Gauge,
        "1",
        CONNECTOR,
        "1 while it is left alone because it broke too often, else 0",
    ),
    family(
        "temblor_connector_reconnects_total",
        Counter,
        "connections",
        CONNECTOR,
        "Connections that were made again",
    ),
    family(
        "temblor_connector_restarts_total",
        Counter,
        "restarts",
        CONNECTOR,
        "How often it was made anew, after a panic or a hang",
    ),
    family(
        "temblor_pinned_bytes",
        Gauge,
        "bytes",
        "plugin",
        "Memory of arenas and buffers in use, by the library that made it; without a label, by the program itself",
    ),
    family(
        "temblor_log_records_left_out_total",
        Counter,
        "records",
        "",
        "Log records that were left out because there were too many like them",
    ),
    family(
        "temblor_workers_replaced_total",
        Counter,
        "workers",
        "",
        "Workers that were replaced because a poll kept them",
    ),
    family(
        "temblor_uptime_seconds",
        Gauge,
        "seconds",
        "",
        "Time since the engine was made",
    ),
];
