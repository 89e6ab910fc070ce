//! When it is committed how far this member has come, and whether it is a member at all, which a commit says too.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use temblor_pdk::Error;
use temblor_pdk::log::Level;

use crate::client::hint;
use crate::config::CommitPolicy;
use crate::place::{Place, list_of, places};
use crate::poller::Arriving;
use crate::rebalance::Callbacks;
use crate::shared::Shared;

/// How long it is waited before a question is asked again that could not be answered yet.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether a commit has failed because the group is about to share its partitions out anew. This member has not learnt
/// yet what generation the group is in; the next commit makes up for it.
pub(crate) fn is_in_flux(code: Code) -> bool {
    matches!(code, Code::IllegalGeneration | Code::RebalanceInProgress)
}

/// Starts the thread that commits, where that is not left to librdkafka.
pub(crate) fn start(
    shared: &Arc<Shared>,
    consumer: &Arc<BaseConsumer<Callbacks>>,
    chunks: &flume::Sender<Arriving>,
) -> Option<JoinHandle<()>> {
    let policy = shared.settings.commits?;
    let (serving, consumer) = (Arc::clone(shared), Arc::clone(consumer));
    let thread = std::thread::Builder::new().name("kafka commits".to_owned());
    let started = thread.spawn(move || {
        keep(&serving, &consumer, policy);
    });
    match started {
        Ok(committer) => {
            let _ = shared.committer.set(committer.thread().clone());
            Some(committer)
        }
        Err(reason) => {
            let message = format!("cannot start a thread that commits: {reason}");
            let _ = chunks.send(Err(Error::disconnected(message)));
            None
        }
    }
}

/// Commits in a thread of its own, until the connector stops: waiting for a commit keeps nothing else from going on, and
/// whoever commits in the background is not told by librdkafka what came of it.
fn keep(shared: &Shared, consumer: &BaseConsumer<Callbacks>, policy: CommitPolicy) {
    let mut last = Instant::now();
    let mut has_failed = false;
    while !shared.is_stopping() {
        let since = last.elapsed();
        let wait = match has_failed {
            true => AGAIN,
            false if shared.is_much_uncommitted() => Duration::ZERO,
            false => policy.interval,
        };
        if let Some(left) = wait.checked_sub(since).filter(|left| !left.is_zero()) {
            // Woken by fates.
            std::thread::park_timeout(left);
            continue;
        }
        last = Instant::now();
        has_failed = false;
        if let Err(code) = commit_news(shared, consumer) {
            has_failed = true;
            if !is_in_flux(code) {
                tell_failed(shared, code);
            }
        }
    }
}

fn commit_news(shared: &Shared, consumer: &BaseConsumer<Callbacks>) -> Result<(), Code> {
    let _turn = shared.turn();
    if shared.count_uncommitted() == 0 {
        return Ok(());
    }
    let list = shared.lanes().to_commit();
    commit_list(shared, consumer, &list_of(list))
}

/// What the thread that polls knows of its membership.
#[derive(Default)]
pub(crate) struct Membership {
    asked: Option<Instant>,
}

impl Membership {
    /// Asks the brokers whether this is still a member, if nobody knows because the process got no time. Until they have
    /// answered, nothing is handed over: the partitions may be another's.
    pub(crate) fn ask(&mut self, shared: &Shared, consumer: &BaseConsumer<Callbacks>) {
        if consumer.assignment_lost() {
            shared.lanes().stop_all();
        }
        let Some(doubt) = shared.doubt() else {
            return shared.confirm();
        };
        if self.asked.is_some_and(|asked| asked.elapsed() < AGAIN) {
            return;
        }
        self.asked = Some(Instant::now());
        match standing(shared, consumer) {
            // Asked too early: what generation the group is in comes with its answer to the rebalance.
            Err(Code::IllegalGeneration) => return,
            Err(Code::UnknownMemberId | Code::FencedInstanceId) => {
                shared.lanes().stop_all();
                let message = format!(
                    "{} got no time for {} ms and was taken for dead",
                    shared.name(),
                    doubt.as_millis()
                );
                shared.outside.host.log(Level::Warn, &message);
            }
            // Whatever else is wrong, such as a broker that is away, is no sign that the partitions are another's.
            Ok(()) | Err(_) => {}
        }
        self.asked = None;
        shared.confirm();
    }
}

/// Commits once more where this member stands. Only a member can.
fn standing(shared: &Shared, consumer: &BaseConsumer<Callbacks>) -> Result<(), Code> {
    if shared.settings.commits.is_none() {
        return Ok(());
    }
    let _turn = shared.turn();
    let list = shared.lanes().standing();
    commit_list(shared, consumer, &list_of(list))
}

/// Commits how far partitions have come, and waits for it.
pub(crate) fn commit(
    shared: &Shared,
    consumer: &BaseConsumer<Callbacks>,
    places: &[Place],
) -> Result<(), Code> {
    let _turn = shared.turn();
    let lanes = shared.lanes();
    let reached = places
        .iter()
        .filter_map(|place| Some((place.clone(), lanes.reached(place)?)));
    let list = list_of(reached);
    drop(lanes);
    // Stored as well, so that a commit by librdkafka that is under way does not fall back.
    let _ = consumer.store_offsets(&list);
    commit_list(shared, consumer, &list)
}

/// Whoever calls it has the turn: otherwise an older commit might come behind a newer one.
fn commit_list(
    shared: &Shared,
    consumer: &BaseConsumer<Callbacks>,
    list: &TopicPartitionList,
) -> Result<(), Code> {
    if list.count() == 0 {
        return Ok(());
    }
    match consumer.commit(list, CommitMode::Sync) {
        Ok(()) => {
            shared.cells.commits.add(1);
            shared.committed(list);
            Ok(())
        }
        Err(reason) => {
            shared.cells.failed_commits.add(1);
            Err(reason.rdkafka_error_code().unwrap_or(Code::Unknown))
        }
    }
}

/// Commits everything that was reached, and waits for it.
pub(crate) fn commit_all(shared: &Shared, consumer: &BaseConsumer<Callbacks>) -> Result<(), Code> {
    match consumer.assignment() {
        Ok(list) => commit(shared, consumer, &places(&list)),
        // One that is closed has nothing any more.
        Err(_) => Ok(()),
    }
}

/// Tries something until it is done, a time has come, or it fails in a way that does not pass.
pub(crate) fn insist(
    until: Instant,
    passes: impl Fn(Code) -> bool,
    mut attempt: impl FnMut() -> Result<(), Code>,
    wait: impl Fn(),
) -> Result<(), Code> {
    loop {
        match attempt() {
            Err(code) if passes(code) && Instant::now() < until => wait(),
            done => return done,
        }
    }
}

/// Whether the brokers may take a commit in a moment, even if this member does nothing.
pub(crate) fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::RebalanceInProgress
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::RequestTimedOut
    )
}

/// Logs that a commit has failed.
pub(crate) fn tell_failed(shared: &Shared, code: Code) {
    let way_out = hint(code).map_or(String::new(), |help| format!("\nhelp: {help}"));
    let message = format!(
        "{}: a commit has failed, and is made up for by the next: {code}{way_out}",
        shared.name()
    );
    shared.outside.host.log(Level::Warn, &message);
}

/// Logs that partitions go away without a commit.
pub(crate) fn tell_left(shared: &Shared, code: Code) {
    let message = format!(
        "{}: cannot commit partitions that go away, so a part of their records comes again: {code}",
        shared.name()
    );
    shared.outside.host.log(Level::Warn, &message);
}

impl Shared {
    /// Partitions are committed.
    pub(crate) fn committed(&self, list: &TopicPartitionList) {
        let mut lanes = self.lanes();
        for element in list.elements() {
            if let (Ok(()), Offset::Offset(offset)) = (element.error(), element.offset()) {
                lanes.committed(&Place::of(&element), offset);
            }
        }
        drop(lanes);
        self.count_uncommitted();
        self.go_on();
    }
}
