//! Requests on their way through the engine, and who waits for their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use temblor_pdk::{Batch, Error, EventId, Fate, FateRange, Fates, Lane, PullNumber};

use super::budget::Reserved;

/// A request that came in.
pub(super) struct Arrived {
    pub(super) lane: Lane,
    pub(super) about: About,
    pub(super) body: Vec<u8>,
    /// Room for the body, until the engine counts it.
    pub(super) _reserved: Reserved,
    /// Where its answer goes. It leads nowhere when nobody waits any more.
    pub(super) answer: flume::Sender<Answer>,
}

/// What an event says of the request that it came with.
pub(super) struct About {
    pub(super) head: Parts,
    pub(super) peer: Peer,
    pub(super) is_tls: bool,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What a request is answered with.
pub(super) enum Answer {
    /// What the flow sent back.
    Reply(Reply),
    /// Its events had their fate, and nothing came back.
    Fate(Fate),
    /// It failed, because it could not be decoded.
    Undecodable(String),
    /// Nobody takes requests any more.
    Ending,
}

/// What the flow sent back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body is the payload of this event of the batch.
    pub(super) batch: Batch,
    pub(super) at: usize,
    pub(super) settle: Settle,
}

/// Tells the fate of a reply: delivered when it was written, else failed.
pub(super) struct Settle {
    fates: Fates,
    at: usize,
    peer: Peer,
    told: bool,
}

impl Settle {
    /// It was written.
    pub(super) fn delivered(mut self) {
        self.told = true;
        self.fates.acked_range(self.at..self.at + 1);
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if !self.told {
            let peer = &self.peer;
            let error = Error::rejected(format!("{peer} went away before its answer was written"));
            self.fates.failed_range(self.at..self.at + 1, &error);
        }
    }
}

/// Where requests wait, and their answers are found.
pub(super) struct Exchange {
    waiting: flume::Sender<Arrived>,
    /// What the source takes.
    pub(super) arrived: flume::Receiver<Arrived>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the source, once it has one.
    source: Option<u32>,
    /// Requests whose fate is open.
    open: BTreeMap<(Lane, u64), Open>,
    lanes: Lanes,
    is_ending: bool,
}

/// A request whose fate is open.
struct Open {
    /// Gone when it was answered.
    answer: Option<flume::Sender<Answer>>,
    peer: Peer,
    /// Why it could not be decoded, if that is so.
    undecodable: Option<String>,
}

/// The numbers of lanes: each connection has one, and fates come in order within it. A number is used again once
/// nothing of it is open.
#[derive(Default)]
struct Lanes {
    free: Vec<Lane>,
    made: Lane,
    /// Lanes whose connection has ended while a request was open.
    left: BTreeSet<Lane>,
}

impl Exchange {
    pub(super) fn new() -> Self {
        // Bounded by the number of connections, each of which has one request at a time.
        let (waiting, arrived) = flume::unbounded();
        Exchange {
            waiting,
            arrived,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_lane(&self) -> Lane {
        let lanes = &mut self.lock().lanes;
        lanes.free.pop().unwrap_or_else(|| {
            lanes.made += 1;
            lanes.made - 1
        })
    }

    pub(super) fn close_lane(&self, lane: Lane) {
        let mut state = self.lock();
        match state.is_open(lane) {
            true => drop(state.lanes.left.insert(lane)),
            false => state.lanes.free.push(lane),
        }
    }

    /// Hands a request to the source. It is answered at once if nobody takes requests any more.
    pub(super) fn submit(&self, arrived: Arrived) {
        // Under the lock, so that none is left behind when it ends.
        let state = self.lock();
        match state.is_ending {
            true => drop(arrived.answer.try_send(Answer::Ending)),
            // It fails only without a receiver, and there is one.
            false => drop(self.waiting.try_send(arrived)),
        }
    }

    /// Nobody takes requests any more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_ending = true;
        for arrived in self.arrived.try_iter() {
            let _ = arrived.answer.try_send(Answer::Ending);
        }
    }

    /// Nobody will tell fates any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        for arrived in self.arrived.try_iter() {
            let _ = arrived.answer.try_send(Answer::Ending);
        }
        for (_, open) in std::mem::take(&mut state.open) {
            if let Some(answer) = open.answer {
                let _ = answer.try_send(Answer::Ending);
            }
        }
        let left = std::mem::take(&mut state.lanes.left);
        state.lanes.free.extend(left);
    }

    /// The request goes on its way as this pull.
    pub(super) fn pulled(
        &self,
        number: PullNumber,
        lane: Lane,
        answer: flume::Sender<Answer>,
        peer: Peer,
    ) {
        let mut state = self.lock();
        state.source = Some(number.source);
        let open = Open {
            answer: Some(answer),
            peer,
            undecodable: None,
        };
        state.open.insert((lane, number.pull), open);
    }

    /// The request could not be decoded.
    pub(super) fn undecodable(&self, lane: Lane, pull: u64, reason: &str) {
        if let Some(open) = self.lock().open.get_mut(&(lane, pull)) {
            open.undecodable = Some(reason.to_owned());
        }
    }

    /// Takes fates in.
    pub(super) fn settled(&self, fates: &[FateRange]) {
        let mut state = self.lock();
        for range in fates {
            let from = (range.lane, range.first_pull);
            let to = (range.lane, range.last_pull);
            let keys: Vec<_> = state.open.range(from..=to).map(|(key, _)| *key).collect();
            for key in keys {
                if let Some(open) = state.open.remove(&key) {
                    open.end(range.fate);
                }
            }
            if !state.is_open(range.lane) && state.lanes.left.remove(&range.lane) {
                state.lanes.free.push(range.lane);
            }
        }
    }

    /// Takes the place of the answer to the request that an event came from; the first that comes has it.
    pub(super) fn claim(&self, id: &EventId) -> Result<Claim, Error> {
        let mut state = self.lock();
        let foreign = || {
            Error::rejected(
                "the event answers no request that waits for an answer\n\
                 help: send back what came from this connector",
            )
        };
        if state.source != Some(id.source) {
            return Err(foreign());
        }
        let open = state.open.get_mut(&(id.lane, id.pull));
        let open = open.ok_or_else(foreign)?;
        let peer = open.peer.clone();
        match open.answer.take() {
            Some(answer) if answer.is_disconnected() => Err(Error::rejected(format!(
                "{peer} does not wait for an answer any more"
            ))),
            Some(answer) => Ok(Claim { answer, peer }),
            None => Err(Error::rejected(format!(
                "the request of {peer} has its answer already; the first counts"
            ))),
        }
    }
}

impl Open {
    /// Answers with what became of the request, if nothing else was answered.
    fn end(self, fate: Fate) {
        let Some(answer) = self.answer else { return };
        let what = match (fate, self.undecodable) {
            (Fate::Failed, Some(reason)) => Answer::Undecodable(reason),
            (fate, _) => Answer::Fate(fate),
        };
        // Nobody may be waiting any more.
        let _ = answer.try_send(what);
    }
}

impl State {
    fn is_open(&self, lane: Lane) -> bool {
        let mut of_lane = self.open.range((lane, 0)..=(lane, u64::MAX));
        of_lane.next().is_some()
    }
}

/// The right to answer a request.
pub(super) struct Claim {
    answer: flume::Sender<Answer>,
    peer: Peer,
}

impl Claim {
    /// Answers. The fate of the event is told when the answer is written, or cannot be.
    pub(super) fn answer(
        self,
        status: StatusCode,
        headers: HeaderMap,
        batch: &Batch,
        at: usize,
        fates: &Fates,
    ) {
        let settle = Settle {
            fates: fates.clone(),
            at,
            peer: self.peer,
            told: false,
        };
        // What is not taken is dropped, and has failed then.
        let _ = self.answer.try_send(Answer::Reply(Reply {
            status,
            headers,
            batch: batch.clone(),
            at,
            settle,
        }));
    }
}
