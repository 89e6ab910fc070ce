//! Where a connection is: without a request, within a head, at work, or with an answer that is being written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exchange::Settle;
use crate::wire::Watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has come since the last answer.
    Idle,
    /// A head has begun.
    Head,
    /// The request is read, or waits for its answer; both have limits of their own.
    Work,
    /// The answer is being written.
    Answer,
}

/// What the connection, its requests and its answers tell each other.
#[derive(Clone)]
pub(super) struct Turn(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    /// Counts phases.
    step: u64,
    /// Waits for the answer that is being written.
    settle: Option<Settle>,
    /// Whether hyper has taken all of that answer.
    taken: bool,
}

impl Turn {
    pub(super) fn new() -> Self {
        Turn(Arc::new(Mutex::new(State {
            phase: Phase::Idle,
            step: 0,
            settle: None,
            taken: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The phase, and a number that no other phase of the connection has.
    pub(super) fn phase(&self) -> (Phase, u64) {
        let state = self.lock();
        (state.phase, state.step)
    }

    /// A head is there.
    pub(super) fn begins(&self) {
        self.lock().enter(Phase::Work);
    }

    /// The answer is there; `settle` is told when it was written.
    pub(super) fn answers(&self, settle: Option<Settle>) {
        let mut state = self.lock();
        state.enter(Phase::Answer);
        state.settle = settle;
        state.taken = false;
    }

    /// hyper has taken all of the answer.
    pub(super) fn taken(&self) {
        self.lock().taken = true;
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.step += 1;
    }
}

impl Watch for Turn {
    fn came(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    fn flushed(&self) {
        let settle = {
            let mut state = self.lock();
            if !state.taken {
                return;
            }
            state.taken = false;
            if state.phase == Phase::Answer {
                state.enter(Phase::Idle);
            }
            state.settle.take()
        };
        if let Some(settle) = settle {
            settle.delivered();
        }
    }

    /// While there is no request, all that hyper has to say is that it could not read one. It does not say why, so that
    /// is left to the connection.
    fn lets_out(&self) -> bool {
        matches!(self.lock().phase, Phase::Work | Phase::Answer)
    }
}
