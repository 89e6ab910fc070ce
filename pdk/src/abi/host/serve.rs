//! The host's side of its services: what a connector's calls come to.

use std::os::fd::BorrowedFd;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};

use super::super::fence;
use super::super::task::{Cancel, Task};
use super::super::text::RawStr;
use super::{CellKind, HostObject, HostVtable, Interest, Place};

pub(super) static VTABLE: HostVtable = HostVtable {
    retain,
    release,
    log,
    cell,
    now_ns,
    is_stopping,
    timer,
    readiness,
    blocking,
    run,
    request_stop,
    get_extension,
};

/// # Safety
/// `object` is a live `Arc<HostObject>` of this copy of the crate.
unsafe fn services<'a>(object: *const ()) -> &'a HostObject {
    // SAFETY: the caller's contract; the reference is used within the call only.
    unsafe { &*object.cast::<HostObject>() }
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn retain(object: *const ()) {
    // SAFETY: the caller's contract.
    unsafe { Arc::increment_strong_count(object.cast::<HostObject>()) }
}

/// # Safety
/// See [`services`]; the caller gives up one count.
unsafe extern "C" fn release(object: *const ()) {
    // SAFETY: the caller's contract.
    let object = unsafe { Arc::from_raw(object.cast::<HostObject>()) };
    fence::silence(move || drop(object));
}

fn level_of(level: u32) -> log::Level {
    match level {
        1 => log::Level::Error,
        2 => log::Level::Warn,
        3 => log::Level::Info,
        4 => log::Level::Debug,
        _ => log::Level::Trace,
    }
}

/// # Safety
/// See [`services`]; the strings live for the call.
unsafe extern "C" fn log(
    object: *const (),
    level: u32,
    target: RawStr,
    file: RawStr,
    line: u32,
    message: RawStr,
) {
    // SAFETY: the caller's contract.
    let (host, target, file) = unsafe { (services(object), target.text(), file.text()) };
    // SAFETY: as above.
    let message = unsafe { message.text() };
    let place = Place { file, line };
    fence::silence(|| host.services.log(level_of(level), target, place, message));
}

/// A cell for whoever asks when the services cannot give one.
static LOST: AtomicU64 = AtomicU64::new(0);

/// # Safety
/// See [`services`]; the string lives for the call.
unsafe extern "C" fn cell(object: *const (), name: RawStr, kind: u32) -> *const AtomicU64 {
    // SAFETY: the caller's contract.
    let (host, name) = unsafe { (services(object), name.text()) };
    let kind = match kind {
        2 => CellKind::Gauge,
        _ => CellKind::Counter,
    };
    let Ok(cell) = fence::catch(|| host.services.cell(name, kind)) else {
        return &raw const LOST;
    };
    let pointer = Arc::as_ptr(&cell);
    let mut cells = host.cells.lock().unwrap_or_else(PoisonError::into_inner);
    if !cells.iter().any(|known| Arc::as_ptr(known) == pointer) {
        cells.push(cell);
    }
    pointer
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn now_ns(object: *const ()) -> u64 {
    // SAFETY: the caller's contract.
    let host = unsafe { services(object) };
    fence::catch(|| host.services.now_ns()).unwrap_or_default()
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn is_stopping(object: *const ()) -> u32 {
    // SAFETY: the caller's contract.
    let host = unsafe { services(object) };
    fence::catch(|| u32::from(host.services.is_stopping())).unwrap_or(1)
}

fn cancel_of(made: Result<Cancel, crate::Error>) -> Cancel {
    made.unwrap_or_else(|_| Cancel::new(()))
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn timer(object: *const (), deadline_ns: u64, task: Task) -> Cancel {
    // SAFETY: the caller's contract.
    let host = unsafe { services(object) };
    cancel_of(fence::catch(|| host.services.timer(deadline_ns, task)))
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn readiness(object: *const (), fd: i32, interest: u32, task: Task) -> Cancel {
    if fd < 0 {
        return Cancel::new(());
    }
    // SAFETY: the caller's contract; the descriptor is open for the call, because the caller borrows it.
    let (host, fd) = unsafe { (services(object), BorrowedFd::borrow_raw(fd)) };
    let interest = match interest {
        2 => Interest::Write,
        _ => Interest::Read,
    };
    cancel_of(fence::catch(|| host.services.readiness(fd, interest, task)))
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn blocking(object: *const (), task: Task) {
    // SAFETY: the caller's contract.
    let host = unsafe { services(object) };
    fence::silence(|| host.services.blocking(task));
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn run(object: *const (), task: Task) {
    // SAFETY: the caller's contract.
    let host = unsafe { services(object) };
    fence::silence(|| host.services.run(task));
}

/// # Safety
/// See [`services`].
unsafe extern "C" fn request_stop(object: *const (), status: u32, is_graceful: u32) {
    // SAFETY: the caller's contract.
    let host = unsafe { services(object) };
    let status = u8::try_from(status).unwrap_or(u8::MAX);
    fence::silence(|| host.services.request_stop(status, is_graceful != 0));
}

/// This host offers nothing beside its vtable yet.
///
/// # Safety
/// See [`services`]; the string lives for the call.
unsafe extern "C" fn get_extension(_: *const (), _: RawStr, _: u32) -> *const () {
    std::ptr::null()
}
