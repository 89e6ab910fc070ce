//! A connector's keeper: it connects, watches over both sides, and brings back what broke.

mod recover;
mod side;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;
use smol::future::or;
use temblor_pdk::{Backoff, Command, Error, ErrorKind, Reply};

use super::blueprint::Blueprint;
use super::instance::{Control, hangs};
use crate::control::{ConnectorState, Order, Report, Side, Status};
use recover::Sides;
pub(super) use recover::create;
pub(super) use side::{RunningSide, SideTask};

/// How long a connector of a flow that was stopped may take to stop.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// How long a connector of a flow that ended well may take to stop.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What is said of a connector that never answers.
const NEVER: &str = "the connector does not come back";

/// What a keeper is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeeperOrder {
    /// An operator pauses the connector.
    Pause,
    /// The operator lets it go on.
    Resume,
    /// Nothing more comes in.
    Drain,
    /// The end, whether or not everything has its fate.
    Stop {
        /// Whether everything has.
        well: bool,
    },
}

/// What is done with the connector's own instance, one thing at a time.
enum Done {
    /// It was given a command that came to this; the state is the one it is in then.
    Told(Control, Command, Reply),
    /// It was connected, or made and connected.
    Renewed(Option<Control>, temblor_pdk::Result<Sides>),
}

type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What the connector's own instance knows of.
#[derive(Clone, Copy, Default)]
struct Told {
    is_started: bool,
    is_paused: bool,
    is_drained: bool,
}

/// The keeper of one connector.
pub(super) struct Keeper {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) status: Status,
    /// None while something is done with it, and where it is of no use any more.
    control: Option<Control>,
    work: Option<Work>,
    told: Told,
    orders: flume::Receiver<KeeperOrder>,
    reports: flume::Receiver<Report>,
    source: Option<SideTask>,
    sink: Option<SideTask>,
    /// Dropped once both sides have ended.
    running: Option<flume::Sender<()>>,
    /// Told when the connector fails for good.
    failed: flume::Sender<()>,
    is_paused: bool,
    is_draining: bool,
    /// Whether the sink has nothing more to write.
    is_finishing: bool,
    /// Counts instances of both sides.
    epoch: u64,
    /// Whether the sides have no instance, and a new one has to be made.
    is_down: bool,
    /// Whether the connector broke, and not just its connection.
    is_anew: bool,
    /// Whether an attempt has waited for the sides to let go.
    has_waited: bool,
    backoff: Backoff,
    /// When the next attempt is due; there is one pending attempt at most.
    due: Option<Instant>,
    /// When the connector was connected last, and the wait before that.
    connected: (Instant, Duration),
    /// When it panicked or hung.
    strikes: VecDeque<Instant>,
}

/// What a keeper hears of.
enum Heard {
    Order(KeeperOrder),
    Report(Report),
    Done(Done),
    /// It is time for the next attempt.
    Due,
}

/// What a keeper begins with.
pub(super) struct Beginning {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) status: Status,
    pub(super) control: Option<Control>,
    pub(super) orders: flume::Receiver<KeeperOrder>,
    pub(super) reports: flume::Receiver<Report>,
    pub(super) source: Option<SideTask>,
    pub(super) sink: Option<SideTask>,
    pub(super) running: flume::Sender<()>,
    pub(super) failed: flume::Sender<()>,
    /// Why it is not connected, if it is not.
    pub(super) down: Option<Error>,
}

impl Keeper {
    pub(super) fn new(beginning: Beginning) -> Self {
        let policy = recover::policy(beginning.blueprint.recovery);
        let down = beginning.down;
        let mut keeper = Keeper {
            blueprint: beginning.blueprint,
            status: beginning.status,
            control: beginning.control,
            work: None,
            told: Told {
                is_started: down.is_none(),
                ..Told::default()
            },
            orders: beginning.orders,
            reports: beginning.reports,
            source: beginning.source,
            sink: beginning.sink,
            running: Some(beginning.running),
            failed: beginning.failed,
            is_paused: false,
            is_draining: false,
            is_finishing: false,
            epoch: 0,
            is_down: down.is_some(),
            is_anew: false,
            has_waited: false,
            backoff: Backoff::new(policy),
            due: None,
            connected: (Instant::now(), Duration::ZERO),
            strikes: VecDeque::new(),
        };
        if let Some(error) = down {
            keeper.lost(&error);
        }
        keeper
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self) {
        loop {
            self.act();
            match self.hear().await {
                Heard::Order(KeeperOrder::Stop { well }) => return self.stop(well).await,
                Heard::Order(KeeperOrder::Pause) => self.pause(true),
                Heard::Order(KeeperOrder::Resume) => self.pause(false),
                Heard::Order(KeeperOrder::Drain) => self.drain(),
                Heard::Report(report) => self.on_report(report),
                Heard::Done(done) => {
                    self.work = None;
                    self.on_done(done);
                }
                Heard::Due => self.due = None,
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        let Keeper {
            orders,
            reports,
            work,
            due,
            ..
        } = self;
        let order = async {
            match orders.recv_async().await {
                Ok(order) => Heard::Order(order),
                // The flow is gone.
                Err(_) => Heard::Order(KeeperOrder::Stop { well: false }),
            }
        };
        let report = async {
            match reports.recv_async().await {
                Ok(report) => Heard::Report(report),
                Err(_) => std::future::pending().await,
            }
        };
        let done = async {
            match work {
                Some(work) => Heard::Done(work.await),
                None => std::future::pending().await,
            }
        };
        let is_due = async {
            match due {
                Some(due) => drop(smol::Timer::at(*due).await),
                None => std::future::pending().await,
            }
            Heard::Due
        };
        or(order, or(report, or(done, is_due))).await
    }

    fn log(&self, level: Level, message: &str) {
        let Blueprint {
            inner, flow, name, ..
        } = &*self.blueprint;
        inner.shared.logger.about(level, flow, name, message);
    }

    fn sides(&self) -> impl Iterator<Item = &SideTask> {
        self.source.iter().chain(&self.sink)
    }

    fn side(&mut self, side: Side) -> Option<&mut SideTask> {
        match side {
            Side::Source => self.source.as_mut(),
            Side::Sink => self.sink.as_mut(),
        }
    }

    fn order(&self, side: Option<&SideTask>, order: Order) {
        if let Some(side) = side {
            side.order(order);
        }
    }

    fn is_failed(&self) -> bool {
        self.status.state() == ConnectorState::Failed
    }

    fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        self.status
            .change(|condition| condition.is_paused = is_paused);
        // Sources end their pulls at once; they go on once the connector has been told.
        if is_paused {
            self.order(self.source.as_ref(), Order::Pause);
        }
    }

    fn drain(&mut self) {
        self.is_draining = true;
        self.order(self.source.as_ref(), Order::Drain);
    }

    /// Begins what has to be done next with the connector's own instance.
    fn act(&mut self) {
        let is_failed = self.is_failed();
        if self.is_finishing && (self.told.is_drained || is_failed) {
            self.is_finishing = false;
            self.order(self.sink.as_ref(), Order::Finish);
        }
        if self.work.is_some() || is_failed {
            return;
        }
        let wants_drain = self.is_draining || self.is_finishing;
        if self.is_down {
            self.act_down();
        } else if wants_drain && !self.told.is_drained {
            self.tell(Command::Drain);
        } else if !wants_drain && self.is_paused != self.told.is_paused {
            self.tell(match self.is_paused {
                true => Command::Pause,
                false => Command::Resume,
            });
        }
    }

    fn tell(&mut self, command: Command) {
        let Some(control) = self.control.take() else {
            return;
        };
        let limit = self.blueprint.inner.shared.supervision.drain_timeout;
        let again = copy(&command);
        self.work = Some(Box::pin(async move {
            let late = async {
                smol::Timer::after(limit).await;
                Err(Error::new(ErrorKind::Bug, NEVER))
            };
            let reply = or(control.call(command), late).await;
            Done::Told(control, again, reply)
        }));
    }

    fn on_done(&mut self, done: Done) {
        match done {
            Done::Told(control, command, reply) => self.on_told(control, &command, reply),
            Done::Renewed(control, sides) => self.on_renewed(control, sides),
        }
    }

    fn on_told(&mut self, control: Control, command: &Command, reply: Reply) {
        let state = match command {
            Command::Drain => {
                self.told.is_drained = true;
                ConnectorState::Draining
            }
            Command::Pause => {
                self.told.is_paused = true;
                ConnectorState::Paused
            }
            _ => {
                self.told.is_paused = false;
                self.order(self.source.as_ref(), Order::Resume);
                ConnectorState::Running
            }
        };
        let error = match reply {
            Ok(_) => {
                self.control = Some(control);
                return self.status.set(state);
            }
            Err(error) => error,
        };
        let is_broken = error.kind() == ErrorKind::Bug;
        let named = Error::new(error.kind(), format!("{}: {error}", state.as_str()));
        if !is_broken {
            self.control = Some(control);
        }
        if self.told.is_drained {
            // What is in flight is delivered nevertheless.
            self.fail(named);
        } else if is_broken {
            self.broken(error);
        } else {
            self.give_up(None, named);
        }
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Trouble(side, epoch, error) if epoch == self.epoch => {
                self.on_trouble(side, error);
            }
            // Another side's trouble has led to a new instance already.
            Report::Trouble(..) => {}
            Report::Released(side) => {
                self.side(side).into_iter().for_each(SideTask::released);
            }
            Report::Finishing(Side::Sink) => self.is_finishing = true,
            Report::Finishing(Side::Source) => {
                self.side(Side::Source)
                    .into_iter()
                    .for_each(|side| side.is_finishing = true);
                // A source that ends by itself ends its connector, if nothing is written to it.
                self.is_draining |= self.sink.is_none();
            }
            Report::Ended(side) => self.on_ended(side),
            Report::Hung(side) => self.on_hang(side),
            Report::HungBeside => {
                let hang_after = self.blueprint.inner.shared.supervision.hang_after;
                self.broken(hangs(hang_after));
            }
            Report::Answered => self.on_answer(),
            Report::Panicked(side, error) => {
                let message = format!("the engine {error}; this is a bug in Temblor");
                self.give_up(None, Error::new(error.kind(), message));
                self.on_ended(side);
            }
        }
    }

    fn on_ended(&mut self, side: Side) {
        self.side(side).into_iter().for_each(SideTask::ended);
        if self.sides().all(|side| side.has_ended) {
            self.running = None;
        }
    }

    /// Tells the connector that it is over.
    async fn stop(mut self, well: bool) {
        let patience = if well { LAST_WORDS } else { PATIENCE };
        if !well {
            for side in [self.source.take(), self.sink.take()].into_iter().flatten() {
                side.cancel(PATIENCE).await;
            }
        }
        if let Some(work) = self.work.take() {
            match within(patience, work).await {
                Some(Done::Told(control, command, reply)) => self.on_told(control, &command, reply),
                Some(Done::Renewed(control, _)) => self.control = control,
                None if self.is_down => {}
                None => self.fail(Error::failed(NEVER)),
            }
        }
        let stopped = ConnectorState::Stopped;
        let Some(control) = self.control.take() else {
            return self.status.set(stopped);
        };
        let never = || Err(Error::failed(NEVER));
        let reply = within(patience, control.call(Command::Stop)).await;
        match reply.unwrap_or_else(never) {
            Ok(_) => {
                within(patience, control.close()).await;
                self.status.set(stopped);
            }
            Err(error) => {
                let kind = error.kind();
                self.fail(Error::new(kind, format!("{}: {error}", stopped.as_str())));
            }
        }
    }
}

/// A command of the life cycle once more.
fn copy(command: &Command) -> Command {
    match command {
        Command::Drain => Command::Drain,
        Command::Pause => Command::Pause,
        _ => Command::Resume,
    }
}

/// What comes of `work`, if it does not take longer than this.
pub(super) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let late = async {
        smol::Timer::after(patience).await;
        None
    };
    or(async { Some(work.await) }, late).await
}
