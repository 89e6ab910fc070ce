//! How many may do something at the same time. Whoever asked first is served first.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A number of permits.
#[derive(Clone)]
pub(super) struct Permits(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Those who wait, in order. Some may have given up.
    waiting: VecDeque<flume::Sender<Permit>>,
}

/// A permit; dropping it hands it to the next, whatever happened meanwhile.
pub(super) struct Permit(Permits);

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        Permits(Arc::new(Mutex::new(State {
            free: count,
            waiting: VecDeque::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place in the queue at once, not when the future is polled: tasks are polled in any order.
    pub(super) fn take(&self) -> impl Future<Output = Permit> + Send + use<> {
        let permits = self.clone();
        let waits = {
            let mut state = self.lock();
            match state.free.checked_sub(1) {
                Some(left) => {
                    state.free = left;
                    Err(Permit(self.clone()))
                }
                None => {
                    let (handed, waits) = flume::bounded(1);
                    state.waiting.push_back(handed);
                    Ok(waits)
                }
            }
        };
        async move {
            match waits {
                Err(permit) => permit,
                // A place ends with a permit: the queue goes only when nobody has one or waits any more.
                Ok(waits) => match waits.recv_async().await {
                    Ok(permit) => permit,
                    Err(_) => Permit(permits),
                },
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            // Those who have given up are passed over.
            while state
                .waiting
                .front()
                .is_some_and(flume::Sender::is_disconnected)
            {
                state.waiting.pop_front();
            }
            let next = state.waiting.pop_front();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        // If it is given up at this moment, the permit comes back and is dropped in its turn.
        if let Some(next) = next {
            let _ = next.try_send(Permit(self.0.clone()));
        }
    }
}
