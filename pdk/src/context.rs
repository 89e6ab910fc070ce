//! What a connector is made with beside its configuration.

use crate::Host;

/// The connector's name in its flow, and the host.
#[derive(Clone, Debug)]
pub struct Context {
    alias: String,
    host: Host,
}

impl Context {
    /// Makes a context; the engine's side.
    #[must_use]
    pub fn new(alias: &str, host: Host) -> Self {
        Context {
            alias: alias.to_owned(),
            host,
        }
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
}
