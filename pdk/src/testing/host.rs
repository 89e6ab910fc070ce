//! A host for tests: a thread for each request, records kept, and a clock that can be set.

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::panics::watch;
use crate::abi::{Cancel, CellKind, HostServices, Interest, Task};
use crate::{Context, Host};

/// How often a wait for a descriptor looks whether it was taken back.
const LOOK_AGAIN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

/// How long a test waits for tasks that may be about to end.
const A_LITTLE: Duration = Duration::from_secs(1);
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The host's services for tests. Clones are the same host.
#[derive(Clone)]
pub struct TestHost(Arc<Inner>);

struct Inner {
    /// The time of a clock that only moves when it is told to; none for the system's.
    clock_ns: Option<AtomicU64>,
    level: Arc<AtomicU32>,
    logs: Mutex<Vec<(log::Level, String)>>,
    cells: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    panics: Mutex<Vec<String>>,
    stopping: AtomicBool,
    /// Timers of a clock that is set, by deadline and number.
    timers: Mutex<BTreeMap<(u64, usize), Arc<Pending>>>,
    requests: AtomicUsize,
    /// Blocking tasks that are under way.
    busy: AtomicUsize,
    /// Tasks that are running, blocking ones included.
    running: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that has neither been fulfilled nor taken back.
struct Pending {
    task: Mutex<Option<Task>>,
    taken: Condvar,
}

impl Pending {
    fn new(task: Task) -> Arc<Self> {
        Arc::new(Pending {
            task: Mutex::new(Some(task)),
            taken: Condvar::new(),
        })
    }

    fn take(&self) -> Option<Task> {
        let task = lock(&self.task).take();
        self.taken.notify_all();
        task
    }

    fn is_over(&self) -> bool {
        lock(&self.task).is_none()
    }

    /// Waits until it is taken back, but not for longer than this.
    fn wait(&self, most: Duration) {
        let task = lock(&self.task);
        drop(
            self.taken
                .wait_timeout_while(task, most, |task| task.is_some()),
        );
    }
}

/// Takes a request back when it is dropped.
struct TakeBack(Arc<Pending>);

impl Drop for TakeBack {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl TestHost {
    /// Makes a host with the system's clock.
    #[must_use]
    pub fn new() -> Self {
        TestHost::with(None)
    }

    /// Makes a host whose clock stands at `now_ns` until it is moved: by [`TestHost::advance`], and by
    /// [`super::Running`], which moves it to the next timer when there is nothing else to wait for.
    #[must_use]
    pub fn with_clock(now_ns: u64) -> Self {
        TestHost::with(Some(AtomicU64::new(now_ns)))
    }

    fn with(clock_ns: Option<AtomicU64>) -> Self {
        TestHost(Arc::new(Inner {
            clock_ns,
            level: Arc::new(AtomicU32::new(log::LevelFilter::Trace as u32)),
            logs: Mutex::default(),
            cells: Mutex::default(),
            panics: Mutex::default(),
            stopping: AtomicBool::new(false),
            timers: Mutex::default(),
            requests: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        }))
    }

    /// A handle as connectors get it.
    #[must_use]
    pub fn host(&self) -> Host {
        Host::new(self.clone())
    }

    /// What a connector named `alias` is made with.
    #[must_use]
    pub fn context(&self, alias: &str) -> Context {
        Context::new(alias, self.host())
    }

    /// Moves a clock that was set, and runs the timers that are due then.
    pub fn advance(&self, nanos: u64) {
        if let Some(clock_ns) = &self.0.clock_ns {
            clock_ns.fetch_add(nanos, Ordering::Relaxed);
            self.run_due();
        }
    }

    /// Whether the clock only moves when it is told to.
    pub(super) fn is_set(&self) -> bool {
        self.0.clock_ns.is_some()
    }

    /// Moves a clock that was set to the next timer and runs it, unless a blocking task may come first.
    pub(super) fn skip_to_timer(&self) {
        if self.0.busy.load(Ordering::Acquire) > 0 {
            return;
        }
        let next = lock(&self.0.timers).keys().next().copied();
        if let Some((deadline_ns, _)) = next {
            self.advance(deadline_ns.saturating_sub(self.now_ns()));
        }
    }

    fn run_due(&self) {
        let now_ns = self.now_ns();
        loop {
            let due = {
                let mut timers = lock(&self.0.timers);
                match timers.first_entry() {
                    Some(first) if first.key().0 <= now_ns => first.remove(),
                    _ => return,
                }
            };
            self.run(&due);
        }
    }

    /// Runs a task, unless it was taken back, and keeps what it panicked with.
    fn run(&self, pending: &Pending) {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        if let Some(task) = pending.take() {
            let ((), panics) = watch(|| task.run());
            lock(&self.0.panics).extend(panics);
        }
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// Tells connectors that the engine wants to end.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }

    /// The log records so far.
    #[must_use]
    pub fn logs(&self) -> Vec<(log::Level, String)> {
        lock(&self.0.logs).clone()
    }

    /// The value of a metric; none if no connector has asked for it.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<u64> {
        let cells = lock(&self.0.cells);
        cells.get(name).map(|cell| cell.load(Ordering::Relaxed))
    }

    /// Messages of panics in tasks that this host has run; waits a little for those that are running.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        Self::wait_until(A_LITTLE, || self.0.running.load(Ordering::Acquire) == 0);
        lock(&self.0.panics).clone()
    }

    /// Waits until so many panics have happened in tasks of this host, and returns their messages.
    #[must_use]
    pub fn wait_for_panics(&self, count: usize) -> Vec<String> {
        Self::wait_until(PATIENCE, || lock(&self.0.panics).len() >= count);
        self.panics()
    }

    fn wait_until(most: Duration, is_done: impl Fn() -> bool) {
        let end = Instant::now() + most;
        while !is_done() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn wait_for_time(&self, deadline_ns: u64, pending: &Pending) {
        while !pending.is_over() {
            match deadline_ns.saturating_sub(self.now_ns()) {
                0 => return self.run(pending),
                left => pending.wait(Duration::from_nanos(left)),
            }
        }
    }

    fn wait_for_descriptor(&self, fd: &OwnedFd, flags: PollFlags, pending: &Pending) {
        while !pending.is_over() {
            match poll(&mut [PollFd::new(fd, flags)], Some(&LOOK_AGAIN)) {
                Ok(0) => {}
                // What cannot be waited for is always ready; the next read says what is wrong with it.
                _ => return self.run(pending),
            }
        }
    }
}

impl Default for TestHost {
    fn default() -> Self {
        TestHost::new()
    }
}

impl HostServices for TestHost {
    fn log(&self, level: log::Level, _target: &str, message: &str) {
        lock(&self.0.logs).push((level, message.to_owned()));
    }

    fn level(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.0.level)
    }

    fn cell(&self, name: &str, _kind: CellKind) -> Arc<AtomicU64> {
        Arc::clone(lock(&self.0.cells).entry(name.to_owned()).or_default())
    }

    fn now_ns(&self) -> u64 {
        match &self.0.clock_ns {
            Some(clock_ns) => clock_ns.load(Ordering::Relaxed),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.map_or(0, |since| since.as_nanos() as u64)
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    fn timer(&self, deadline_ns: u64, task: Task) -> Cancel {
        let pending = Pending::new(task);
        let cancel = Cancel::new(TakeBack(Arc::clone(&pending)));
        if self.is_set() {
            let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
            lock(&self.0.timers).insert((deadline_ns, number), pending);
            self.run_due();
        } else {
            let host = self.clone();
            std::thread::spawn(move || host.wait_for_time(deadline_ns, &pending));
        }
        cancel
    }

    fn readiness(&self, fd: BorrowedFd<'_>, interest: Interest, task: Task) -> Cancel {
        let pending = Pending::new(task);
        let cancel = Cancel::new(TakeBack(Arc::clone(&pending)));
        let flags = match interest {
            Interest::Read => PollFlags::IN,
            Interest::Write => PollFlags::OUT,
        };
        let host = self.clone();
        match fd.try_clone_to_owned() {
            Ok(fd) => {
                std::thread::spawn(move || host.wait_for_descriptor(&fd, flags, &pending));
            }
            Err(_) => host.run(&pending),
        }
        cancel
    }

    fn run(&self, task: Task) {
        let host = self.clone();
        std::thread::spawn(move || TestHost::run(&host, &Pending::new(task)));
    }

    fn blocking(&self, task: Task) {
        let host = self.clone();
        host.0.busy.fetch_add(1, Ordering::Release);
        std::thread::spawn(move || {
            host.run(&Pending::new(task));
            host.0.busy.fetch_sub(1, Ordering::Release);
        });
    }
}
