//! Metrics: cells that connectors and the engine write without a call, and a snapshot of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use temblor_pdk::CellKind;

/// What a metric belongs to and how it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    flow: String,
    connector: String,
    plugin: Option<String>,
    name: String,
}

/// A metric as it stood when the snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The flow that the connector runs in.
    pub flow: String,
    /// The connector, by its name in the flow.
    pub connector: String,
    /// The library that the connector was loaded from, by its file name.
    pub plugin: Option<String>,
    /// The name of the metric.
    pub name: String,
    /// Whether it only grows.
    pub kind: CellKind,
    /// Its value.
    pub value: u64,
}

/// All metrics of an engine.
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
            name: key.name.clone(),
            kind: *kind,
            value: cell.load(Ordering::Relaxed),
        };
        cells.iter().map(metric).collect()
    }
}
