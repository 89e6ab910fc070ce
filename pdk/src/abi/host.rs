//! The host as a connector sees it: log, metrics, clock, timers, readiness, blocking tasks.

mod serve;

use std::mem::offset_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::task::{Cancel, Task};
use super::text::RawStr;

/// Whether a metric only grows.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// It only grows.
    Counter = 1,
    /// It goes up and down.
    Gauge = 2,
}

/// What a descriptor should be ready for.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Reading.
    Read = 1,
    /// Writing.
    Write = 2,
}

/// Where in a program a log record was made, so that many records of one place can be told from records of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    /// The source file.
    pub file: &'a str,
    /// The line in it.
    pub line: u32,
}

/// What the engine does for a connector. Implemented by the engine, once for each connector, so that records and
/// metrics carry its name.
pub trait HostServices: Send + Sync + 'static {
    /// Takes a log record.
    fn log(&self, level: log::Level, target: &str, place: Place<'_>, message: &str);
    /// The most detailed level that is logged, as `log::LevelFilter as u32`; read without a call.
    fn level(&self) -> Arc<AtomicU32>;
    /// The cell of a metric. The same name gives the same cell.
    fn cell(&self, name: &str, kind: CellKind) -> Arc<AtomicU64>;
    /// Nanoseconds since the Unix epoch, never going backwards.
    fn now_ns(&self) -> u64;
    /// Whether the engine wants to end.
    fn is_stopping(&self) -> bool;
    /// Runs `task` when the clock reads `deadline_ns`; dropping the result forgets it.
    fn timer(&self, deadline_ns: u64, task: Task) -> Cancel;
    /// Runs `task` when the descriptor is ready; dropping the result forgets it. The borrow ends with the call, so
    /// an implementation that waits later duplicates the descriptor.
    fn readiness(&self, fd: BorrowedFd<'_>, interest: Interest, task: Task) -> Cancel;
    /// Runs `task` where it may block.
    fn blocking(&self, task: Task);
    /// Runs `task`, which does not block, on a worker soon.
    fn run(&self, task: Task);
    /// Asks the program to end with this status: in good order, or at once. The first request counts.
    fn request_stop(&self, status: u8, is_graceful: bool) {
        let _ = (status, is_graceful);
    }
}

#[repr(C)]
pub(crate) struct HostVtable {
    retain: unsafe extern "C" fn(*const ()),
    release: unsafe extern "C" fn(*const ()),
    log: unsafe extern "C" fn(*const (), u32, RawStr, RawStr, u32, RawStr),
    cell: unsafe extern "C" fn(*const (), RawStr, u32) -> *const AtomicU64,
    now_ns: unsafe extern "C" fn(*const ()) -> u64,
    is_stopping: unsafe extern "C" fn(*const ()) -> u32,
    timer: unsafe extern "C" fn(*const (), u64, Task) -> Cancel,
    readiness: unsafe extern "C" fn(*const (), i32, u32, Task) -> Cancel,
    blocking: unsafe extern "C" fn(*const (), Task),
    run: unsafe extern "C" fn(*const (), Task),
    request_stop: unsafe extern "C" fn(*const (), u32, u32),
    /// What a later host has beside these, by id and version; null if this one does not have it.
    get_extension: unsafe extern "C" fn(*const (), RawStr, u32) -> *const (),
}

/// A counted reference to the host's services, as plain data.
#[repr(C)]
pub(crate) struct RawHost {
    object: *const (),
    vtable: *const HostVtable,
    level: *const AtomicU32,
}

/// The host's services, as a connector uses them. Cheap to clone, usable on any thread.
#[repr(transparent)]
pub struct Host(RawHost);

// SAFETY: the object is a counted `HostServices`, which is `Send + Sync`.
unsafe impl Send for Host {}
// SAFETY: see `Send`.
unsafe impl Sync for Host {}

/// What the host's side of a handle keeps alive.
struct HostObject {
    services: Box<dyn HostServices>,
    level: Arc<AtomicU32>,
    /// Every cell that was handed out: the other side has bare pointers to them.
    cells: Mutex<Vec<Arc<AtomicU64>>>,
}

impl Host {
    /// Makes a handle on services.
    #[must_use]
    pub fn new(services: impl HostServices) -> Self {
        let level = services.level();
        let pointer = Arc::as_ptr(&level);
        let object = Arc::new(HostObject {
            services: Box::new(services),
            level,
            cells: Mutex::new(Vec::new()),
        });
        debug_assert!(std::ptr::eq(pointer, Arc::as_ptr(&object.level)));
        Host(RawHost {
            object: Arc::into_raw(object).cast(),
            vtable: &serve::VTABLE,
            level: pointer,
        })
    }

    fn vtable(&self) -> &HostVtable {
        // SAFETY: a vtable is a static of the host, which is never unloaded.
        unsafe { &*self.0.vtable }
    }

    /// Whether records of this level are logged; costs no call.
    #[must_use]
    pub fn is_logged(&self, level: log::Level) -> bool {
        // SAFETY: the level lives as long as the object, which this handle keeps alive.
        level as u32 <= unsafe { &*self.0.level }.load(Ordering::Relaxed)
    }

    /// Logs a record under the connector's name. Of many records from one line, most are left out.
    #[track_caller]
    pub fn log(&self, level: log::Level, message: &str) {
        let caller = std::panic::Location::caller();
        let place = Place {
            file: caller.file(),
            line: caller.line(),
        };
        self.log_from(level, "", place, message);
    }

    /// Logs a record of a library that names itself.
    pub(crate) fn log_from(&self, level: log::Level, target: &str, at: Place<'_>, message: &str) {
        if self.is_logged(level) {
            let [target, file, message] = [target, at.file, message].map(RawStr::new);
            let (object, level) = (self.0.object, level as u32);
            // SAFETY: the host's function for the host's object, which this handle keeps alive.
            unsafe { (self.vtable().log)(object, level, target, file, at.line, message) }
        }
    }

    /// The cell of a metric of this connector. The same name gives the same cell.
    #[must_use]
    pub fn cell(&self, name: &str, kind: CellKind) -> Cell {
        // SAFETY: as above.
        let cell = unsafe { (self.vtable().cell)(self.0.object, RawStr::new(name), kind as u32) };
        Cell {
            cell,
            _host: self.clone(),
        }
    }

    /// The host's clock: nanoseconds since the Unix epoch, never going backwards.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.vtable().now_ns)(self.0.object) }
    }

    /// Whether the engine wants to end. Long-running blocking work should look now and then.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        // SAFETY: as above.
        unsafe { (self.vtable().is_stopping)(self.0.object) != 0 }
    }

    pub(crate) fn timer(&self, deadline_ns: u64, task: Task) -> Cancel {
        // SAFETY: as above.
        unsafe { (self.vtable().timer)(self.0.object, deadline_ns, task) }
    }

    pub(crate) fn readiness(&self, fd: BorrowedFd<'_>, interest: Interest, task: Task) -> Cancel {
        let fd = fd.as_raw_fd();
        // SAFETY: as above.
        unsafe { (self.vtable().readiness)(self.0.object, fd, interest as u32, task) }
    }

    pub(crate) fn blocking(&self, task: Task) {
        // SAFETY: as above.
        unsafe { (self.vtable().blocking)(self.0.object, task) }
    }

    pub(crate) fn run(&self, task: Task) {
        // SAFETY: as above.
        unsafe { (self.vtable().run)(self.0.object, task) }
    }

    /// Asks the program to end with this status: in good order, with everything that is in flight, or at once. The
    /// first request counts.
    pub fn request_stop(&self, status: u8, is_graceful: bool) {
        let (status, is_graceful) = (u32::from(status), u32::from(is_graceful));
        // SAFETY: as above.
        unsafe { (self.vtable().request_stop)(self.0.object, status, is_graceful) }
    }

    /// Whether the host has an extension: something that later hosts offer beside what is here. A connector that can
    /// do without asks before it uses one.
    #[must_use]
    pub fn offers(&self, id: &str, version: u32) -> bool {
        // SAFETY: as above.
        let found =
            unsafe { (self.vtable().get_extension)(self.0.object, RawStr::new(id), version) };
        !found.is_null()
    }
}

impl Clone for Host {
    fn clone(&self) -> Self {
        // SAFETY: the host's function for the host's object, which this handle keeps alive.
        unsafe { (self.vtable().retain)(self.0.object) }
        Host(RawHost { ..self.0 })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: as above; gives up this handle's count.
        unsafe { (self.vtable().release)(self.0.object) }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

/// A metric, updated without a call.
pub struct Cell {
    cell: *const AtomicU64,
    _host: Host,
}

// SAFETY: an atomic that the host keeps alive.
unsafe impl Send for Cell {}
// SAFETY: see `Send`.
unsafe impl Sync for Cell {}

impl Cell {
    fn atomic(&self) -> &AtomicU64 {
        // SAFETY: the host object keeps every cell that it hands out, and `_host` keeps the object.
        unsafe { &*self.cell }
    }

    /// Adds to the metric.
    pub fn add(&self, count: u64) {
        self.atomic().fetch_add(count, Ordering::Relaxed);
    }

    /// Sets the metric.
    pub fn set(&self, value: u64) {
        self.atomic().store(value, Ordering::Relaxed);
    }

    /// Reads the metric.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.atomic().load(Ordering::Relaxed)
    }
}

/// Sizes, alignments and offsets of what crosses; see `layout`.
pub(super) const LAYOUT: &[usize] = &[
    size_of::<HostVtable>(),
    align_of::<HostVtable>(),
    offset_of!(HostVtable, retain),
    offset_of!(HostVtable, release),
    offset_of!(HostVtable, log),
    offset_of!(HostVtable, cell),
    offset_of!(HostVtable, now_ns),
    offset_of!(HostVtable, is_stopping),
    offset_of!(HostVtable, timer),
    offset_of!(HostVtable, readiness),
    offset_of!(HostVtable, blocking),
    offset_of!(HostVtable, run),
    offset_of!(HostVtable, request_stop),
    offset_of!(HostVtable, get_extension),
    size_of::<RawHost>(),
    align_of::<RawHost>(),
    offset_of!(RawHost, object),
    offset_of!(RawHost, vtable),
    offset_of!(RawHost, level),
    size_of::<Host>(),
    align_of::<Host>(),
    CellKind::Counter as usize,
    CellKind::Gauge as usize,
    Interest::Read as usize,
    Interest::Write as usize,
    log::Level::Error as usize,
    log::Level::Warn as usize,
    log::Level::Info as usize,
    log::Level::Debug as usize,
    log::Level::Trace as usize,
];
