//! Worker threads, and the watchdog that replaces one that does not come back.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use log::Level;
use smol::Executor;

use crate::host::Shared;
use crate::log::LogRecord;

/// A poll that takes longer than this holds its worker up.
const STUCK_AFTER: Duration = Duration::from_millis(100);
/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

thread_local! {
    /// The worker that this thread is, if it is one.
    static WORKER: RefCell<Option<Arc<Worker>>> = const { RefCell::new(None) };
}

/// What the watchdog knows of a worker.
struct Worker {
    /// When the poll under way began, in nanoseconds of the engine's clock; 0 between polls.
    busy_since_ns: AtomicU64,
    /// What is being polled.
    busy_with: Mutex<Option<Arc<str>>>,
    /// Ends the worker's run once its poll returns.
    retire: flume::Sender<()>,
}

/// The workers of an engine. Dropping it ends them.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    workers: Mutex<Vec<Arc<Worker>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(crate) fn start(shared: Arc<Shared>, count: usize) -> std::io::Result<Arc<Self>> {
        let workers = Arc::new(Workers {
            shared,
            workers: Mutex::new(Vec::new()),
            threads: Mutex::new(Vec::new()),
        });
        for _ in 0..count.max(1) {
            workers.add()?;
        }
        let weak = Arc::downgrade(&workers);
        std::thread::Builder::new()
            .name("temblor-watchdog".to_owned())
            .spawn(move || {
                while let Some(workers) = weak.upgrade() {
                    workers.look();
                    drop(workers);
                    std::thread::sleep(LOOK_EVERY);
                }
            })?;
        Ok(workers)
    }

    /// Starts one more worker.
    fn add(&self) -> std::io::Result<()> {
        let (retire, retired) = flume::bounded(1);
        let worker = Arc::new(Worker {
            busy_since_ns: AtomicU64::new(0),
            busy_with: Mutex::new(None),
            retire,
        });
        let executor = Arc::clone(&self.shared.executor);
        let this = Arc::clone(&worker);
        let thread = std::thread::Builder::new()
            .name("temblor-worker".to_owned())
            .spawn(move || work(&executor, this, &retired))?;
        self.lock(&self.workers).push(worker);
        self.lock(&self.threads).push(thread);
        Ok(())
    }

    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> std::sync::MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces every worker whose poll takes too long. The stuck one ends when its poll returns.
    fn look(&self) {
        let now = self.shared.clock.now_ns();
        let is_stuck = |worker: &Arc<Worker>| {
            let since = worker.busy_since_ns.load(Ordering::Relaxed);
            since != 0 && u128::from(now.saturating_sub(since)) > STUCK_AFTER.as_nanos()
        };
        let stuck: Vec<_> = self
            .lock(&self.workers)
            .extract_if(.., |w| is_stuck(w))
            .collect();
        for worker in stuck {
            // A full channel means that it was told already.
            let _ = worker.retire.try_send(());
            let name = self.lock(&worker.busy_with).clone();
            self.report(name.as_deref());
            if let Err(error) = self.add() {
                let message = format!("cannot start a substitute worker: {error}");
                self.log(Level::Error, None, &message);
            }
        }
    }

    fn report(&self, connector: Option<&str>) {
        let message = format!(
            "a poll takes longer than {} ms; a substitute worker takes over",
            STUCK_AFTER.as_millis()
        );
        self.log(Level::Warn, connector, &message);
    }

    fn log(&self, level: Level, connector: Option<&str>, message: &str) {
        self.shared.logger.log(&LogRecord {
            level,
            flow: None,
            connector,
            plugin: None,
            target: "temblor::watchdog",
            message,
        });
    }

    /// The number of workers that are not stuck.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock(&self.workers).len()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in self.lock(&self.workers).drain(..) {
            let _ = worker.retire.try_send(());
        }
        let threads: Vec<_> = self.lock(&self.threads).drain(..).collect();
        for thread in threads {
            // A stuck worker is left behind: joining it could take for ever.
            let is_this = thread.thread().id() == std::thread::current().id();
            if !is_this && wait_for(&thread) {
                let _ = thread.join();
            }
        }
    }
}

/// Gives a thread a moment to end.
fn wait_for(thread: &JoinHandle<()>) -> bool {
    for _ in 0..200 {
        if thread.is_finished() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    thread.is_finished()
}

fn work(executor: &Executor<'static>, worker: Arc<Worker>, retired: &flume::Receiver<()>) {
    WORKER.with_borrow_mut(|slot| *slot = Some(worker));
    // Either way the worker is to end: told to, or the engine is gone.
    let _ = smol::block_on(executor.run(retired.recv_async()));
    WORKER.with_borrow_mut(|slot| *slot = None);
}

/// A task whose polls the watchdog sees, with the name it is reported under.
pub(crate) struct Watched<F> {
    name: Arc<str>,
    shared: Arc<Shared>,
    task: Pin<Box<F>>,
}

impl<F: Future> Watched<F> {
    pub(crate) fn new(name: &str, shared: &Arc<Shared>, task: F) -> Self {
        Watched {
            name: Arc::from(name),
            shared: Arc::clone(shared),
            task: Box::pin(task),
        }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(worker) = WORKER.with_borrow(Clone::clone) else {
            return self.task.as_mut().poll(cx);
        };
        *worker
            .busy_with
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&self.name));
        let now = self.shared.clock.now_ns().max(1);
        worker.busy_since_ns.store(now, Ordering::Relaxed);
        let polled = self.task.as_mut().poll(cx);
        worker.busy_since_ns.store(0, Ordering::Relaxed);
        polled
    }
}
