//! What a keeper does when something broke: connect again, make anew, leave alone for a while, or give up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;
use temblor_pdk::{BackoffPolicy, Command, Error, ErrorKind, Instance, Outcome, Result};

use super::{Done, Keeper, Told};
use crate::control::{ConnectorState, Order, Renewal, Side};
use crate::decode::Decoder;
use crate::encode::Encoder;
use crate::flow::blueprint::{Blueprint, Recovery};
use crate::flow::instance::{Control, hangs};

/// How long a side may take to let go of its instance before the next one is made without that.
const LET_GO_WITHIN: Duration = Duration::from_secs(1);

/// New instances of a connector's sides, and what reads and makes their bytes.
pub(in crate::flow) struct Sides {
    pub(in crate::flow) source: Option<Box<dyn Instance>>,
    pub(in crate::flow) sink: Option<Box<dyn Instance>>,
    decoder: Option<Decoder>,
    encoder: Option<Encoder>,
}

/// Asks a connected connector for the instance of a side.
pub(in crate::flow) async fn create(control: &Control, side: Side) -> Result<Box<dyn Instance>> {
    let command = match side {
        Side::Source => Command::CreateSource,
        Side::Sink => Command::CreateSink,
    };
    match control.call(command).await? {
        Outcome::Instance(instance) => Ok(control.measures.around(instance)),
        other => Err(Error::new(
            ErrorKind::Bug,
            format!("answered {other:?} when asked for its {}", side.as_str()),
        )),
    }
}

/// Connects a connector, after it was made if there is none. Returns it too where it could not be connected.
pub(in crate::flow) async fn fresh(
    blueprint: &Arc<Blueprint>,
    control: Option<Control>,
    is_started: bool,
) -> (Option<Control>, Result<Sides>) {
    let control = match control {
        Some(control) => control,
        None => match Control::make(blueprint).await {
            Ok(control) => control,
            Err(error) => return (None, Err(error)),
        },
    };
    match connect(blueprint, &control, is_started).await {
        // One that panicked or hangs is of no use any more.
        Err(error) if error.kind() == ErrorKind::Bug => (None, Err(error)),
        sides => (Some(control), sides),
    }
}

async fn connect(blueprint: &Blueprint, control: &Control, is_started: bool) -> Result<Sides> {
    control.call(Command::Connect).await?;
    let sink = match blueprint.sink {
        Some(_) => Some(create(control, Side::Sink).await?),
        None => None,
    };
    let source = match blueprint.source {
        Some(_) => Some(create(control, Side::Source).await?),
        None => None,
    };
    if !is_started {
        control.call(Command::Start).await?;
    }
    Ok(Sides {
        source,
        sink,
        decoder: blueprint.decoder()?,
        encoder: blueprint.encoder()?,
    })
}

/// The waits between attempts.
pub(super) fn policy(recovery: Recovery) -> BackoffPolicy {
    match recovery {
        Recovery::Never => BackoffPolicy::default(),
        Recovery::Retry { policy, .. } => policy,
    }
}

impl Keeper {
    /// A side cannot go on, and has let go of its instance.
    pub(super) fn on_trouble(&mut self, side: Side, error: Error) {
        self.side(side)
            .into_iter()
            .for_each(super::SideTask::released);
        let (is_wanted, is_written) = match self.blueprint.recovery {
            Recovery::Never => (false, false),
            Recovery::Retry { is_written, .. } => (true, is_written),
        };
        let is_over = side == Side::Source && self.is_over();
        match error.kind() {
            _ if self.is_failed() => self.order_fail(&error),
            ErrorKind::Disconnected | ErrorKind::Rejected if is_over => {
                let message = format!("the last fates could not be told: {error}");
                self.log(Level::Warn, &message);
            }
            _ if is_over => self.give_up(Some(side), error),
            ErrorKind::Bug if is_wanted => self.broken(error),
            ErrorKind::Disconnected | ErrorKind::Rejected if is_wanted => self.lost(&error),
            ErrorKind::Failed if is_written => self.lost(&error),
            _ => self.give_up(Some(side), error),
        }
    }

    /// Whether nothing of the connector needs an instance any more but to hear the last fates.
    fn is_over(&self) -> bool {
        self.sink.is_none() && self.source.iter().all(|source| source.is_finishing)
    }

    /// The connector panicked, hangs or does what it must not: it is made anew.
    pub(super) fn broken(&mut self, error: Error) {
        if self.is_failed() {
            return;
        }
        if self.blueprint.recovery == Recovery::Never {
            return self.give_up(None, error);
        }
        self.control = None;
        self.work = None;
        self.is_anew = true;
        let supervision = self.blueprint.inner.shared.supervision;
        let now = Instant::now();
        self.strikes.push_back(now);
        let since = now.checked_sub(supervision.within);
        self.strikes
            .retain(|at| since.is_none_or(|since| *at >= since));
        if self.strikes.len() < supervision.strikes {
            return self.lost(&error);
        }
        self.strikes.clear();
        let message = format!(
            "broke {} times within {:?} and is left alone for {:?}: {error}",
            supervision.strikes, supervision.within, supervision.quarantine
        );
        self.down(&Error::new(error.kind(), &message));
        self.log(Level::Error, &message);
        self.due = Some(now + supervision.quarantine);
        let quarantine = u64::try_from(supervision.quarantine.as_nanos()).unwrap_or(u64::MAX);
        let until_ns = self
            .blueprint
            .inner
            .shared
            .clock
            .now_ns()
            .saturating_add(quarantine);
        self.status.change(|condition| {
            condition.state = ConnectorState::Quarantined;
            condition.quarantined_until_ns = Some(until_ns);
        });
    }

    /// The outside is gone: an attempt to connect again follows, if there is one left.
    pub(super) fn lost(&mut self, error: &Error) {
        let Recovery::Retry { most, .. } = self.blueprint.recovery else {
            return self.give_up(None, error.clone());
        };
        let (since, wait) = self.connected;
        // One that breaks as soon as it is connected is not let off with the first wait again and again.
        if !self.is_down && since.elapsed() >= wait {
            self.backoff.reset();
        }
        if most.is_some_and(|most| u64::from(self.backoff.attempts()) >= most) {
            let message = format!(
                "{error}; given up after {} attempts",
                self.backoff.attempts()
            );
            return self.give_up(None, Error::new(error.kind(), message));
        }
        let wait = self.backoff.next_wait();
        self.connected.1 = wait;
        self.due = Some(Instant::now() + wait);
        self.down(error);
        let message = format!("{error}; tried again in {} ms", wait.as_millis());
        self.log(Level::Warn, &message);
    }

    /// The sides are without an instance from here on.
    fn down(&mut self, error: &Error) {
        self.is_down = true;
        self.status.change(|condition| {
            condition.state = ConnectorState::Connecting;
            condition.error = Some(error.clone());
        });
        if let Some(breaker) = self.sink.as_ref().and_then(|side| side.breaker()) {
            breaker.open(error.message());
        }
        for side in self.sides().filter(|side| side.has_instance) {
            side.order(Order::Release);
        }
        // What is still said of the instances before concerns nobody.
        self.epoch += 1;
    }

    /// Begins the next attempt, if it is due. There is none while an operator has paused the connector.
    pub(super) fn act_down(&mut self) {
        let is_needed = self
            .sides()
            .any(|side| !side.has_ended && !side.is_finishing);
        if self.due.is_some() || !is_needed || self.is_paused && !self.is_draining {
            return;
        }
        let holds = |side: &super::SideTask| side.has_instance;
        if self.sides().any(holds) && !std::mem::replace(&mut self.has_waited, true) {
            self.due = Some(Instant::now() + LET_GO_WITHIN);
            return;
        }
        self.has_waited = false;
        self.status.change(|condition| {
            condition.state = ConnectorState::Connecting;
            condition.quarantined_until_ns = None;
        });
        let (blueprint, control) = (Arc::clone(&self.blueprint), self.control.take());
        if control.is_none() {
            self.told = Told::default();
        }
        let is_started = self.told.is_started;
        self.work = Some(Box::pin(async move {
            let (control, sides) = fresh(&blueprint, control, is_started).await;
            Done::Renewed(control, sides)
        }));
    }

    pub(super) fn on_renewed(&mut self, control: Option<Control>, sides: Result<Sides>) {
        self.control = control;
        let sides = match sides {
            Ok(sides) => sides,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::Config => self.give_up(None, error),
                    ErrorKind::Bug => self.broken(error),
                    _ => self.lost(&error),
                };
            }
        };
        self.is_down = false;
        let was_started = std::mem::replace(&mut self.told.is_started, true);
        let is_anew = std::mem::take(&mut self.is_anew);
        self.connected.0 = Instant::now();
        let renewals = [
            (self.source.as_mut(), sides.source, sides.decoder, None),
            (self.sink.as_mut(), sides.sink, None, sides.encoder),
        ];
        for (side, instance, decoder, encoder) in renewals {
            if let (Some(side), Some(instance)) = (side, instance) {
                side.has_instance = true;
                side.order(Order::Renew(Box::new(Renewal {
                    epoch: self.epoch,
                    instance,
                    decoder,
                    encoder,
                })));
            }
        }
        let state = match (self.is_draining, self.told.is_paused) {
            (true, _) => ConnectorState::Draining,
            (false, true) => ConnectorState::Paused,
            (false, false) => ConnectorState::Running,
        };
        self.status.set(state);
        self.status.change(|condition| {
            condition.restarts += u64::from(is_anew);
            condition.reconnects += u64::from(was_started && !is_anew);
        });
        self.log(Level::Info, if is_anew { "made anew" } else { "connected" });
    }

    /// A poll of a side's task does not return.
    pub(super) fn on_hang(&mut self, side: Side) {
        let error = hangs(self.blueprint.inner.shared.supervision.hang_after);
        let Some(task) = self.side(side) else { return };
        if task.replace() {
            self.say_again(side);
            return self.broken(error);
        }
        // What survives is in the hands of codec, processors or a pipeline: nothing can take over until they return.
        let message = format!(
            "the {}'s codec, processor or pipeline {error}",
            side.as_str()
        );
        task.order(Order::Answer);
        self.log(Level::Error, &message);
        if let Some(breaker) = self.sink.as_ref().and_then(|side| side.breaker()) {
            breaker.open(&message);
        }
        self.status
            .change(|condition| condition.error = Some(Error::new(ErrorKind::Bug, &message)));
    }

    /// What the task that hangs may have heard last, the one that takes over has to hear.
    fn say_again(&self, side: Side) {
        let Some(source) = self.source.as_ref().filter(|_| side == Side::Source) else {
            return;
        };
        source.order(match self.holds_source {
            true => Order::Pause,
            false => Order::Resume,
        });
        if self.is_draining {
            source.order(Order::Drain);
        }
    }

    /// A task that was held up is back.
    pub(super) fn on_answer(&mut self) {
        if self.is_down || self.is_failed() {
            return;
        }
        if let Some(breaker) = self.sink.as_ref().and_then(|side| side.breaker()) {
            breaker.close();
        }
        self.status.change(|condition| condition.error = None);
    }

    /// The connector has failed for good, and its flow drains.
    pub(super) fn give_up(&mut self, side: Option<Side>, error: Error) {
        self.order_fail(&error);
        self.due = None;
        self.work = None;
        if let Some(side) = side.filter(|_| !self.is_failed()) {
            self.log(Level::Error, &format!("{} stopped: {error}", side.as_str()));
        }
        self.fail(error);
        // Only the first failure of a flow counts.
        let _ = self.failed.try_send(());
    }

    fn order_fail(&self, error: &Error) {
        self.sides()
            .for_each(|side| side.order(Order::Fail(error.clone())));
    }

    /// Notes why the connector failed.
    pub(super) fn fail(&self, error: Error) {
        let message = error.to_string();
        if self.status.fail(error) {
            self.log(Level::Error, &message);
        }
    }
}
