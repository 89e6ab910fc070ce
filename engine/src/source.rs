//! A source's task: pull, decode, run pipelines, hand on; fates and orders come first.

mod end;
mod keep;
mod ledger;
mod outcome;
mod pull;
mod tell;

use std::sync::Arc;

use log::Level;
use temblor_pdk::{Batch, Error, ErrorKind, Instance, Outcome, PullLimits, PullNumber, Result};

use crate::breaker::Contraflow;
use crate::checkpoint::Keeping;
use crate::clock::Times;
use crate::control::{Order, Renewal, Report, Side};
use crate::decode::{Decoded, Decoder, PullOf};
use crate::executor::give_way;
use crate::fate::{Settled, SourceFates};
use crate::host::Shared;
use crate::limits::MOST_EVENTS;
use crate::measure::Measures;
use crate::route::{Target, deliver, finish, is_blocked};
use crate::slot::Slot;
use ledger::Ledger;
pub(crate) use outcome::Outcomes;

/// What a source listens to while it waits.
enum Message {
    Order(Order),
    Settled(Settled),
    /// It is time to look what can be told.
    Due,
    /// Nobody is left who could give orders.
    Gone,
}

/// What stays the same as long as the flow runs.
pub(crate) struct SourceParts {
    pub(crate) name: String,
    pub(crate) flow: String,
    pub(crate) number: u32,
    pub(crate) fates: Arc<SourceFates>,
    pub(crate) transactional: bool,
    /// Whether it tells of its lanes.
    pub(crate) lanes: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) reports: flume::Sender<Report>,
    pub(crate) limits: PullLimits,
    /// Tells when a breaker has opened or closed.
    pub(crate) contraflow: Arc<Contraflow>,
    pub(crate) measures: Arc<Measures>,
    /// How the states of its lanes are kept, if pipelines behind it keep one for each.
    pub(crate) keeping: Option<Arc<Keeping>>,
    /// What became of marks, where there is such a place.
    pub(crate) outcomes: Outcomes,
}

/// What outlives instances, and tasks whose poll does not return.
pub(crate) struct SourceBody {
    /// None for a source of values.
    pub(crate) decoder: Option<Decoder>,
    pub(crate) out: Vec<Target>,
    pub(crate) err: Vec<Target>,
    /// Gives values their times, which bytes get when they are decoded.
    pub(crate) times: Times,
    ledger: Ledger,
    /// The number of the next pull.
    pull: u64,
    /// The first pull of this instance, which knows nothing of those before.
    first_pull: u64,
    is_paused: bool,
    is_draining: bool,
}

impl SourceBody {
    pub(crate) fn new(
        decoder: Option<Decoder>,
        out: Vec<Target>,
        err: Vec<Target>,
        times: Times,
    ) -> Box<Self> {
        Box::new(SourceBody {
            decoder,
            out,
            err,
            times,
            ledger: Ledger::default(),
            pull: 0,
            first_pull: 0,
            is_paused: false,
            is_draining: false,
        })
    }

    /// Whether neither an operator nor the circuit breaker of a sink that it leads to keeps it from pulling.
    fn may_pull(&self) -> bool {
        !self.is_paused && !is_blocked(&self.out) && !is_blocked(&self.err)
    }

    /// What was pulled so far is not told to the instance that comes.
    fn begin_anew(&mut self) {
        self.ledger = Ledger::default();
        self.first_pull = self.pull;
        // Nor is half a frame of it an event.
        self.decoder.iter_mut().for_each(Decoder::forget);
    }
}

/// A source's task. Its functions take the body and give it back, or nothing where another task has taken over.
pub(crate) struct SourceTask {
    pub(crate) parts: Arc<SourceParts>,
    pub(crate) slot: Slot<Box<SourceBody>>,
    /// Which task this is, for the slot.
    pub(crate) owner: u64,
    pub(crate) orders: flume::Receiver<Order>,
    pub(crate) settled: flume::Receiver<Settled>,
    /// The instance and its epoch, while there is one.
    pub(crate) instance: Option<(u64, Box<dyn Instance>)>,
}

impl SourceTask {
    /// Runs until the source has ended, was drained or failed, and every event has its fate.
    pub(crate) async fn run(mut self) {
        let Some(mut body) = self.slot.take(self.owner) else {
            return;
        };
        if self.instance.is_none() {
            // The task before may be in a poll that does not return. What pipelines keep of its lanes would be
            // nobody's, and go on with the time.
            self.drop_lanes(&mut body).await;
            body.begin_anew();
        }
        if self.live(body).await.is_some() {
            self.report(Report::Ended(Side::Source));
        }
    }

    async fn live(&mut self, mut body: Box<SourceBody>) -> Option<()> {
        loop {
            give_way(&self.parts.shared.clock).await;
            body = self.listen(body).await?;
            if body.is_draining {
                break;
            }
            body = self.pull_once(body).await?;
        }
        self.report(Report::Finishing(Side::Source));
        body = self.close_lanes(body).await?;
        self.flush(&mut body).await;
        let now_ns = self.parts.shared.clock.now_ns();
        finish(&mut body.out, now_ns).await;
        finish(&mut body.err, now_ns).await;
        // Queues end when their senders are gone; sinks then flush.
        body.out.clear();
        body.err.clear();
        let body = self.settle_rest(body).await?;
        self.tell_behind(&body);
        self.let_go(body).await?;
        Some(())
    }

    fn report(&self, report: Report) {
        // A flow that was stopped does not listen any more.
        let _ = self.parts.reports.send(report);
    }

    /// Takes in what was said meanwhile, tells the source the fates that are known, and waits while it must not pull.
    async fn listen(&mut self, mut body: Box<SourceBody>) -> Option<Box<SourceBody>> {
        loop {
            while let Some(message) = self.try_message() {
                body = self.take(message, body).await?;
            }
            body = self.tell_fates(body).await?;
            let is_ready = |body: &SourceBody, task: &Self| {
                body.is_draining || task.instance.is_some() && body.may_pull()
            };
            if is_ready(&body, self) {
                return Some(body);
            }
            let change = self.parts.contraflow.listen();
            // Looked at again, because it may have changed before the listener was there.
            if is_ready(&body, self) {
                return Some(body);
            }
            let due = pull::due(&self.parts, &body);
            let message =
                async { Some(pull::next_message(&self.orders, &self.settled, due).await) };
            let changed = async {
                change.await;
                None
            };
            if let Some(message) = smol::future::or(message, changed).await {
                body = self.take(message, body).await?;
            }
        }
    }

    fn try_message(&self) -> Option<Message> {
        let settled = || self.settled.try_recv().ok().map(Message::Settled);
        self.orders
            .try_recv()
            .ok()
            .map(Message::Order)
            .or_else(settled)
    }

    async fn take(
        &mut self,
        message: Message,
        mut body: Box<SourceBody>,
    ) -> Option<Box<SourceBody>> {
        match message {
            Message::Settled(settled) if settled.pull() >= body.first_pull => {
                body.ledger.settled(settled);
            }
            Message::Settled(_) | Message::Due => {}
            Message::Gone | Message::Order(Order::Drain) => body.is_draining = true,
            Message::Order(Order::Pause) => body.is_paused = true,
            Message::Order(Order::Resume) => body.is_paused = false,
            Message::Order(Order::Release) => {
                body = self.let_go(body).await?;
                self.report(Report::Released(Side::Source));
            }
            Message::Order(Order::Renew(renewal)) => {
                body = self.let_go(body).await?;
                let Renewal {
                    epoch,
                    instance,
                    decoder,
                    ..
                } = *renewal;
                self.instance = Some((epoch, instance));
                body.decoder = decoder;
            }
            Message::Order(Order::Fail(_)) => {
                body = self.let_go(body).await?;
                body.is_draining = true;
            }
            Message::Order(Order::Answer) => self.report(Report::Answered),
            Message::Order(Order::Finish) => {}
        }
        Some(body)
    }

    /// Drops the instance, if there is one. What it was given is not told to the next one.
    async fn let_go(&mut self, mut body: Box<SourceBody>) -> Option<Box<SourceBody>> {
        let Some(instance) = self.instance.take() else {
            return Some(body);
        };
        self.drop_lanes(&mut body).await;
        body.begin_anew();
        let dropping = async { drop(instance) };
        let ((), body) = self.slot.meanwhile(self.owner, body, dropping).await?;
        Some(body)
    }

    /// The instance cannot go on: it is dropped, and the keeper decides what follows.
    async fn trouble(&mut self, body: Box<SourceBody>, error: Error) -> Option<Box<SourceBody>> {
        let epoch = self.instance.as_ref().map_or(0, |(epoch, _)| *epoch);
        let body = self.let_go(body).await?;
        self.report(Report::Trouble(Side::Source, epoch, error));
        Some(body)
    }

    async fn pull_once(&mut self, body: Box<SourceBody>) -> Option<Box<SourceBody>> {
        let number = PullNumber {
            source: self.parts.number,
            pull: body.pull,
        };
        let Some((_, instance)) = &mut self.instance else {
            return Some(body);
        };
        let due = pull::due(&self.parts, &body);
        let mut heard = Vec::new();
        let pulling = pull::pull(
            &mut **instance,
            (self.parts.limits, number),
            (&self.orders, &self.settled, due),
            (&self.slot, self.owner),
            self.parts.shared.supervision.answer_within,
            &mut heard,
        );
        let (reply, mut body) = self.slot.meanwhile(self.owner, body, pulling).await?;
        if !matches!(reply, Ok(Outcome::Lane(_)) | Err(_)) {
            body.ledger.went_on();
        }
        let taken = match reply {
            Ok(Outcome::Batch(batch, position)) => {
                self.take_batch(batch, position, &mut body).await
            }
            Ok(Outcome::End(batch, position)) => {
                body.is_draining = true;
                match batch {
                    Some(batch) => self.take_batch(batch, position, &mut body).await,
                    None => Ok(()),
                }
            }
            Ok(Outcome::Lane(notice)) => {
                let (taken, back) = self.on_notice(notice, body).await?;
                body = back;
                taken
            }
            Ok(Outcome::Idle) => Ok(()),
            Ok(other) => garbage(format!("answered {other:?} to a pull")),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            body.is_draining = false;
            body = self.trouble(body, error).await?;
        }
        for message in heard {
            body = self.take(message, body).await?;
        }
        Some(body)
    }

    async fn take_batch(
        &mut self,
        batch: Batch,
        position: Option<u64>,
        body: &mut SourceBody,
    ) -> Result<()> {
        self.check(&batch, position, body)?;
        let lane = batch.events().first().map_or(0, |event| event.id.lane);
        if self.parts.transactional {
            body.ledger.opened(lane, body.pull, position);
        }
        let pull = PullOf {
            source: self.parts.number,
            pull: body.pull,
            fates: &self.parts.fates,
        };
        body.pull += 1;
        let decoded = match &mut body.decoder {
            Some(decoder) => decoder.decode(batch, &pull)?,
            None => pull::take_values(batch, &pull, &mut body.times),
        };
        if self.parts.transactional {
            body.ledger.undecodable(decoded.undecodable(pull.pull));
        }
        self.hand_on(decoded, body).await;
        Ok(())
    }

    /// Refuses what no sound connector hands over. Numbers of events of bytes are made in the decoder.
    fn check(&self, batch: &Batch, position: Option<u64>, body: &SourceBody) -> Result<()> {
        let events = batch.events();
        if events.len() > MOST_EVENTS {
            return garbage(format!(
                "a pull handed over {} events, more than {MOST_EVENTS}",
                events.len()
            ));
        }
        let lane = events.first().map_or(0, |event| event.id.lane);
        let number = (self.parts.number, lane, body.pull);
        let is_own = |(at, event): (usize, &temblor_pdk::Event<'_>)| {
            let id = &event.id;
            (id.source, id.lane, id.pull) == number && id.event as usize == at
        };
        let mut events = events.iter().enumerate();
        let stray = match body.decoder {
            Some(_) => events.find(|(_, event)| event.id.lane != lane),
            None => events.find(|event| !is_own(*event)),
        };
        match stray {
            None if self.parts.lanes => body.ledger.check(lane, position),
            None => Ok(()),
            Some((at, event)) => garbage(format!(
                "a pull of lane {lane} handed over event {at} with the id {:?}",
                event.id
            )),
        }
    }

    async fn hand_on(&mut self, decoded: Decoded, body: &mut SourceBody) {
        for parcel in decoded.parcels {
            deliver(parcel, &mut body.out).await;
        }
        let Some(errors) = decoded.errors else { return };
        self.parts.measures.decode_errors(errors.batch.len());
        if let Some(record) = errors.batch.events().first() {
            let error = record.data.get("error").and_then(|error| error.as_str());
            let message = format!(
                "cannot decode {} event(s), the first: {}",
                errors.batch.len(),
                error.unwrap_or_default()
            );
            let SourceParts {
                shared, flow, name, ..
            } = &*self.parts;
            shared.logger.about(Level::Warn, flow, name, &message);
        }
        match body.err.is_empty() {
            true => errors.tickets.release(),
            false => deliver(errors, &mut body.err).await,
        }
    }

    /// Hands on what the preprocessors still keep.
    async fn flush(&mut self, body: &mut SourceBody) {
        let Some(decoder) = &mut body.decoder else {
            return;
        };
        let decoded = decoder.finish(&PullOf {
            source: self.parts.number,
            pull: body.pull,
            fates: &self.parts.fates,
        });
        for decoded in decoded {
            self.hand_on(decoded, body).await;
        }
    }
}

fn garbage(what: String) -> Result<()> {
    Err(Error::new(ErrorKind::Bug, what))
}
