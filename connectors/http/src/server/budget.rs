//! How much the bodies may take together that wait for the engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Room that all connections share.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Budget {
            taken: Arc::default(),
            most,
        }
    }

    pub(super) fn reserve(&self) -> Reserved {
        Reserved {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

/// What one body takes of it, until this is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    budget: Budget,
    bytes: usize,
}

impl Reserved {
    /// Takes more; says whether there was room.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let before = self.budget.taken.fetch_add(bytes, Ordering::AcqRel);
        self.bytes += bytes;
        before.saturating_add(bytes) <= self.budget.most
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
