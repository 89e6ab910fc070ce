//! A host whose requests the test fulfils by hand, and which can be told to panic.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use temblor_pdk::abi::{Cancel, HostServices, Interest, Task};
use temblor_pdk::{CellKind, Host, log};

/// What the host does with blocking tasks.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Blocking {
    /// Runs them on a thread.
    #[default]
    Runs,
    /// Drops them, as a host that ends does.
    Drops,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) level: Arc<AtomicU32>,
    pub(crate) logs: Mutex<Vec<(log::Level, String, String)>>,
    pub(crate) cells: Mutex<HashMap<String, (CellKind, Arc<AtomicU64>)>>,
    pub(crate) now_ns: AtomicU64,
    pub(crate) stopping: AtomicBool,
    pub(crate) timers: Mutex<Vec<(u64, u64, Task)>>,
    pub(crate) waits: Mutex<Vec<(OwnedFd, Interest, u64, Task)>>,
    pub(crate) taken_back: AtomicUsize,
    pub(crate) blocking: Mutex<Blocking>,
    pub(crate) panics: AtomicBool,
    pub(crate) calls: AtomicUsize,
    requests: AtomicU64,
}

/// The host. Clones are the same.
#[derive(Clone)]
pub(crate) struct TestHost(pub(crate) Arc<Inner>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Takes a request back when it is dropped.
struct TakeBack(Arc<Inner>, u64);

impl Drop for TakeBack {
    fn drop(&mut self) {
        let before = lock(&self.0.timers).len() + lock(&self.0.waits).len();
        let timers: Vec<_> = lock(&self.0.timers)
            .extract_if(.., |t| t.1 == self.1)
            .collect();
        let waits: Vec<_> = lock(&self.0.waits)
            .extract_if(.., |w| w.2 == self.1)
            .collect();
        let after = before - timers.len() - waits.len();
        self.0
            .taken_back
            .fetch_add(before - after, Ordering::Relaxed);
    }
}

impl TestHost {
    pub(crate) fn new() -> Self {
        let inner = Inner::default();
        inner
            .level
            .store(log::LevelFilter::Info as u32, Ordering::Relaxed);
        inner.now_ns.store(1000, Ordering::Relaxed);
        TestHost(Arc::new(inner))
    }

    pub(crate) fn handle(&self) -> Host {
        Host::new(self.clone())
    }

    /// The messages so far.
    pub(crate) fn messages(&self) -> Vec<String> {
        lock(&self.0.logs)
            .iter()
            .map(|(_, _, message)| message.clone())
            .collect()
    }

    /// Moves the clock and runs what is due.
    pub(crate) fn advance(&self, by_ns: u64) {
        let now = self.0.now_ns.fetch_add(by_ns, Ordering::Relaxed) + by_ns;
        let due: Vec<_> = lock(&self.0.timers)
            .extract_if(.., |t| t.0 <= now)
            .collect();
        due.into_iter().for_each(|(_, _, task)| task.run());
    }

    /// Says of every descriptor that is waited for that it is ready.
    pub(crate) fn all_ready(&self) -> Vec<Interest> {
        let ready = std::mem::take(&mut *lock(&self.0.waits));
        let run = |(_, interest, _, task): (_, _, _, Task)| {
            task.run();
            interest
        };
        ready.into_iter().map(run).collect()
    }

    /// Forgets all requests, as a host that ends does.
    pub(crate) fn forget_all(&self) {
        lock(&self.0.timers).clear();
        lock(&self.0.waits).clear();
    }

    /// Notes a call, and panics if the host was told to.
    fn called(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        assert!(!self.0.panics.load(Ordering::Relaxed), "the host panics");
    }

    fn request(&self) -> (u64, Cancel) {
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
        (number, Cancel::new(TakeBack(Arc::clone(&self.0), number)))
    }
}

impl HostServices for TestHost {
    fn log(&self, level: log::Level, target: &str, message: &str) {
        self.called();
        lock(&self.0.logs).push((level, target.to_owned(), message.to_owned()));
    }

    fn level(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.0.level)
    }

    fn cell(&self, name: &str, kind: CellKind) -> Arc<AtomicU64> {
        self.called();
        let mut cells = lock(&self.0.cells);
        let cell = cells
            .entry(name.to_owned())
            .or_insert((kind, Arc::default()));
        Arc::clone(&cell.1)
    }

    fn now_ns(&self) -> u64 {
        self.called();
        self.0.now_ns.load(Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.called();
        self.0.stopping.load(Ordering::Relaxed)
    }

    fn timer(&self, deadline_ns: u64, task: Task) -> Cancel {
        self.called();
        let (number, cancel) = self.request();
        lock(&self.0.timers).push((deadline_ns, number, task));
        cancel
    }

    fn readiness(&self, fd: BorrowedFd<'_>, interest: Interest, task: Task) -> Cancel {
        self.called();
        let (number, cancel) = self.request();
        let fd = fd.try_clone_to_owned().expect("an open descriptor");
        lock(&self.0.waits).push((fd, interest, number, task));
        cancel
    }

    fn blocking(&self, task: Task) {
        self.called();
        match *lock(&self.0.blocking) {
            Blocking::Runs => drop(std::thread::spawn(move || task.run())),
            Blocking::Drops => drop(task),
        }
    }

    fn run(&self, task: Task) {
        self.blocking(task);
    }
}
