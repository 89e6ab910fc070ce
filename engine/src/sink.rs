//! A sink's task: encode, write, settle; write again what a lost connection left open.

mod taken;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use log::Level;
use smol::future::or;
use temblor_pdk::{
    Backoff, BackoffPolicy, Batch, Command, Error, ErrorKind, Fates, Instance, Settles, call,
};

use crate::breaker::Breaker;
use crate::control::{Order, Renewal, Report, Side};
use crate::encode::Encoder;
use crate::executor::give_way;
use crate::host::Shared;
use crate::letter::{Letters, OnFailure, Stage};
use crate::parcel::Parcel;
use crate::queue::Receiver;
use crate::route::{Target, deliver, finish};
use crate::slot::Slot;
use crate::streams::{StreamKey, Streams};
use taken::{Notice, Pending, Refused, Taken, Write, part};

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
}

/// What outlives instances, and tasks whose poll does not return.
pub(crate) struct SinkBody {
    queue: Receiver,
    /// None for a sink of values.
    encoder: Option<Encoder>,
    err: Vec<Target>,
    taken: Arc<Taken>,
    next_write: u64,
    /// What an instance before has left, to be written before all else.
    again: VecDeque<Pending>,
    /// Refused events, and when they are to be written again.
    retries: Vec<(Instant, Pending)>,
    /// Whether nothing comes from the queue any more.
    has_ended: bool,
    end: End,
    /// Why there will be no instance any more.
    failed: Option<Error>,
}

/// How far the end of a sink is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    /// The keeper was told that there is nothing more to write.
    Told,
    /// The keeper has told the connector.
    May,
    /// What the postprocessors kept is written, or to be written.
    Rest,
    Flushed,
}

/// What a sink does next.
enum Step {
    Order(Order),
    /// Nobody is left who could give orders.
    Gone,
    Notice(Notice),
    Write(Pending),
    /// No more replies can come of a stream.
    EndStream(StreamKey),
    /// There will be no instance for it.
    Fail(Pending),
    TellEnd,
    WriteRest,
    Flush,
    End,
}

/// What ends a wait.
enum Woken {
    /// Something to do, or a reason to look.
    Step(Option<Step>),
    /// What came from the queue, or its end.
    Queue(Option<(usize, Parcel)>),
}

impl SinkBody {
    pub(crate) fn new(
        queue: Receiver,
        encoder: Option<Encoder>,
        err: Vec<Target>,
        refusal: Refusal,
    ) -> Box<Self> {
        let is_plain = err.is_empty() && refusal.retry.is_none() && refusal.then == OnFailure::Fail;
        Box::new(SinkBody {
            queue,
            encoder,
            err,
            taken: Arc::new(Taken::new(is_plain)),
            next_write: 0,
            again: VecDeque::new(),
            retries: Vec::new(),
            has_ended: false,
            end: End::NotYet,
            failed: None,
        })
    }

    /// What can be done without waiting.
    fn ready(&mut self, has_instance: bool) -> Option<Step> {
        if let Some(notice) = self.taken.notice() {
            return Some(Step::Notice(notice));
        }
        if self.failed.is_some() {
            let retry = self.retries.pop().map(|(_, pending)| pending);
            if let Some(pending) = self.again.pop_front().or(retry) {
                return Some(Step::Fail(pending));
            }
        } else if has_instance
            && !self.taken.is_full()
            && let Some(pending) = self.again.pop_front().or_else(|| self.due())
        {
            return Some(Step::Write(pending));
        }
        if self.may_receive(has_instance) {
            match self.queue.try_receive() {
                Some(Ok((_, parcel))) => return Some(self.received(parcel)),
                Some(Err(())) => self.has_ended = true,
                None => {}
            }
        }
        // Only now: what is in the queue keeps its stream open.
        if let Some(key) = self.streams(has_instance).and_then(Streams::take_one_ended) {
            return Some(Step::EndStream(key));
        }
        if !self.has_ended || !self.again.is_empty() || !self.retries.is_empty() {
            return None;
        }
        if !has_instance {
            return self.taken.is_empty().then_some(Step::End);
        }
        match self.end {
            End::NotYet => Some(Step::TellEnd),
            End::Told => None,
            End::May => Some(Step::WriteRest),
            End::Rest => Some(Step::Flush),
            End::Flushed => self.taken.is_empty().then_some(Step::End),
        }
    }

    /// The streams of the connector's own source, where their ends are to be told. At the end all are told at once.
    fn streams(&self, has_instance: bool) -> Option<&Streams> {
        let encoder = self.encoder.as_ref();
        encoder
            .filter(|_| has_instance && !self.has_ended)
            .and_then(Encoder::streams)
    }

    /// Refused events whose wait is over.
    fn due(&mut self) -> Option<Pending> {
        if self.retries.is_empty() {
            return None;
        }
        let now = Instant::now();
        let at = self.retries.iter().position(|(due, _)| *due <= now)?;
        Some(self.retries.swap_remove(at).1)
    }

    /// Everything that is not settled is to be written again, before what is new.
    fn take_back(&mut self) {
        let mut left: VecDeque<Pending> = self.taken.take_back().into();
        left.append(&mut self.again);
        self.again = left;
    }

    fn may_receive(&self, has_instance: bool) -> bool {
        !self.has_ended && (self.failed.is_some() || has_instance && !self.taken.is_full())
    }

    fn received(&self, parcel: Parcel) -> Step {
        let pending = Pending {
            parcel,
            is_encoded: false,
            backoff: None,
            frames: None,
        };
        match self.failed {
            None => Step::Write(pending),
            Some(_) => Step::Fail(pending),
        }
    }
}

impl Drop for SinkBody {
    fn drop(&mut self) {
        // Whatever was never told has failed, also when the flow is stopped.
        self.taken.fail_all();
        let retries = self.retries.drain(..).map(|(_, pending)| pending);
        for pending in self.again.drain(..).chain(retries) {
            pending.parcel.fail();
        }
        while let Some(Ok((_, parcel))) = self.queue.try_receive() {
            parcel.fail();
        }
    }
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
            let mut backoff = backoff.unwrap_or_else(|| Backoff::new(policy));
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
        Some((reply.map(|_| ()), body))
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
        match reply {
            Ok(()) => Some(body),
            Err(error) => {
                body.end = End::Rest;
                self.trouble(body, error).await
            }
        }
    }
}
