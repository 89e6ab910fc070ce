//! What a connector is made with beside its configuration.

use std::sync::Arc;

use crate::Host;
use crate::io::{Disk, Network, SystemDisk, SystemNetwork};

/// The connector's name in its flow, the host, and what stands between the connector and the outside.
#[derive(Clone, Debug)]
pub struct Context {
    alias: String,
    host: Host,
    network: Arc<dyn Network>,
    disk: Arc<dyn Disk>,
}

impl Context {
    /// Makes a context; the engine's side.
    #[must_use]
    pub fn new(alias: &str, host: Host) -> Self {
        let network = Arc::new(SystemNetwork::new(&host));
        Context {
            alias: alias.to_owned(),
            host,
            network,
            disk: Arc::new(SystemDisk),
        }
    }

    /// The same context with another network, such as a simulated one.
    #[must_use]
    pub fn with_network(mut self, network: Arc<dyn Network>) -> Self {
        self.network = network;
        self
    }

    /// The same context with another disk, such as one that fails when a test says so.
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

    /// The network: the only way to it that a connector takes, unless a library brings its own.
    #[must_use]
    pub fn network(&self) -> &Arc<dyn Network> {
        &self.network
    }

    /// Where files are: the only way to them that a connector takes, unless a library brings its own.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }
}
