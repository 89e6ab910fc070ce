//! A sink's task: encode, write, settle; write again what a lost connection left open.

mod body;
mod taken;

use std::sync::Arc;
use std::time::Instant;

use log::Level;
use smol::future::or;
use temblor_pdk::{
    Backoff, BackoffPolicy, Batch, Command, Error, ErrorKind, Fates, Instance, Outcome, Settles,
    call,
};

use crate::breaker::Breaker;
use crate::control::{Order, Renewal, Report, Side};
use crate::executor::give_way;
use crate::host::Shared;
use crate::letter::{Letters, OnFailure, Stage};
use crate::measure::Measures;
use crate::parcel::Parcel;
use crate::route::{deliver, finish};
use crate::slot::Slot;
use crate::streams::StreamKey;
pub(crate) use body::SinkBody;
use body::{End, Step, Woken};
use taken::{Notice, Pending, Refused, Write, part};

/// What becomes of events that a connector refuses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusal {
    /// They are written again so often, after these waits.
    pub(crate) retry: Option<(BackoffPolicy, u32)>,
    /// What then becomes of them.
    pub(crate) then: OnFailure,
}

/// What stays the same as long as the flow runs.
pub(crate) struct SinkParts {
    pub(crate) name: String,
    pub(crate) flow: String,
    pub(crate) settles: Settles,
    pub(crate) shared: Arc<Shared>,
    pub(crate) reports: flume::Sender<Report>,
    /// In front of the queue: open while the sink cannot take events.
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) refusal: Refusal,
    pub(crate) letters: Letters,
    pub(crate) measures: Arc<Measures>,
}

/// A sink's task. Its functions take the body and give it back, or nothing where another task has taken over.
pub(crate) struct SinkTask {
    pub(crate) parts: Arc<SinkParts>,
    pub(crate) slot: Slot<Box<SinkBody>>,
    /// Which task this is, for the slot.
    pub(crate) owner: u64,
    pub(crate) orders: flume::Receiver<Order>,
    /// The instance and its epoch, while there is one.
    pub(crate) instance: Option<(u64, Box<dyn Instance>)>,
}

impl SinkTask {
    /// Runs until the queue has ended and everything is settled.
    pub(crate) async fn run(mut self) {
        let Some(mut body) = self.slot.take(self.owner) else {
            return;
        };
        if self.instance.is_none() {
            // The task before is in a poll that does not return.
            body.take_back();
        }
        if self.live(body).await.is_some() {
            self.report(Report::Ended(Side::Sink));
        }
    }

    async fn live(&mut self, mut body: Box<SinkBody>) -> Option<()> {
        loop {
            give_way(&self.parts.shared.clock).await;
            let step = self.next(&mut body).await;
            body = match step {
                Step::Order(order) => self.obey(order, body).await?,
                Step::Notice(notice) => self.look_after(notice, body).await?,
                Step::Write(pending) => self.write(pending, body).await?,
                Step::EndStream(key) => self.end_stream(key, body),
                Step::Fail(pending) => self.fail(pending, body).await,
                Step::TellEnd => {
                    body.end = End::Told;
                    self.report(Report::Finishing(Side::Sink));
                    body
                }
                Step::WriteRest => self.take_rest(body).await?,
                Step::Flush => self.flush(body).await?,
                Step::End | Step::Gone => break,
            };
        }
        finish(&mut body.err, self.parts.shared.clock.now_ns()).await;
        body.err.clear();
        self.let_go(body).await?;
        Some(())
    }

    fn report(&self, report: Report) {
        // A flow that was stopped does not listen any more.
        let _ = self.parts.reports.send(report);
    }

    #[track_caller]
    fn warn(&self, message: &str) {
        let SinkParts {
            shared, flow, name, ..
        } = &*self.parts;
        shared.logger.about(Level::Warn, flow, name, message);
    }

    async fn next(&mut self, body: &mut SinkBody) -> Step {
        let has_instance = self.instance.is_some();
        loop {
            if let Ok(order) = self.orders.try_recv() {
                return Step::Order(order);
            }
            if let Some(step) = body.ready(has_instance) {
                return step;
            }
            let changed = body.taken.listen();
            // Looked at again, because it may have changed before the listener was there.
            if let Some(step) = body.ready(has_instance) {
                return step;
            }
            if let Some(step) = self.wait(body, changed).await {
                return step;
            }
        }
    }

    /// Waits until there is something to do, or something may have changed.
    async fn wait(
        &mut self,
        body: &mut SinkBody,
        changed: event_listener::EventListener,
    ) -> Option<Step> {
        let may_receive = body.may_receive(self.instance.is_some());
        let next_retry = body.retries.iter().map(|(due, _)| *due).min();
        let orders = &self.orders;
        let order = async {
            match orders.recv_async().await {
                Ok(order) => Some(Step::Order(order)),
                Err(_) => Some(Step::Gone),
            }
        };
        let changed = async {
            changed.await;
            None
        };
        let retry = async {
            match next_retry {
                Some(due) => drop(smol::Timer::at(due).await),
                None => std::future::pending().await,
            }
            None
        };
        let streams = body.streams(self.instance.is_some());
        let stream = async {
            match streams {
                Some(streams) => streams.any_ended().await,
                None => std::future::pending().await,
            }
            None
        };
        let step = async { Woken::Step(or(order, or(changed, or(retry, stream))).await) };
        let queue = &body.queue;
        let parcel = async {
            match may_receive {
                true => Woken::Queue(queue.receive().await),
                false => std::future::pending().await,
            }
        };
        let woken = or(step, parcel).await;
        match woken {
            Woken::Step(step) => step,
            Woken::Queue(Some((_, parcel))) => Some(body.received(parcel)),
            Woken::Queue(None) => {
                body.has_ended = true;
                None
            }
        }
    }

    async fn obey(&mut self, order: Order, mut body: Box<SinkBody>) -> Option<Box<SinkBody>> {
        match order {
            Order::Release => {
                body = self.let_go(body).await?;
                self.report(Report::Released(Side::Sink));
            }
            Order::Renew(renewal) => {
                body = self.let_go(body).await?;
                let Renewal {
                    epoch,
                    instance,
                    encoder,
                    ..
                } = *renewal;
                self.instance = Some((epoch, instance));
                body.encoder = encoder;
                self.parts.breaker.close();
            }
            Order::Fail(error) => {
                body = self.let_go(body).await?;
                self.parts.breaker.open(error.message());
                body.failed = Some(error);
            }
            Order::Finish if body.end == End::Told => body.end = End::May,
            Order::Answer => self.report(Report::Answered),
            // A sink is not paused: what is in flight is delivered.
            Order::Finish | Order::Pause | Order::Resume | Order::Drain => {}
        }
        Some(body)
    }

    /// Drops the instance, if there is one. What it was given and has not settled is to be written again.
    async fn let_go(&mut self, mut body: Box<SinkBody>) -> Option<Box<SinkBody>> {
        let Some(instance) = self.instance.take() else {
            return Some(body);
        };
        body.take_back();
        let dropping = async { drop(instance) };
        let ((), body) = self.slot.meanwhile(self.owner, body, dropping).await?;
        Some(body)
    }

    /// The instance cannot go on: it is dropped, and the keeper decides what follows.
    async fn trouble(&mut self, body: Box<SinkBody>, error: Error) -> Option<Box<SinkBody>> {
        let epoch = self.instance.as_ref().map_or(0, |(epoch, _)| *epoch);
        self.parts.breaker.open(error.message());
        let body = self.let_go(body).await?;
        self.report(Report::Trouble(Side::Sink, epoch, error));
        Some(body)
    }

    async fn look_after(
        &mut self,
        notice: Notice,
        mut body: Box<SinkBody>,
    ) -> Option<Box<SinkBody>> {
        match notice {
            Notice::Trouble(error) if self.instance.is_some() => self.trouble(body, error).await,
            Notice::Trouble(_) | Notice::LetGo(_, 0) => Some(body),
            Notice::LetGo(write, left) => {
                let message = format!(
                    "{left} event(s) failed: the sink let go of them without telling their fate"
                );
                self.warn(&message);
                body.taken.settle_all(write, Some(&Error::failed(message)));
                Some(body)
            }
            Notice::Refused(refused) => {
                self.refuse(refused, &mut body).await;
                Some(body)
            }
        }
    }

    /// Does with refused events what the connector's settings say.
    async fn refuse(&mut self, refused: Refused, body: &mut SinkBody) {
        let Refusal { retry, then } = self.parts.refusal;
        let may_help = refused.stage == Stage::Write && body.failed.is_none();
        if let Some((policy, most)) = retry.filter(|_| may_help) {
            let backoff = refused.backoff.clone();
            let mut backoff = backoff.unwrap_or_else(|| Box::new(Backoff::new(policy)));
            if backoff.attempts() < most {
                let due = Instant::now() + backoff.next_wait();
                body.retries.push((due, refused.pending(backoff)));
                return;
            }
        }
        // What a sink never took is not dropped as if it had refused it.
        let policy = match (then, &body.failed) {
            (OnFailure::Drop, Some(_)) => OnFailure::Fail,
            (then, _) => then,
        };
        let Refused {
            parcel,
            failures,
            stage,
            ..
        } = refused;
        let is_read = !body.err.is_empty();
        let letters = &self.parts.letters;
        let records = letters.refused(|_| stage, &parcel, &failures, policy, is_read);
        parcel.tickets.release();
        if let Some(records) = records {
            deliver(records, &mut body.err).await;
        }
    }

    /// What will never be written is refused.
    async fn fail(&mut self, pending: Pending, mut body: Box<SinkBody>) -> Box<SinkBody> {
        let error = body.failed.clone();
        let error = error.unwrap_or_else(|| Error::failed("the sink stopped"));
        let all = 0..pending.parcel.batch.len();
        let refused = Refused {
            failures: all.map(|at| (at, error.clone())).collect(),
            parcel: pending.parcel,
            stage: Stage::Write,
            backoff: None,
        };
        self.refuse(refused, &mut body).await;
        body
    }

    /// Writes one parcel.
    async fn write(&mut self, pending: Pending, mut body: Box<SinkBody>) -> Option<Box<SinkBody>> {
        if self.instance.is_none() {
            body.again.push_front(pending);
            return Some(body);
        }
        let (batch, pending) = self.encode(pending, &mut body);
        if batch.is_empty() || pending.parcel.batch.is_empty() {
            pending.parcel.tickets.release();
            return Some(body);
        }
        if !pending.is_encoded && matches!(body.end, End::Rest | End::Flushed) {
            body.end = End::May;
        }
        let write = body.next_write;
        body.next_write += 1;
        let taken = Arc::clone(&body.taken);
        let fates = match self.parts.settles {
            Settles::OnReturn => Fates::new(taken, write, batch.len()),
            Settles::Late => Fates::new(Arc::new(Write { taken, write }), write, batch.len()),
        };
        body.taken.insert(write, pending);
        let command = Command::Write(batch, fates);
        let (reply, body) = self.call(command, body).await?;
        match reply {
            Ok(()) if self.parts.settles == Settles::Late => Some(body),
            Ok(()) => {
                body.taken.settle_all(write, None);
                Some(body)
            }
            Err(error) if error.kind() == ErrorKind::Rejected => {
                self.warn(&format!("events refused: {error}"));
                body.taken.settle_all(write, Some(&error));
                Some(body)
            }
            Err(error) => self.trouble(body, error).await,
        }
    }

    async fn call(
        &mut self,
        command: Command,
        body: Box<SinkBody>,
    ) -> Option<(temblor_pdk::Result<()>, Box<SinkBody>)> {
        let Some((_, instance)) = &mut self.instance else {
            return Some((Err(Error::failed("the sink has no instance")), body));
        };
        let calling = call(&mut **instance, command);
        let (reply, body) = self.slot.meanwhile(self.owner, body, calling).await?;
        let done = match reply {
            Ok(Outcome::Done) => Ok(()),
            Ok(other) => Err(Error::new(
                ErrorKind::Bug,
                format!("a sink answered {other:?}"),
            )),
            Err(error) => Err(error),
        };
        Some((done, body))
    }

    /// Encodes for a sink of bytes. Returns what is to be written, and just those events as they were.
    fn encode(&self, pending: Pending, body: &mut SinkBody) -> (Batch, Pending) {
        let encoder = body.encoder.as_mut().filter(|_| !pending.is_encoded);
        let Some(encoder) = encoder else {
            return (pending.parcel.batch.clone(), pending);
        };
        let written = encoder.encode(&pending.parcel.batch);
        let (batch, errors) = (written.frames, written.errors);
        let pending = Pending {
            frames: written.is_whole.then_some(batch.len()),
            ..pending
        };
        let Some((_, first)) = errors.first() else {
            return (batch, pending);
        };
        let count = errors.len();
        self.parts.measures.encode_errors(count);
        self.warn(&format!(
            "cannot encode {count} event(s), the first: {first}"
        ));
        let mut is_good = vec![true; pending.parcel.batch.len()];
        errors.iter().for_each(|(at, _)| is_good[*at] = false);
        body.taken.refuse(Refused {
            parcel: Parcel {
                batch: pending.parcel.batch.clone(),
                tickets: pending.parcel.tickets.clone(),
            },
            failures: errors,
            stage: Stage::Encode,
            backoff: None,
        });
        let places: Vec<usize> = (0..is_good.len()).filter(|&at| is_good[at]).collect();
        let parcel = part(pending.parcel, &places);
        (batch, Pending { parcel, ..pending })
    }

    /// What the postprocessors of a stream still keep is written, and with it that there is no more to come.
    fn end_stream(&self, key: StreamKey, mut body: Box<SinkBody>) -> Box<SinkBody> {
        if let Some(encoder) = &mut body.encoder {
            let (batch, error) = encoder.end_stream(key);
            if let Some(error) = error {
                self.warn(&format!("cannot finish the replies of a stream: {error}"));
            }
            body.again.push_back(Pending::of_nobody(batch));
        }
        body
    }

    /// What the postprocessors still keep is written, before all is flushed.
    async fn take_rest(&mut self, mut body: Box<SinkBody>) -> Option<Box<SinkBody>> {
        body.end = End::Rest;
        let rest = match &mut body.encoder {
            Some(encoder) => encoder.finish(),
            None => Ok(None),
        };
        match rest {
            Err(error) => self.trouble(body, Error::failed(error.message())).await,
            Ok(rest) => {
                body.again.extend(rest.map(Pending::of_nobody));
                Some(body)
            }
        }
    }

    async fn flush(&mut self, body: Box<SinkBody>) -> Option<Box<SinkBody>> {
        let (reply, mut body) = self.call(Command::Flush, body).await?;
        body.end = End::Flushed;
        let Err(error) = reply else {
            return Some(body);
        };
        if body.taken.is_empty() {
            // Nothing is left to be written again: what the sink had kept to itself is lost.
            self.report(Report::Unflushed(error.clone()));
        }
        body.end = End::Rest;
        self.trouble(body, error).await
    }
}
