//! Log records of the engine, its connectors and its plugins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use log::{Level, LevelFilter};

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// How important it is.
    pub level: Level,
    /// The flow it is about, if any.
    pub flow: Option<&'a str>,
    /// The connector it is from or about, by its name in the flow.
    pub connector: Option<&'a str>,
    /// The library that the connector was loaded from, by its file name.
    pub plugin: Option<&'a str>,
    /// The module that logged it, where a library names itself.
    pub target: &'a str,
    /// What it says.
    pub message: &'a str,
}

type Take = dyn Fn(&LogRecord<'_>) + Send + Sync;

/// Where records go. The engine installs no logger of its own.
#[derive(Clone)]
pub(crate) struct Logger {
    take: Arc<Take>,
    level: Arc<AtomicU32>,
}

impl Logger {
    pub(crate) fn new(level: LevelFilter, take: Arc<Take>) -> Self {
        Logger {
            take,
            level: Arc::new(AtomicU32::new(level as u32)),
        }
    }

    /// A logger that takes nothing.
    pub(crate) fn off() -> Self {
        Logger::new(LevelFilter::Off, Arc::new(|_| {}))
    }

    pub(crate) fn level(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.level)
    }

    pub(crate) fn log(&self, record: &LogRecord<'_>) {
        if record.level as u32 <= self.level.load(Ordering::Relaxed) {
            // A panic of the embedding program's function is not one of the engine or of a connector.
            let taken = catch_unwind(AssertUnwindSafe(|| (self.take)(record)));
            if let Err(payload) = taken {
                // Dropping it could throw again.
                std::mem::forget(payload);
            }
        }
    }

    /// Logs something that the engine itself has to say about a connector.
    pub(crate) fn about(&self, level: Level, flow: &str, connector: &str, message: &str) {
        self.log(&LogRecord {
            level,
            flow: Some(flow),
            connector: Some(connector),
            plugin: None,
            target: "temblor",
            message,
        });
    }
}
