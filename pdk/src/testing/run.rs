//! Running an instance from a test: polls, waits, and what goes in and comes out.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::TestHost;
use crate::abi::FateSink;
use crate::{
    Arena, Batch, BatchBuilder, Buffer, Command, Error, Event, Fates, Field, Instance, Lane,
    LaneNotice, LaneStart, Outcome, PullLimits, PullNumber, Reply, Result, Value,
};

/// How long a test waits for a reply before it fails; far longer than any should take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far a clock that is set moves when an instance lets others run: it may be waiting for time to pass.
const SPIN_NS: u64 = 1_000;

/// A side of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that hands events over.
    Source,
    /// The side that takes events.
    Sink,
}

/// Remembers being woken.
#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl Signal {
    /// Forgets being woken; says whether it was.
    fn take(&self) -> bool {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *woken)
    }

    fn wait(&self, most: Duration) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(woken, most, |woken| !*woken);
        if let Ok((mut woken, _)) = waited {
            *woken = false;
        }
    }
}

/// An instance and the host that it runs on.
pub struct Running {
    instance: Box<dyn Instance>,
    host: TestHost,
    signal: Arc<Signal>,
    waker: Waker,
    pulls: u64,
    writes: u64,
    /// Lanes that began and have not ended, as the engine keeps them.
    lanes: BTreeSet<Lane>,
}

impl Running {
    /// Makes an instance ready to be run.
    #[must_use]
    pub fn new(instance: Box<dyn Instance>, host: &TestHost) -> Self {
        let signal = Arc::new(Signal::default());
        Running {
            instance,
            host: host.clone(),
            waker: Arc::clone(&signal).into(),
            signal,
            pulls: 0,
            writes: 0,
            lanes: BTreeSet::new(),
        }
    }

    /// Polls once.
    pub fn poll(&mut self, command: Option<Command>) -> Poll<Reply> {
        let mut cx = TaskContext::from_waker(&self.waker);
        self.instance.poll(command, &mut cx)
    }

    /// Asks a waiting pull to end.
    pub fn interrupt(&self) {
        self.instance.interrupt();
    }

    /// Gives a command and waits for the reply.
    #[track_caller]
    pub fn call(&mut self, command: Command) -> Reply {
        match self.poll(Some(command)) {
            Poll::Ready(reply) => reply,
            Poll::Pending => match self.wait(PATIENCE) {
                Some(reply) => reply,
                None => panic!("no reply within {PATIENCE:?}"),
            },
        }
    }

    /// Gives a command that has nothing to hand over, and waits until it is done.
    ///
    /// # Errors
    /// What the instance says.
    #[track_caller]
    pub fn tell(&mut self, command: Command) -> Result<()> {
        match self.call(command)? {
            Outcome::Done => Ok(()),
            other => panic!("`Done` expected, got {other:?}"),
        }
    }

    /// Waits for the reply to the command that was given; none if it takes longer than `most`.
    pub fn wait(&mut self, most: Duration) -> Option<Reply> {
        let end = Instant::now() + most;
        while Instant::now() < end {
            if self.host.is_set() {
                match self.signal.take() {
                    true => self.host.advance(SPIN_NS),
                    false => {
                        self.host.skip_to_timer();
                        self.signal.wait(Duration::from_millis(1));
                    }
                }
            } else {
                self.signal
                    .wait(end.saturating_duration_since(Instant::now()));
            }
            if let Poll::Ready(reply) = self.poll(None) {
                return Some(reply);
            }
        }
        None
    }

    /// Connects, makes one side and starts; returns that side. `self` stays the connector.
    ///
    /// # Errors
    /// What the connector says.
    #[track_caller]
    pub fn start(&mut self, side: Side) -> Result<Running> {
        self.tell(Command::Connect)?;
        let side = self.create(side)?;
        self.tell(Command::Start)?;
        Ok(side)
    }

    /// Makes one side.
    ///
    /// # Errors
    /// What the connector says.
    #[track_caller]
    pub fn create(&mut self, side: Side) -> Result<Running> {
        let command = match side {
            Side::Source => Command::CreateSource,
            Side::Sink => Command::CreateSink,
        };
        match self.call(command)? {
            Outcome::Instance(instance) => Ok(Running::new(instance, &self.host)),
            other => panic!("an instance expected, got {other:?}"),
        }
    }

    /// The command for the next pull, with the bounds that the engine uses by default.
    pub fn next_pull(&mut self) -> Command {
        let number = PullNumber {
            source: 0,
            pull: self.pulls,
        };
        self.pulls += 1;
        Command::Pull(PullLimits::default(), number)
    }

    /// Pulls once and waits for what comes of it.
    #[track_caller]
    pub fn pull(&mut self) -> Reply {
        let command = self.next_pull();
        self.call(command)
    }

    /// Answers what a source told of a lane as an engine does that has stored nothing and has nothing in flight.
    ///
    /// # Errors
    /// What the source says.
    ///
    /// # Panics
    /// If the lane has no name, or ends without having begun.
    #[track_caller]
    pub fn answer(&mut self, notice: &LaneNotice) -> Result<()> {
        match notice {
            LaneNotice::Begin { lane, name, .. } => {
                assert!(!name.is_empty(), "lane {lane} began without a name");
                self.lanes.insert(*lane);
                self.tell(Command::Assigned(LaneStart {
                    lane: *lane,
                    position: None,
                    is_kept: false,
                }))
            }
            LaneNotice::End { lane, deadline_ns } => {
                let had_begun = self.lanes.remove(lane);
                assert!(had_begun, "lane {lane} ended and had not begun");
                self.tell(Command::Revoke(*lane, *deadline_ns))
            }
            LaneNotice::Lose { lane } => {
                self.lanes.remove(lane);
                self.tell(Command::Lost(*lane))
            }
        }
    }

    /// The lanes that began and have not ended, as far as [`Running::answer`] was asked.
    #[must_use]
    pub fn lanes(&self) -> &BTreeSet<Lane> {
        &self.lanes
    }

    /// Pulls until the source ends, or has handed batches over `pulls` times.
    ///
    /// # Errors
    /// What the source says.
    #[track_caller]
    pub fn pull_all(&mut self, pulls: usize) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        while batches.len() < pulls {
            match self.pull()? {
                Outcome::Batch(batch, _) => batches.push(batch),
                Outcome::Idle => {}
                Outcome::Lane(notice) => self.answer(&notice)?,
                Outcome::End(batch, _) => {
                    batches.extend(batch);
                    break;
                }
                other => panic!("a batch expected, got {other:?}"),
            }
        }
        Ok(batches)
    }

    /// Writes a batch; its fates go to `fates`.
    ///
    /// # Errors
    /// What the sink says.
    #[track_caller]
    pub fn write(&mut self, batch: Batch, fates: &Arc<FateLog>) -> Result<()> {
        let fates = Fates::new(Arc::clone(fates), self.writes, batch.len());
        self.writes += 1;
        self.tell(Command::Write(batch, fates))
    }
}

/// One fate: the number of the write, the events, and the error if they failed.
pub type Settled = (u64, Range<usize>, Option<Error>);

/// Keeps the fates that a sink tells.
#[derive(Default)]
pub struct FateLog {
    settled: Mutex<Vec<Settled>>,
    changed: Condvar,
}

impl FateSink for FateLog {
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.push((write, range, error));
        self.changed.notify_all();
    }
}

impl FateLog {
    /// All fates so far.
    #[must_use]
    pub fn settled(&self) -> Vec<Settled> {
        let settled = self.settled.lock();
        settled.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many events have a fate, and a little patience; returns all fates.
    #[must_use]
    pub fn wait_for(&self, events: usize) -> Vec<Settled> {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let few = |settled: &mut Vec<Settled>| {
            settled
                .iter()
                .map(|(_, range, _)| range.len())
                .sum::<usize>()
                < events
        };
        let waited = self.changed.wait_timeout_while(settled, PATIENCE, few);
        waited.map_or_else(|_| Vec::new(), |(settled, _)| settled.clone())
    }
}

/// Makes a batch of byte payloads that lie behind each other, with times of ingest.
#[must_use]
pub fn batch_of_bytes(events: &[(&[u8], u64)]) -> Batch {
    let mut builder = BatchBuilder::new();
    let bytes: Vec<u8> = events
        .iter()
        .flat_map(|(bytes, _)| *bytes)
        .copied()
        .collect();
    builder.push_buffer(Buffer::from_vec(bytes), |content, sink| {
        let mut start = 0;
        for (bytes, ingest_ns) in events {
            let end = start + bytes.len();
            let mut event = Event::new(Value::bytes(&content[start..end]));
            event.ingest_ns = *ingest_ns;
            sink.push(event);
            start = end;
        }
    });
    builder.seal()
}

/// Makes a batch of records `{"number": n}`.
#[must_use]
pub fn batch_of_values(count: u64) -> Batch {
    let mut builder = BatchBuilder::new();
    for number in 0..count {
        builder
            .push(|arena: &Arena| Event::new(arena.object(&[Field::new("number", number.into())])));
    }
    builder.seal()
}

/// The payloads of batches: bytes as they are, values as JSON.
#[must_use]
pub fn payloads(batches: &[Batch]) -> Vec<Vec<u8>> {
    let events = batches.iter().flat_map(|batch| batch.events());
    let payloads = events.map(|event| match event.data.as_bytes() {
        Some(bytes) => bytes.to_vec(),
        None => {
            let mut json = Vec::new();
            event.data.write_json(&mut json);
            json
        }
    });
    payloads.collect()
}
