//! Circuit breakers: whether what a port leads to can take events, and who is told when that changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_listener::{Event as Notify, EventListener};

/// Tells the tasks of a flow that one of its breakers has opened or closed. It never blocks whoever tells.
#[derive(Default)]
pub(crate) struct Contraflow {
    changed: Notify,
}

impl Contraflow {
    /// Something has changed that [`crate::route::is_blocked`] depends on.
    pub(crate) fn change(&self) {
        self.changed.notify(usize::MAX);
    }

    /// Is done at the next change. Look at what may have changed once more after this call.
    pub(crate) fn listen(&self) -> EventListener {
        self.changed.listen()
    }
}

/// The circuit breaker in front of a queue: open while whoever reads from the queue cannot take events.
pub(crate) struct Breaker {
    is_open: AtomicBool,
    reason: Mutex<Option<Arc<str>>>,
    contraflow: Arc<Contraflow>,
}

impl Breaker {
    /// Makes a closed one.
    pub(crate) fn new(contraflow: &Arc<Contraflow>) -> Arc<Self> {
        Arc::new(Breaker {
            is_open: AtomicBool::new(false),
            reason: Mutex::new(None),
            contraflow: Arc::clone(contraflow),
        })
    }

    /// Opens it: sources that lead here stop pulling.
    pub(crate) fn open(&self, reason: &str) {
        *self.lock() = Some(Arc::from(reason));
        if !self.is_open.swap(true, Ordering::AcqRel) {
            self.contraflow.change();
        }
    }

    /// Closes it: sources may pull again.
    pub(crate) fn close(&self) {
        *self.lock() = None;
        if self.is_open.swap(false, Ordering::AcqRel) {
            self.contraflow.change();
        }
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Why it is open, if it is.
    pub(crate) fn reason(&self) -> Option<Arc<str>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<str>>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once() {
        let contraflow = Arc::new(Contraflow::default());
        let breaker = Breaker::new(&contraflow);
        assert!(!breaker.is_open());
        let listener = contraflow.listen();
        breaker.open("the peer is gone");
        smol::block_on(listener);
        let mut listener = contraflow.listen();
        breaker.open("the peer is still gone");
        assert!(smol::block_on(smol::future::poll_once(&mut listener)).is_none());
        assert_eq!(breaker.reason().as_deref(), Some("the peer is still gone"));
        breaker.close();
        smol::block_on(listener);
        let mut listener = contraflow.listen();
        breaker.close();
        assert!(smol::block_on(smol::future::poll_once(&mut listener)).is_none());
        assert!(!breaker.is_open() && breaker.reason().is_none());
    }
}
