//! Work and cancellations handed across the boundary.

use std::mem::offset_of;

use super::fence;

/// Work to be done once, on any thread, or to be dropped.
#[repr(C)]
pub struct Task {
    data: *mut (),
    run: unsafe extern "C" fn(*mut ()),
    release: unsafe extern "C" fn(*mut ()),
}

// SAFETY: made from closures that are `Send`, and consumed once.
unsafe impl Send for Task {}

impl Task {
    /// Makes a task of a closure. A panic in it is caught and forgotten, after the panic hook has reported it.
    pub fn new<F: FnOnce() + Send + 'static>(work: F) -> Self {
        Task {
            data: Box::into_raw(Box::new(work)).cast(),
            run: run::<F>,
            release: release::<F>,
        }
    }

    /// Does the work.
    pub fn run(self) {
        let (data, run) = (self.data, self.run);
        std::mem::forget(self);
        // SAFETY: the maker's function for the maker's data, and the task is consumed.
        unsafe { run(data) }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: the maker's function for the maker's data; `run` forgets the task, so this is the one call.
        unsafe { (self.release)(self.data) }
    }
}

/// # Safety
/// `data` comes from `Task::new::<F>` and is used once.
unsafe extern "C" fn run<F: FnOnce()>(data: *mut ()) {
    // SAFETY: the caller's contract.
    let work = unsafe { Box::from_raw(data.cast::<F>()) };
    fence::silence(work);
}

/// # Safety
/// `data` comes from `Task::new::<F>` and is used once.
unsafe extern "C" fn release<F>(data: *mut ()) {
    // SAFETY: the caller's contract.
    let work = unsafe { Box::from_raw(data.cast::<F>()) };
    fence::silence(move || drop(work));
}

/// Undoes a request to the host when it is dropped.
#[repr(transparent)]
pub struct Cancel(Task);

impl Cancel {
    /// Makes a cancellation that drops `guard`.
    pub fn new<G: Send + 'static>(guard: G) -> Self {
        Cancel(Task::new(move || drop(guard)))
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<Task>(),
    align_of::<Task>(),
    offset_of!(Task, data),
    offset_of!(Task, run),
    offset_of!(Task, release),
    size_of::<Cancel>(),
    align_of::<Cancel>(),
];
