//! Contraflow into pipelines: what became of the events that operators sent, and which ways are closed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use temblor_lang::{State, Trail, Ways};
use temblor_pdk::{Batch, EventId, FeedbackKind};

use crate::clock::Clock;

/// What a pipeline keeps for operators that want to learn what became of the events that they sent.
pub(crate) struct Feedback {
    ways: Ways,
    /// Which of the ways the operators know to be closed.
    closed: Vec<bool>,
    back: Arc<Back>,
}

impl Feedback {
    /// `clock` is none where only events let time pass.
    pub(crate) fn new(ways: Ways, clock: Option<Clock>) -> Self {
        Feedback {
            closed: vec![false; ways.ways.len()],
            ways,
            back: Arc::new(Back {
                heard: Mutex::default(),
                has_heard: AtomicBool::new(false),
                clock,
                latest_ns: AtomicU64::new(0),
            }),
        }
    }

    /// An event came in at this time.
    pub(crate) fn set_time(&self, now_ns: u64) {
        self.back.latest_ns.store(now_ns, Ordering::Relaxed);
    }

    /// Tells operators what has happened since. `is_closed` says whether an output port leads where nothing can be
    /// sent now.
    pub(crate) fn hand_over(&mut self, state: &mut State, is_closed: impl Fn(usize) -> bool) {
        if self.back.has_heard.swap(false, Ordering::AcqRel) {
            let heard = std::mem::take(&mut *self.back.lock());
            for fate in heard {
                (0..fate.events).for_each(|_| state.tell(fate.trail, fate.kind, fate.now_ns));
            }
        }
        for (way, known) in self.ways.ways.iter().zip(&mut self.closed) {
            let closed = way.ports.iter().any(|port| is_closed(*port));
            if std::mem::replace(known, closed) != closed {
                let kind = match closed {
                    true => FeedbackKind::Open,
                    false => FeedbackKind::Close,
                };
                state.tell_way(way, kind, self.back.now_ns());
            }
        }
    }

    /// Whether events that come in should wait: an operator says so, or a closed way that none leads around.
    pub(crate) fn is_blocked(
        &self,
        state: &State,
        is_read: impl Fn(usize) -> bool,
        is_closed: impl Fn(usize) -> bool,
    ) -> bool {
        // Where only events let time pass, a pause would never end.
        if self.back.clock.is_some() && state.paused() {
            return true;
        }
        if self.ways.unguarded.iter().any(|port| is_closed(*port)) {
            return true;
        }
        let avoided = || self.ways.ways.iter().filter(|way| way.is_avoided);
        avoided().any(|first| {
            let own = avoided().filter(|way| way.operator == first.operator);
            let mut read = own.filter(|way| way.ports.iter().any(|port| is_read(*port)));
            read.all(|way| way.ports.iter().any(|port| is_closed(*port)))
                && first.ports.iter().any(|port| is_read(*port))
        })
    }

    /// Takes the trails off results. Returns what is to be told when their fate is known, if anything is.
    pub(crate) fn observe(&self, results: &mut Batch) -> Option<Arc<Observation>> {
        let mut seen = Vec::new();
        let clean = results.derive(|events, _, out| {
            for event in events {
                let mut event = *event;
                if let Some(trail) = Trail::take(&mut event) {
                    let (id, said) = (key(&event.id), Said::Nothing);
                    seen.push(Seen { id, trail, said });
                }
                out.push(event);
            }
        });
        *results = clean;
        if seen.is_empty() {
            return None;
        }
        seen.sort_unstable_by_key(|seen| seen.id);
        Some(Arc::new(Observation {
            back: Arc::clone(&self.back),
            sent_ns: self.back.now_ns(),
            marks: Mutex::new(Marks {
                seen,
                rest: Said::Nothing,
            }),
        }))
    }

    /// An event failed behind the operators of this trail, within the pipeline.
    pub(crate) fn failed(&self, trail: Trail) {
        self.back.push(Fate {
            trail,
            kind: FeedbackKind::Fail,
            now_ns: self.back.now_ns(),
            events: 1,
        });
    }
}

/// Where the fates of a pipeline's results come back to. Bounded by what is in flight.
struct Back {
    heard: Mutex<Vec<Fate>>,
    has_heard: AtomicBool,
    clock: Option<Clock>,
    /// The time of the latest event, for a flow without a clock.
    latest_ns: AtomicU64,
}

/// Events of one trail that had the same fate at the same time.
struct Fate {
    trail: Trail,
    kind: FeedbackKind,
    now_ns: u64,
    events: u32,
}

impl Back {
    fn lock(&self) -> MutexGuard<'_, Vec<Fate>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ns(&self) -> u64 {
        let latest = || self.latest_ns.load(Ordering::Relaxed);
        self.clock.map_or_else(latest, |clock| clock.now_ns())
    }

    fn push(&self, fate: Fate) {
        let mut heard = self.lock();
        match heard.last_mut() {
            Some(last) if last.is_like(&fate) => last.events += fate.events,
            _ => heard.push(fate),
        }
        drop(heard);
        self.has_heard.store(true, Ordering::Release);
    }
}

impl Fate {
    fn is_like(&self, other: &Fate) -> bool {
        (self.trail, self.kind, self.now_ns) == (other.trail, other.kind, other.now_ns)
    }
}

/// What is known of the results of one run that went to one port. When nobody can say more, it is told.
pub(crate) struct Observation {
    back: Arc<Back>,
    sent_ns: u64,
    marks: Mutex<Marks>,
}

struct Marks {
    /// In the order of the ids.
    seen: Vec<Seen>,
    /// What became of those that nothing was said of: something that stands for any of them had this fate.
    rest: Said,
}

struct Seen {
    id: Key,
    trail: Trail,
    said: Said,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Nothing,
    Arrived,
    Lost,
}

/// What names an event: source, lane, pull and place.
type Key = (u32, u32, u64, u32);

fn key(id: &EventId) -> Key {
    (id.source, id.lane, id.pull, id.event)
}

impl Observation {
    /// Events arrived.
    pub(crate) fn arrived<'a>(&self, ids: impl Iterator<Item = &'a EventId>, stands_for_all: bool) {
        self.say(ids, Said::Arrived, stands_for_all);
    }

    /// An event failed or was refused.
    pub(crate) fn lost(&self, id: &EventId, stands_for_all: bool) {
        self.say(std::iter::once(id), Said::Lost, stands_for_all);
    }

    fn say<'a>(&self, ids: impl Iterator<Item = &'a EventId>, said: Said, stands_for_all: bool) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Marks { seen, rest } = &mut *marks;
        if stands_for_all {
            *rest = said.max(*rest);
        }
        for id in ids.map(key) {
            let first = seen.partition_point(|seen| seen.id < id);
            let same = seen.iter_mut().skip(first).take_while(|seen| seen.id == id);
            same.for_each(|seen| seen.said = said.max(seen.said));
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let marks = self.marks.get_mut().unwrap_or_else(PoisonError::into_inner);
        let now_ns = self.back.now_ns();
        let latency_ns = now_ns.saturating_sub(self.sent_ns);
        for seen in &marks.seen {
            let said = match seen.said {
                Said::Nothing => marks.rest,
                said => said,
            };
            let kind = match said {
                Said::Nothing => continue,
                Said::Arrived => FeedbackKind::Ack { latency_ns },
                Said::Lost => FeedbackKind::Fail,
            };
            self.back.push(Fate {
                trail: seen.trail,
                kind,
                now_ns,
                events: 1,
            });
        }
    }
}
