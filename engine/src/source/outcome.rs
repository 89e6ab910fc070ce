//! What became of marks and of what was to be stored, on its way back to the source's task.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checkpoint::CheckpointError;
use crate::turn::Collected;

/// What became of a mark, or what is heard of a lane.
pub(crate) enum Outcome {
    Collected(Collected),
    Stored(Result<(), CheckpointError>),
    /// Time has changed a state of the lane that began with this number.
    Passed,
}

/// What came back and was not looked at yet, each with the number of its mark or lane.
#[derive(Default)]
pub(crate) struct Outcomes {
    next: AtomicU64,
    came: Mutex<Vec<(u64, Outcome)>>,
}

impl Outcomes {
    /// The number of a new mark, or of a lane that begins.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Outcome)>> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, number: u64, outcome: Outcome) {
        self.lock().push((number, outcome));
    }

    pub(super) fn take(&self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut *self.lock())
    }
}
