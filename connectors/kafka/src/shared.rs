//! What the thread that serves a consumer, its callbacks and the source share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use event_listener::{Event as Notify, EventListener};

use rdkafka::error::KafkaResult;
use temblor_pdk::Host;
use temblor_pdk::log::Level;

use crate::client::Outside;
use crate::config::ConsumerSettings;
use crate::lanes::{Lanes, Rewind};
use crate::poller::Arriving;
use crate::rebalance::Cells;
use crate::record::Chunk;

/// Beyond this many records or bytes that the engine has not taken, nothing more is fetched.
const QUEUED_RECORDS: usize = 8 * 1024;
const QUEUED_BYTES: usize = 8 * 1024 * 1024;

/// What thread, callbacks and source share.
pub(crate) struct Shared {
    pub(crate) outside: Outside,
    pub(crate) settings: Arc<ConsumerSettings>,
    pub(crate) cells: Cells,
    lanes: Mutex<Lanes>,
    /// Whether an offset was reached, or a lane is to be consumed again.
    pub(crate) has_news: AtomicBool,
    pub(crate) rewinds: Mutex<Vec<Rewind>>,
    pub(crate) queued_records: AtomicUsize,
    pub(crate) queued_bytes: AtomicUsize,
    /// Delivered, and not committed.
    uncommitted: AtomicU64,
    /// Held by whoever commits, from looking what there is until it is done.
    turn: Mutex<()>,
    made: Instant,
    /// When this was known to be a member of the group, in milliseconds since it was made.
    known_at: AtomicU64,
    /// Told when something may be handed over again.
    goes_on: Notify,
    pub(crate) is_paused: AtomicBool,
    /// Nothing more is to be fetched: the flow drains.
    pub(crate) is_draining: AtomicBool,
    pub(crate) is_stopping: AtomicBool,
    pub(crate) thread: OnceLock<Thread>,
    /// The thread that commits.
    pub(crate) committer: OnceLock<Thread>,
    /// The way to the source, as long as the thread runs.
    pub(crate) nudges: OnceLock<flume::WeakSender<Arriving>>,
}

impl Shared {
    pub(crate) fn new(host: &Host, settings: &Arc<ConsumerSettings>) -> Arc<Self> {
        Arc::new(Shared {
            outside: Outside::new(host, &settings.brokers),
            settings: Arc::clone(settings),
            cells: Cells::new(host),
            lanes: Mutex::default(),
            has_news: AtomicBool::new(false),
            rewinds: Mutex::default(),
            queued_records: AtomicUsize::new(0),
            queued_bytes: AtomicUsize::new(0),
            uncommitted: AtomicU64::new(0),
            turn: Mutex::default(),
            made: Instant::now(),
            known_at: AtomicU64::new(0),
            goes_on: Notify::new(),
            is_paused: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            thread: OnceLock::new(),
            committer: OnceLock::new(),
            nudges: OnceLock::new(),
        })
    }

    pub(crate) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> String {
        let ConsumerSettings { group, brokers, .. } = &*self.settings;
        format!("the member of group `{group}` at `{brokers}`")
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Notes that this is a member of the group, as far as is known: the thread runs, and the brokers have not said
    /// otherwise.
    pub(crate) fn confirm(&self) {
        let millis = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.known_at.store(millis, Ordering::Release);
        // Whoever was in doubt just now waits.
        self.go_on();
    }

    /// For how long nobody has known whether this is still a member, if that is so long that it may not be: the process
    /// was stopped, or got no time.
    pub(crate) fn doubt(&self) -> Option<Duration> {
        let known_at = Duration::from_millis(self.known_at.load(Ordering::Acquire));
        let since = self.made.elapsed().saturating_sub(known_at);
        (since > self.settings.dead_after / 2).then_some(since)
    }

    /// Counts what is delivered and not committed; returns how much that is.
    pub(crate) fn count_uncommitted(&self) -> u64 {
        let count = self.lanes().uncommitted();
        self.uncommitted.store(count, Ordering::Release);
        count
    }

    /// Whether so much is uncommitted that it is committed before its time.
    pub(crate) fn is_much_uncommitted(&self) -> bool {
        let uncommitted = self.uncommitted.load(Ordering::Acquire);
        let policy = self.settings.commits;
        policy.is_some_and(|policy| uncommitted >= policy.most.div_ceil(4))
    }

    /// The turn to commit.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether records may be handed over: the partitions are this member's as far as anybody knows, and not too much is
    /// uncommitted.
    pub(crate) fn may_go_on(&self) -> bool {
        let most = self.settings.commits.map_or(u64::MAX, |policy| policy.most);
        self.doubt().is_none() && self.uncommitted.load(Ordering::Acquire) < most
    }

    /// Hears of it when that may have changed.
    pub(crate) fn listen(&self) -> EventListener {
        self.goes_on.listen()
    }

    /// Says that it may have changed.
    pub(crate) fn go_on(&self) {
        self.goes_on.notify(usize::MAX);
    }

    /// The source is to look what there is to say of lanes.
    pub(crate) fn nudge(&self) {
        if let Some(chunks) = self.nudges.get().and_then(flume::WeakSender::upgrade) {
            let _ = chunks.send(Ok(None));
        }
        self.go_on();
    }

    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.wake();
        if let Some(committer) = self.committer.get() {
            committer.unpark();
        }
    }

    /// The source has taken a chunk out of the queue.
    pub(crate) fn taken(&self, chunk: &Chunk) {
        self.queued_records.fetch_sub(chunk.len(), Ordering::AcqRel);
        self.queued_bytes.fetch_sub(chunk.bytes(), Ordering::AcqRel);
        if !self.is_full() {
            self.wake();
        }
    }

    /// Fates have changed something.
    pub(crate) fn settled(&self, rewinds: Vec<Rewind>) {
        if !rewinds.is_empty() {
            let mut waiting = self.rewinds.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(rewinds);
        }
        self.has_news.store(true, Ordering::Release);
        self.wake();
        self.count_uncommitted();
        if self.is_much_uncommitted()
            && let Some(committer) = self.committer.get()
        {
            committer.unpark();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.queued_records.load(Ordering::Acquire) >= QUEUED_RECORDS
            || self.queued_bytes.load(Ordering::Acquire) >= QUEUED_BYTES
    }

    /// Logs what did not work and is tried again.
    pub(crate) fn report(&self, what: &str, result: KafkaResult<()>) {
        if let Err(reason) = result {
            let message = format!("{}: cannot {what}: {reason}", self.name());
            self.outside.host.log(Level::Warn, &message);
        }
    }
}
