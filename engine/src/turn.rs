//! What happens to lanes, on its way through the pipelines that keep a state for each.
//!
//! Turns go the way of the batches, in order with them. A source hands them to [`crate::route::turn`].

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use temblor_lang::State;
use temblor_pdk::Lane;

/// Something that happens to a lane of a source.
#[derive(Clone)]
pub(crate) struct LaneTurn {
    /// The source's number in the ids of its events.
    pub(crate) source: u32,
    pub(crate) lane: Lane,
    pub(crate) what: What,
}

/// What happens to a lane.
#[derive(Clone)]
pub(crate) enum What {
    /// It begins, or begins anew: what was kept of it is dropped, and these are the states that it goes on with.
    Begin(Arc<Begun>),
    /// What is kept of it now is to be written down. The last of those who hold the collector completes it.
    Mark(Arc<Collector>),
    /// It is gone, and what was kept of it too.
    End,
}

/// The states that a lane goes on with, by the names of the pipelines.
#[derive(Default)]
pub(crate) struct Begun {
    states: Mutex<HashMap<String, State>>,
    /// Who wants to know of it when time changes one of them.
    passed: Option<Passed>,
}

/// Called when time has changed a state since the last mark.
type Passed = Arc<dyn Fn() + Send + Sync>;

impl Begun {
    pub(crate) fn new(states: HashMap<String, State>) -> Self {
        Begun {
            states: Mutex::new(states),
            passed: None,
        }
    }

    /// The same, and this is called when time changes one of the states, once from mark to mark. It must not wait.
    pub(crate) fn telling(self, passed: impl Fn() + Send + Sync + 'static) -> Self {
        Begun {
            passed: Some(Arc::new(passed)),
            ..self
        }
    }

    /// The state of a pipeline, which is its own then. None if it begins with nothing.
    pub(crate) fn take(&self, pipeline: &str) -> Option<State> {
        lock(&self.states).remove(pipeline)
    }
}

/// What became of a mark.
#[derive(Debug)]
pub(crate) enum Collected {
    /// The states of all pipelines as they were behind the mark's pull, by their names.
    States(Vec<(String, Vec<u8>)>),
    /// What time had closed in front of the mark has failed: it is in no state any more, and must not be stored. For the
    /// source, what it pulled since the last checkpoint has failed.
    Failed,
    /// A state cannot be written down, or nobody is left who could.
    Impossible(String),
}

/// What is to be done with it.
type Done = Box<dyn FnOnce(Collected) + Send>;

/// Collects the states of a lane from all pipelines that a mark comes to, and waits until everything has its fate that
/// time made of them in front of the mark.
pub(crate) struct Collector {
    expected: usize,
    found: Mutex<Found>,
}

struct Found {
    states: Vec<(String, Vec<u8>)>,
    impossible: Option<String>,
    has_failed: bool,
    done: Option<Done>,
}

impl Collector {
    /// A collector of the states of so many pipelines. Once it is complete, or never can be, `done` is called, in the
    /// task of whoever was last; it must not wait.
    pub(crate) fn new(
        expected: usize,
        done: impl FnOnce(Collected) + Send + 'static,
    ) -> Arc<Collector> {
        Arc::new(Collector {
            expected,
            found: Mutex::new(Found {
                states: Vec::with_capacity(expected),
                impossible: None,
                has_failed: false,
                done: Some(Box::new(done)),
            }),
        })
    }

    /// Takes the state of a pipeline, or why it cannot be written down.
    pub(crate) fn add(&self, pipeline: &str, state: Result<Vec<u8>, String>) {
        let mut found = lock(&self.found);
        match state {
            Ok(state) => found.states.push((pipeline.to_owned(), state)),
            Err(why) => {
                let why = format!("the state of pipeline `{pipeline}`: {why}");
                found.impossible.get_or_insert(why);
            }
        }
    }

    fn fail(&self) {
        lock(&self.found).has_failed = true;
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let expected = self.expected;
        let mut found = lock(&self.found);
        let Some(done) = found.done.take() else {
            return;
        };
        let collected = match (&mut *found, expected) {
            (
                Found {
                    has_failed: true, ..
                },
                _,
            ) => Collected::Failed,
            (
                Found {
                    impossible: Some(why),
                    ..
                },
                _,
            ) => Collected::Impossible(mem::take(why)),
            (Found { states, .. }, expected) if states.len() == expected => {
                Collected::States(mem::take(states))
            }
            _ => Collected::Impossible("a pipeline has ended before it".to_owned()),
        };
        drop(found);
        done(collected);
    }
}

/// What time makes of the state of a lane, from mark to mark.
#[derive(Default)]
pub(crate) struct Times {
    /// Since the last mark.
    latest: Arc<Tail>,
    /// Before it, as far as something of it may have no fate yet. Marks wait for all of it, since nobody may have waited
    /// for the marks in between.
    earlier: Vec<Weak<Tail>>,
    /// Who wants to know that it makes something.
    passed: Option<Passed>,
    /// Whether they know it, until a mark comes.
    is_told: bool,
}

/// What time made of the state of a lane between two marks, and has no fate yet.
#[derive(Default)]
struct Tail {
    /// Whether something that the state came to is lost. It is in no state any more, so that nothing may be stored of
    /// this one; the lane has to begin anew.
    has_failed: Arc<AtomicBool>,
    /// The marks behind it.
    marks: Mutex<Vec<Arc<Collector>>>,
}

impl Times {
    /// For a lane that has begun.
    pub(crate) fn of(begun: &Begun) -> Self {
        Times {
            passed: begun.passed.clone(),
            ..Times::default()
        }
    }

    /// Something that the state came to is lost.
    pub(crate) fn fail(&mut self) {
        self.latest.fail();
        self.changed();
    }

    /// Time has changed the state: without a mark, nobody would store it or learn that what came of it has failed,
    /// as long as no event comes in.
    pub(crate) fn changed(&mut self) {
        let is_told = std::mem::replace(&mut self.is_told, true);
        if let Some(passed) = self.passed.as_ref().filter(|_| !is_told) {
            passed();
        }
    }

    /// A share in what comes now.
    pub(crate) fn share(&self) -> Share {
        Share(Some(Arc::clone(&self.latest)))
    }

    /// A mark comes, which is complete once all so far has its fate.
    pub(crate) fn mark(&mut self, mark: &Arc<Collector>) {
        self.is_told = false;
        let next = Arc::new(Tail {
            has_failed: Arc::clone(&self.latest.has_failed),
            marks: Mutex::default(),
        });
        let latest = mem::replace(&mut self.latest, next);
        self.earlier.push(Arc::downgrade(&latest));
        for tail in self.earlier.iter().filter_map(Weak::upgrade) {
            lock(&tail.marks).push(Arc::clone(mark));
        }
        if latest.has_failed.load(Ordering::Acquire) {
            mark.fail();
        }
        drop(latest);
        self.earlier.retain(|tail| tail.strong_count() > 0);
    }
}

impl Tail {
    fn fail(&self) {
        self.has_failed.store(true, Ordering::Release);
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let marks = mem::take(&mut *lock(&self.marks));
        if self.has_failed.load(Ordering::Acquire) {
            marks.iter().for_each(|mark| mark.fail());
        }
    }
}

/// A share in what time made of the state of a lane. One that is dropped without [`Share::release`] has failed.
#[derive(Clone)]
pub(crate) struct Share(Option<Arc<Tail>>);

impl Share {
    /// What it is a share in has failed.
    pub(crate) fn failed(&self) {
        if let Some(tail) = &self.0 {
            tail.fail();
        }
    }

    /// Ends the share: everything that can be said through it has been said.
    pub(crate) fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.failed();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
