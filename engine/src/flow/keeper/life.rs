//! What a connector is told in its life: pause, resume, drain, stop.

use temblor_pdk::{Command, Error, ErrorKind, Reply};

use smol::future::or;

use super::{Done, Keeper, LAST_WORDS, NEVER, PATIENCE, within};
use crate::control::{ConnectorState, Order};
use crate::flow::instance::Control;

impl Keeper {
    /// Begins what has to be done next with the connector's own instance.
    pub(super) fn act(&mut self) {
        let is_failed = self.is_failed();
        if self.is_finishing && (self.told.is_drained || is_failed) {
            self.is_finishing = false;
            self.order(self.sink.as_ref(), Order::Finish);
        }
        let is_told = self.told.is_drained && self.work.is_none();
        if self.has_ended() && (is_told || is_failed || self.is_down) {
            self.running = None;
            return;
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
        if self.holds_source && !self.is_paused && !self.told.is_paused && self.work.is_none() {
            self.holds_source = false;
            self.order(self.source.as_ref(), Order::Resume);
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

    pub(super) fn on_told(&mut self, control: Control, command: &Command, reply: Reply) {
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
                ConnectorState::Running
            }
        };
        let error = match reply {
            Ok(_) => {
                self.control = Some(control);
                // The connection may have been lost meanwhile.
                if !self.is_down {
                    self.status.set(state);
                }
                return;
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

    /// Tells the connector that it is over.
    pub(super) async fn stop(mut self, well: bool) {
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
        if let Some(error) = self.status.get().error.filter(|_| !well && self.is_down) {
            // It did not work when it was stopped.
            self.status.fail(error);
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
