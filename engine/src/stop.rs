//! All flows of an engine, and the request of a connector to end them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::flow::{FlowHandle, FlowShared};

/// What a connector asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopRequest {
    /// The status with which the program should end.
    pub status: u8,
    /// Whether flows are drained; stopped at once otherwise.
    pub is_graceful: bool,
}

impl StopRequest {
    fn tell(self, flow: &FlowHandle) {
        match self.is_graceful {
            true => flow.drain(),
            false => flow.stop(),
        }
    }
}

/// The flows that an engine has started.
#[derive(Default)]
pub(crate) struct Flows {
    flows: Mutex<Vec<Weak<FlowShared>>>,
    request: OnceLock<StopRequest>,
}

impl Flows {
    /// Adds a flow. One that comes after a request to stop is told at once.
    pub(crate) fn add(&self, flow: &FlowHandle) {
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|flow| flow.strong_count() > 0);
        flows.push(Arc::downgrade(&flow.0));
        drop(flows);
        if let Some(request) = self.request() {
            request.tell(flow);
        }
    }

    /// The flows that are still known to somebody.
    pub(crate) fn all(&self) -> Vec<FlowHandle> {
        let flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let flows = flows.iter().filter_map(Weak::upgrade);
        flows.map(FlowHandle).collect()
    }

    /// What was asked for, if anything was.
    pub(crate) fn request(&self) -> Option<StopRequest> {
        self.request.get().copied()
    }

    /// Ends all flows, and those that are still to be started. The first request counts.
    pub(crate) fn stop(&self, request: StopRequest) {
        if self.request.set(request).is_ok() {
            self.all().iter().for_each(|flow| request.tell(flow));
        }
    }
}
