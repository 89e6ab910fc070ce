//! The host that plugins have before an engine runs them: it takes their records, and nothing else.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use temblor_pdk::abi::{Cancel, HostServices, Interest, Task};
use temblor_pdk::{CellKind, Host};

use super::log::{Log, Record};

/// Makes a host for the records and panic messages of plugins.
///
/// Every connector that is started gets a host of its own from the engine.
pub(crate) fn for_plugins(log: Log) -> Host {
    Host::new(PluginHost {
        log,
        level: Arc::new(AtomicU32::new(log.level() as u32)),
        cells: Mutex::new(Vec::new()),
    })
}

struct PluginHost {
    log: Log,
    level: Arc<AtomicU32>,
    cells: Mutex<Vec<(String, Arc<AtomicU64>)>>,
}

impl HostServices for PluginHost {
    fn log(&self, level: log::Level, target: &str, message: &str) {
        let record = Record {
            connector: None,
            plugin: None,
            target,
            message,
        };
        self.log.write(level, &record);
    }

    fn level(&self) -> Arc<AtomicU32> {
        self.level.clone()
    }

    fn cell(&self, name: &str, _kind: CellKind) -> Arc<AtomicU64> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = cells.iter().find(|(known, _)| known == name) {
            return cell.clone();
        }
        let cell = Arc::new(AtomicU64::new(0));
        cells.push((name.to_owned(), cell.clone()));
        cell
    }

    fn now_ns(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.unwrap_or_default().as_nanos() as u64
    }

    fn is_stopping(&self) -> bool {
        false
    }

    fn timer(&self, _deadline_ns: u64, _task: Task) -> Cancel {
        Cancel::new(())
    }

    fn readiness(&self, _fd: BorrowedFd<'_>, _interest: Interest, _task: Task) -> Cancel {
        Cancel::new(())
    }

    fn blocking(&self, _task: Task) {}
}
