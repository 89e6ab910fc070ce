//! What a connector is made with beside its configuration.

use std::sync::Arc;

use crate::Host;
use crate::io::{Disk, RealDisk};

/// The connector's name in its flow, the host, and where files are.
#[derive(Clone, Debug)]
pub struct Context {
    alias: String,
    host: Host,
    disk: Arc<dyn Disk>,
}

impl Context {
    /// Makes a context; the engine's side.
    #[must_use]
    pub fn new(alias: &str, host: Host) -> Self {
        Context {
            alias: alias.to_owned(),
            host,
            disk: Arc::new(RealDisk),
        }
    }

    /// The same with another disk, such as one that fails when a test says so.
    #[must_use]
    pub fn with_disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// The connector's name in its flow.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The host: log, metrics, clock, timers, readiness, blocking tasks.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where files are.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }
}
