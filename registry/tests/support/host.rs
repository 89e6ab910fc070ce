//! A host that keeps the log.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex};

use temblor_pdk::abi::{Cancel, HostServices, Interest, Place, Task};
use temblor_pdk::{CellKind, Host, log};

/// The messages that were logged.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

struct Services(Log);

impl HostServices for Services {
    fn log(&self, level: log::Level, _target: &str, _place: Place<'_>, message: &str) {
        self.0.lock().unwrap().push(format!("{level}: {message}"));
    }

    fn level(&self) -> Arc<AtomicU32> {
        Arc::new(AtomicU32::new(log::LevelFilter::Trace as u32))
    }

    fn cell(&self, _name: &str, _kind: CellKind) -> Arc<AtomicU64> {
        Arc::default()
    }

    fn now_ns(&self) -> u64 {
        0
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

    fn blocking(&self, task: Task) {
        task.run();
    }

    fn run(&self, task: Task) {
        task.run();
    }
}

/// A host, and what is logged through it.
pub(crate) fn host() -> (Host, Log) {
    let log = Log::default();
    (Host::new(Services(Arc::clone(&log))), log)
}
