//! Where a task leaves what must survive it while it is in foreign code that may never return.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A place for what a task works with. It is full while the task polls an instance, so that another task can take over
/// if that poll does not return.
pub(crate) struct Slot<T>(Arc<Mutex<Place<T>>>);

struct Place<T> {
    /// The task that may use the place; those before it are too late.
    owner: u64,
    content: Option<T>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    /// Makes a full one, for the task number 0.
    pub(crate) fn new(content: T) -> Self {
        Slot(Arc::new(Mutex::new(Place {
            owner: 0,
            content: Some(content),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Place<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the content, unless another task has taken over.
    pub(crate) fn take(&self, owner: u64) -> Option<T> {
        let mut place = self.lock();
        match place.owner == owner {
            true => place.content.take(),
            false => None,
        }
    }

    /// Does something, unless another task has taken over.
    pub(crate) fn while_owner<R>(&self, owner: u64, work: impl FnOnce() -> R) -> Option<R> {
        let place = self.lock();
        (place.owner == owner).then(work)
    }

    /// Waits for `work` with the content in the slot. Yields nothing if another task has taken over meanwhile.
    pub(crate) async fn meanwhile<R>(
        &self,
        owner: u64,
        content: T,
        work: impl Future<Output = R>,
    ) -> Option<(R, T)> {
        let refused = {
            let mut place = self.lock();
            match place.owner == owner {
                true => place.content.replace(content),
                false => Some(content),
            }
        };
        // Dropped outside of the lock, since it may be large.
        drop(refused);
        let done = work.await;
        Some((done, self.take(owner)?))
    }

    /// Makes room for the next task, if the content is here: what the task before still does is in vain.
    pub(crate) fn seize(&self) -> Option<u64> {
        let mut place = self.lock();
        place.content.as_ref()?;
        place.owner += 1;
        Some(place.owner)
    }

    /// Takes the content away from whoever has the slot, for good.
    pub(crate) fn clear(&self) -> Option<T> {
        let mut place = self.lock();
        place.owner = u64::MAX;
        place.content.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_task_takes_over_and_the_one_before_gets_nothing() {
        let slot = Slot::new(1);
        let content = slot.take(0).unwrap();
        assert!(slot.seize().is_none(), "it is in use");
        let next = std::cell::Cell::new(0);
        let work = slot.meanwhile(0, content, async {
            next.set(slot.seize().unwrap());
        });
        assert!(smol::block_on(work).is_none());
        assert_eq!((slot.take(0), slot.take(next.get())), (None, Some(1)));
    }

    #[test]
    fn what_is_cleared_comes_back_to_nobody() {
        let slot = Slot::new(1);
        let content = slot.take(0).unwrap();
        assert_eq!(slot.clear(), None);
        assert!(smol::block_on(slot.meanwhile(0, content, async {})).is_none());
        assert_eq!(slot.clear(), None);
    }
}
