//! Pipelines that feed each other in a circle.
//!
//! What goes round never waits for room, so that nobody waits for himself: it is bounded, and what goes beyond fails.
//! That does not happen as long as events leave the circle as often as they come in, for little is let in from outside
//! while much is inside, and what is inside comes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use event_listener::Event as Notify;
use log::Level;
use smol::future::or;

use crate::breaker::{Breaker, Contraflow};
use crate::clock::Clock;
use crate::executor::give_way;
use crate::flow::TICK;
use crate::limits::{
    CIRCLE_BATCHES as MAX_PARCELS, CIRCLE_BYTES as MAX_BYTES, CIRCLE_EVENTS as MAX_EVENTS,
    CIRCLE_HOPS as MAX_HOPS,
};
use crate::log::Logger;
use crate::parcel::Parcel;
use crate::queue::Receiver;
use crate::route::Node;

/// How much may be inside before nothing is let in from outside, in parcels.
const ROOM: usize = 64;

/// What the pipelines of a circle share.
pub(crate) struct Circle {
    /// Members that events can still come to from outside.
    open: AtomicUsize,
    parcels: AtomicUsize,
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// The member that flushes next, once nothing comes in any more and nothing is inside.
    turn: AtomicUsize,
    /// For each member, whether what it leads to outside takes nothing.
    blocked: Box<[AtomicBool]>,
    /// Whether a member ended before its time, so that nobody waits for it.
    is_broken: AtomicBool,
    changed: Notify,
}

impl Circle {
    pub(crate) fn new(members: usize) -> Arc<Self> {
        Arc::new(Circle {
            open: AtomicUsize::new(members),
            parcels: AtomicUsize::new(0),
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            blocked: (0..members).map(|_| AtomicBool::new(false)).collect(),
            is_broken: AtomicBool::new(false),
            changed: Notify::new(),
        })
    }

    fn enter(&self, load: Load) {
        self.parcels.fetch_add(1, Ordering::AcqRel);
        self.events.fetch_add(load.events, Ordering::AcqRel);
        self.bytes.fetch_add(load.bytes, Ordering::AcqRel);
    }

    fn leave(&self, load: Load) {
        self.events.fetch_sub(load.events, Ordering::AcqRel);
        self.bytes.fetch_sub(load.bytes, Ordering::AcqRel);
        self.parcels.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify(usize::MAX);
    }

    fn is_full(&self) -> bool {
        self.parcels.load(Ordering::Acquire) >= MAX_PARCELS
            || self.events.load(Ordering::Acquire) >= MAX_EVENTS
            || self.bytes.load(Ordering::Acquire) >= MAX_BYTES
    }

    /// Waits until something may be let in.
    async fn room(&self) {
        self.until(|| self.parcels.load(Ordering::Acquire) < ROOM)
            .await;
    }

    /// Waits until this member is to flush: nothing comes in any more, nothing is inside, and those before it have.
    async fn quiet(&self, member: usize) {
        let is_quiet =
            || self.open.load(Ordering::Acquire) == 0 && self.parcels.load(Ordering::Acquire) == 0;
        self.until(|| {
            self.is_broken.load(Ordering::Acquire)
                || is_quiet() && self.turn.load(Ordering::Acquire) == member
        })
        .await;
    }

    async fn until(&self, done: impl Fn() -> bool) {
        while !done() {
            let changed = self.changed.listen();
            // Looked at again, because it may have changed before the listener was there.
            if !done() {
                changed.await;
            }
        }
    }
}

/// What a parcel weighs.
#[derive(Clone, Copy, Default)]
struct Load {
    events: usize,
    bytes: usize,
}

impl Load {
    fn of(parcel: &Parcel) -> Self {
        Load {
            events: parcel.batch.len(),
            bytes: parcel.batch.pinned_bytes(),
        }
    }
}

/// The way from one pipeline of a circle to another. It never waits.
#[derive(Clone)]
pub(crate) struct RoundSender {
    queue: flume::Sender<(usize, Parcel)>,
    circle: Arc<Circle>,
    /// The pipeline that it leads to.
    name: Name,
}

/// A pipeline as it is called in the log.
#[derive(Clone)]
struct Name {
    flow: Arc<str>,
    pipeline: Arc<str>,
    logger: Logger,
}

impl RoundSender {
    pub(crate) fn send(&self, port: usize, mut parcel: Parcel) {
        parcel.tickets.hops += 1;
        if parcel.tickets.hops > MAX_HOPS {
            return self.name.refuse(parcel, "they have gone round too often");
        }
        if self.circle.is_full() {
            return self.name.refuse(parcel, "the circle is full");
        }
        let load = Load::of(&parcel);
        self.circle.enter(load);
        if let Err(returned) = self.queue.send((port, parcel)) {
            self.circle.leave(load);
            let (_, parcel) = returned.into_inner();
            self.name
                .refuse(parcel, "the pipeline has ended before them");
        }
    }
}

impl Name {
    /// Events that came round to this pipeline fail.
    fn refuse(&self, parcel: Parcel, reason: &str) {
        let count = parcel.batch.len();
        let message = format!("{count} event(s) that came round failed: {reason}");
        let Name {
            flow,
            pipeline,
            logger,
        } = self;
        logger.about_pipeline(Level::Warn, flow, pipeline, &message);
        parcel.fail();
    }
}

/// A pipeline's part in a circle.
pub(crate) struct Member {
    circle: Arc<Circle>,
    at: usize,
    /// What goes round.
    queue: flume::Receiver<(usize, Parcel)>,
    name: Name,
    has_finished: bool,
}

impl Member {
    /// Makes the part of the pipeline `name`, and the way to it from the others.
    pub(crate) fn new(
        circle: &Arc<Circle>,
        at: usize,
        flow: &str,
        name: &str,
        logger: &Logger,
    ) -> (RoundSender, Member) {
        // Bounded by the circle, all of its queues together.
        let (sender, queue) = flume::unbounded();
        let name = Name {
            flow: flow.into(),
            pipeline: name.into(),
            logger: logger.clone(),
        };
        let sender = RoundSender {
            queue: sender,
            circle: Arc::clone(circle),
            name: name.clone(),
        };
        let member = Member {
            circle: Arc::clone(circle),
            at,
            queue,
            name,
            has_finished: false,
        };
        (sender, member)
    }

    /// Says whether what the pipeline leads to outside of the circle takes nothing. Returns whether that is so of any
    /// member.
    fn is_blocked(&self, own: bool, contraflow: &Contraflow) -> bool {
        let blocked = &self.circle.blocked;
        if blocked[self.at].swap(own, Ordering::AcqRel) != own {
            contraflow.change();
        }
        blocked.iter().any(|member| member.load(Ordering::Acquire))
    }

    /// This pipeline has flushed: what the others still send round when they do comes too late.
    async fn see_the_others_off(&self) {
        let Member { circle, queue, .. } = self;
        circle.turn.fetch_add(1, Ordering::AcqRel);
        circle.changed.notify(usize::MAX);
        let all = || {
            circle.is_broken.load(Ordering::Acquire)
                || circle.turn.load(Ordering::Acquire) == circle.blocked.len()
        };
        loop {
            let late = async { queue.recv_async().await.ok() };
            let ended = async {
                circle.until(all).await;
                None
            };
            let Some((_, parcel)) = or(late, ended).await else {
                return;
            };
            let load = Load::of(&parcel);
            self.name
                .refuse(parcel, "the pipeline has flushed before them");
            circle.leave(load);
        }
    }

    /// What happens next to the pipeline: what goes round comes before what comes in, and time before both.
    async fn next(&self, outside: Option<&Receiver>, due: Option<Instant>) -> Next {
        let Member {
            circle, at, queue, ..
        } = self;
        let tick = async {
            match due {
                Some(due) => drop(smol::Timer::at(due).await),
                None => std::future::pending().await,
            }
            Next::Tick
        };
        let inside = async {
            match queue.recv_async().await {
                Ok((port, parcel)) => Next::Inside(port, parcel),
                // No other pipeline leads here any more.
                Err(_) => std::future::pending().await,
            }
        };
        let outside = async {
            match outside {
                Some(queue) => {
                    circle.room().await;
                    Next::Outside(queue.receive().await)
                }
                None => std::future::pending().await,
            }
        };
        let quiet = async {
            circle.quiet(*at).await;
            Next::Quiet
        };
        or(tick, or(inside, or(outside, quiet))).await
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.has_finished {
            self.circle.is_broken.store(true, Ordering::Release);
        }
        self.circle.changed.notify(usize::MAX);
    }
}

/// A pipeline of a circle, with what it runs on.
pub(crate) struct Round {
    pub(crate) node: Node,
    /// What comes in from outside.
    pub(crate) queue: Receiver,
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) member: Member,
    pub(crate) contraflow: Arc<Contraflow>,
    pub(crate) clock: Clock,
    /// Whether time is to be told.
    pub(crate) ticks: bool,
}

/// What happens next.
enum Next {
    Contraflow,
    Tick,
    Inside(usize, Parcel),
    Outside(Option<(usize, Parcel)>),
    Quiet,
}

impl Round {
    /// Runs until nothing comes in any more, nothing goes round and everything is flushed.
    pub(crate) async fn run(mut self) {
        let mut due = Instant::now() + TICK;
        let mut is_open = true;
        let contraflow = Arc::clone(&self.contraflow);
        let mut change = contraflow.listen();
        self.pass_on_contraflow();
        loop {
            let changed = async {
                (&mut change).await;
                Next::Contraflow
            };
            let outside = is_open.then_some(&self.queue);
            let next = self.member.next(outside, self.ticks.then_some(due));
            match or(changed, next).await {
                Next::Contraflow => {
                    change = contraflow.listen();
                    self.node.hear();
                }
                Next::Tick => {
                    self.member.circle.enter(Load::default());
                    self.node.tick(self.clock.now_ns()).await;
                    self.member.circle.leave(Load::default());
                    due = Instant::now() + TICK;
                }
                Next::Inside(port, parcel) => {
                    let load = Load::of(&parcel);
                    self.take(port, parcel, load).await;
                }
                Next::Outside(Some((port, parcel))) => {
                    let load = Load::of(&parcel);
                    self.member.circle.enter(load);
                    self.take(port, parcel, load).await;
                }
                Next::Outside(None) => {
                    is_open = false;
                    self.member.circle.open.fetch_sub(1, Ordering::AcqRel);
                    self.member.circle.changed.notify(usize::MAX);
                }
                Next::Quiet => break,
            }
            self.pass_on_contraflow();
        }
        self.node.finish(self.clock.now_ns()).await;
        self.member.has_finished = true;
        self.member.see_the_others_off().await;
    }

    async fn take(&mut self, port: usize, parcel: Parcel, load: Load) {
        give_way(&self.clock).await;
        self.node.run(port, parcel).await;
        self.member.circle.leave(load);
    }

    /// The breaker of each member is open while one is open that any of them leads to outside.
    fn pass_on_contraflow(&self) {
        match self
            .member
            .is_blocked(self.node.is_blocked(), &self.contraflow)
        {
            true => self
                .breaker
                .open("a sink behind the circle of pipelines takes no events"),
            false => self.breaker.close(),
        }
    }
}
