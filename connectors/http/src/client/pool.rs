//! Destinations: what keeps requests back, and connections that wait for the next request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temblor_pdk::{BackoffPolicy, Breaker};

use super::attempt::Sender;
use super::permits::Permits;
use super::url::Destination;

/// So many failures in a row open the breaker of a destination.
const FAILURES: u32 = 3;
/// How many events may wait for a destination, for each request that may be under way.
const WAITING: usize = 8;
/// Beyond this many destinations, those are forgotten of which nothing is known.
const DESTINATIONS: usize = 256;

/// All destinations.
pub(super) struct Pool {
    concurrency: usize,
    known: Mutex<HashMap<Destination, Arc<Place>>>,
}

/// One destination.
pub(super) struct Place {
    /// Requests that are under way.
    pub(super) requests: Permits,
    /// Events that were taken.
    pub(super) events: Permits,
    breaker: Mutex<Breaker>,
    /// Connections that wait for the next request, and since when.
    idle: Mutex<Vec<(u64, Sender)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(super) fn new(concurrency: usize) -> Self {
        Pool {
            concurrency,
            known: Mutex::default(),
        }
    }

    pub(super) fn place(&self, destination: &Destination) -> Arc<Place> {
        let mut known = lock(&self.known);
        if let Some(place) = known.get(destination) {
            return Arc::clone(place);
        }
        if known.len() >= DESTINATIONS {
            known.retain(|_, place| Arc::strong_count(place) > 1 || place.breaker().is_open());
        }
        let place = Arc::new(Place {
            requests: Permits::new(self.concurrency),
            events: Permits::new(self.concurrency.saturating_mul(WAITING)),
            breaker: Mutex::new(Breaker::new(BackoffPolicy::default(), FAILURES)),
            idle: Mutex::default(),
        });
        known.insert(destination.clone(), Arc::clone(&place));
        place
    }
}

impl Place {
    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }

    /// A connection that waits, unless it has waited for too long.
    pub(super) fn idle(&self, not_before_ns: u64) -> Option<Sender> {
        let mut idle = lock(&self.idle);
        // The one that was used last is the one that most likely still stands.
        let (since_ns, sender) = idle.pop()?;
        if since_ns >= not_before_ns {
            return Some(sender);
        }
        idle.clear();
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&self, sender: Sender, now_ns: u64) {
        lock(&self.idle).push((now_ns, sender));
    }
}
