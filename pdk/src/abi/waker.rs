//! Wakers across the boundary: one host waker an instance, with a stable address, so that nothing is allocated a poll.

use std::mem::offset_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::fence;

/// The head of the host's waker, as the other side sees it.
#[repr(C)]
pub(crate) struct RawHostWaker {
    retain: unsafe extern "C" fn(*const RawHostWaker),
    release: unsafe extern "C" fn(*const RawHostWaker),
    wake: unsafe extern "C" fn(*const RawHostWaker),
}

/// The host's side: wakes whatever task polls the instance now.
#[repr(C)]
pub(crate) struct HostWaker {
    head: RawHostWaker,
    target: Mutex<Option<Waker>>,
}

impl HostWaker {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(HostWaker {
            head: RawHostWaker {
                retain,
                release,
                wake,
            },
            target: Mutex::new(None),
        })
    }

    /// Makes `waker` the one that is woken from here on.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut target = self.target();
        if target.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let earlier = target.replace(waker.clone());
        drop(target);
        // Not under the lock: a task's last waker drops the task, and that may wake.
        drop(earlier);
    }

    /// Wakes nobody from here on; for when nobody polls any more.
    pub(crate) fn clear(&self) {
        let earlier = self.target().take();
        drop(earlier);
    }

    fn target(&self) -> MutexGuard<'_, Option<Waker>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives one count to the other side.
    pub(crate) fn into_raw(self: Arc<Self>) -> *const RawHostWaker {
        Arc::into_raw(self).cast()
    }
}

/// # Safety
/// `raw` is the head of a live `HostWaker` of this copy of the crate.
unsafe extern "C" fn retain(raw: *const RawHostWaker) {
    // SAFETY: the caller's contract.
    unsafe { Arc::increment_strong_count(raw.cast::<HostWaker>()) }
}

/// # Safety
/// `raw` is the head of a live `HostWaker` of this copy of the crate, of which the caller gives up one count.
unsafe extern "C" fn release(raw: *const RawHostWaker) {
    // SAFETY: the caller's contract.
    let waker = unsafe { Arc::from_raw(raw.cast::<HostWaker>()) };
    fence::silence(move || drop(waker));
}

/// # Safety
/// `raw` is the head of a live `HostWaker` of this copy of the crate.
unsafe extern "C" fn wake(raw: *const RawHostWaker) {
    // SAFETY: the caller's contract.
    let waker = unsafe { &*raw.cast::<HostWaker>() };
    fence::silence(|| {
        // The lock ends here: an executor may poll, and so register a waker, before `wake` returns.
        let target = waker.target().clone();
        if let Some(target) = target {
            target.wake();
        }
    });
}

/// Makes a waker of the host's.
///
/// # Safety
/// The caller gives up one count of a live `HostWaker`.
pub(crate) unsafe fn import(raw: *const RawHostWaker) -> Waker {
    // SAFETY: the table below keeps the contract of `RawWaker`: it counts, and is safe on any thread.
    unsafe { Waker::from_raw(RawWaker::new(raw.cast(), &TABLE)) }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        let raw = data.cast::<RawHostWaker>();
        // SAFETY: a waker holds one count of a live host waker.
        unsafe { ((*raw).retain)(raw) };
        RawWaker::new(data, &TABLE)
    },
    |data| {
        let raw = data.cast::<RawHostWaker>();
        // SAFETY: as above; waking by value gives up the count.
        unsafe {
            ((*raw).wake)(raw);
            ((*raw).release)(raw);
        }
    },
    |data| {
        let raw = data.cast::<RawHostWaker>();
        // SAFETY: as above.
        unsafe { ((*raw).wake)(raw) }
    },
    |data| {
        let raw = data.cast::<RawHostWaker>();
        // SAFETY: as above; dropping gives up the count.
        unsafe { ((*raw).release)(raw) }
    },
);

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<RawHostWaker>(),
    align_of::<RawHostWaker>(),
    offset_of!(RawHostWaker, retain),
    offset_of!(RawHostWaker, release),
    offset_of!(RawHostWaker, wake),
];
