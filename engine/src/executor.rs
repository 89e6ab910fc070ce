//! Worker threads, and the watchdog that replaces one that does not come back.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use log::Level;
use smol::Executor;
use temblor_pdk::{Error, ErrorKind};

use crate::clock::Clock;
use crate::host::Shared;
use crate::limits::STUCK_AFTER;
use crate::log::LogRecord;

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A task that has run for so long lets others run.
const SLICE_NS: u64 = 10_000_000;

thread_local! {
    /// The worker that this thread is, if it is one.
    static WORKER: RefCell<Option<Arc<Worker>>> = const { RefCell::new(None) };
}

/// What the watchdog knows of a worker.
struct Worker {
    /// When the poll under way began, in nanoseconds of the engine's clock; 0 between polls.
    busy_since_ns: AtomicU64,
    /// What is being polled.
    busy_with: Mutex<Option<Arc<Watch>>>,
    /// Ends the worker's run once its poll returns.
    retire: flume::Sender<()>,
}

/// What the watchdog knows of a task.
struct Watch {
    name: Arc<str>,
    /// Told when a poll of the task does not return.
    hung: Option<Box<dyn Fn() + Send + Sync>>,
}

/// A worker that was replaced, until its poll returns.
struct Stuck {
    worker: Arc<Worker>,
    since_ns: u64,
    with: Option<Arc<Watch>>,
    is_told: bool,
}

/// The workers of an engine and their watchdog. Dropping it ends them.
pub(crate) struct Workers {
    pool: Arc<Pool>,
    /// Dropped to end the watchdog.
    watch: Option<flume::Sender<()>>,
    watchdog: Option<JoinHandle<()>>,
}

struct Pool {
    shared: Arc<Shared>,
    workers: Mutex<Vec<Arc<Worker>>>,
    stuck: Mutex<Vec<Stuck>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(crate) fn start(shared: Arc<Shared>, count: usize) -> std::io::Result<Self> {
        let pool = Arc::new(Pool {
            shared,
            workers: Mutex::new(Vec::new()),
            stuck: Mutex::new(Vec::new()),
            threads: Mutex::new(Vec::new()),
        });
        let (watch, ended) = flume::bounded(1);
        // Made first, so that workers end if one of them cannot be started.
        let mut workers = Workers {
            pool: Arc::clone(&pool),
            watch: Some(watch),
            watchdog: None,
        };
        for _ in 0..count.max(1) {
            pool.add()?;
        }
        let watchdog = std::thread::Builder::new()
            .name("temblor-watchdog".to_owned())
            .spawn(move || {
                while ended.recv_timeout(LOOK_EVERY) == Err(flume::RecvTimeoutError::Timeout) {
                    pool.look();
                }
            })?;
        workers.watchdog = Some(watchdog);
        Ok(workers)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.watch.take());
        if let Some(watchdog) = self.watchdog.take() {
            let _ = watchdog.join();
        }
        if self.pool.end() {
            // Tasks that were cancelled last are still to be dropped.
            while self.pool.shared.executor.try_tick() {}
        }
    }
}

impl Pool {
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
        let mut threads = self.lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> std::sync::MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces every worker whose poll takes too long. The stuck one ends when its poll returns.
    fn look(&self) {
        self.shared.logger.tick();
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
            let with = self.lock(&worker.busy_with).clone();
            self.report(with.as_ref().map(|with| &*with.name));
            let replaced = &self.shared.workers_replaced;
            replaced.fetch_add(1, Ordering::Relaxed);
            self.lock(&self.stuck).push(Stuck {
                since_ns: worker.busy_since_ns.load(Ordering::Relaxed),
                worker,
                with,
                is_told: false,
            });
            if let Err(error) = self.add() {
                let message = format!("cannot start a substitute worker: {error}");
                self.log(Level::Error, None, &message);
            }
        }
        self.look_at_stuck(now);
    }

    /// Tells whom it concerns of polls that do not return, and forgets workers whose poll has returned.
    fn look_at_stuck(&self, now: u64) {
        let hang_after = self.shared.supervision.hang_after;
        let mut hung = Vec::new();
        self.lock(&self.stuck).retain_mut(|stuck| {
            let since = stuck.worker.busy_since_ns.load(Ordering::Relaxed);
            if since == 0 || since != stuck.since_ns {
                return false;
            }
            if !stuck.is_told && u128::from(now.saturating_sub(since)) > hang_after.as_nanos() {
                stuck.is_told = true;
                hung.extend(stuck.with.clone());
            }
            true
        });
        for with in hung {
            match &with.hung {
                Some(tell) => tell(),
                None => {
                    let message = format!("a poll does not return for {hang_after:?}");
                    self.log(Level::Error, Some(&with.name), &message);
                }
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
            pipeline: None,
            plugin: None,
            target: "temblor::watchdog",
            message,
        });
    }

    /// Ends all workers. Says whether all have ended.
    fn end(&self) -> bool {
        for worker in self.lock(&self.workers).drain(..) {
            let _ = worker.retire.try_send(());
        }
        let threads: Vec<_> = self.lock(&self.threads).drain(..).collect();
        let mut all = true;
        for thread in threads {
            // A stuck worker is left behind: joining it could take for ever. A program may also drop its engine on
            // one of the engine's own threads.
            let is_this = thread.thread().id() == std::thread::current().id();
            let ended = !is_this && wait_for(&thread);
            all &= ended;
            if ended {
                let _ = thread.join();
            }
        }
        all
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

/// Lets others run if the poll under way has taken long. A task that never waits calls it now and then.
pub(crate) async fn give_way(clock: &Clock) {
    let since = WORKER.with_borrow(|worker| {
        let worker = worker.as_ref()?;
        Some(worker.busy_since_ns.load(Ordering::Relaxed))
    });
    let is_due = |since| since != 0 && clock.now_ns().saturating_sub(since) > SLICE_NS;
    if since.is_some_and(is_due) {
        smol::future::yield_now().await;
    }
}

/// A task whose polls the watchdog sees, with the name it is reported under, and whose panics stop here.
pub(crate) struct Watched<F, P> {
    watch: Arc<Watch>,
    shared: Arc<Shared>,
    /// None once it panicked.
    task: Option<Pin<Box<F>>>,
    panicked: P,
}

impl<F, P> Watched<F, P>
where
    F: Future<Output = ()>,
    P: FnMut(Error) + Unpin,
{
    /// Wraps a task. If it panics, it is over, and `panicked` learns why.
    pub(crate) fn new(name: &str, shared: &Arc<Shared>, task: F, panicked: P) -> Self {
        Watched {
            watch: Arc::new(Watch {
                name: Arc::from(name),
                hung: None,
            }),
            shared: Arc::clone(shared),
            task: Some(Box::pin(task)),
            panicked,
        }
    }

    /// The same task, with someone to be told when a poll of it does not return.
    pub(crate) fn on_hang(mut self, hung: impl Fn() + Send + Sync + 'static) -> Self {
        self.watch = Arc::new(Watch {
            name: Arc::clone(&self.watch.name),
            hung: Some(Box::new(hung)),
        });
        self
    }

    fn poll_fenced(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(task) = &mut self.task else {
            return Poll::Ready(());
        };
        match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                let error = Error::new(ErrorKind::Bug, format!("panicked: {}", text(&*payload)));
                // Dropping either could throw again.
                std::mem::forget(payload);
                let task = self.task.take();
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(task)));
                std::mem::forget(dropped);
                (self.panicked)(error);
                Poll::Ready(())
            }
        }
    }
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    let string = || payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(string)
        .unwrap_or("with a payload that is not text")
}

impl<F, P> Future for Watched<F, P>
where
    F: Future<Output = ()>,
    P: FnMut(Error) + Unpin,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(worker) = WORKER.with_borrow(Clone::clone) else {
            return self.poll_fenced(cx);
        };
        *worker
            .busy_with
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&self.watch));
        let now = self.shared.clock.now_ns().max(1);
        worker.busy_since_ns.store(now, Ordering::Relaxed);
        let polled = self.poll_fenced(cx);
        worker.busy_since_ns.store(0, Ordering::Relaxed);
        polled
    }
}
