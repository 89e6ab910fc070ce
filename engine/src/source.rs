//! A source's task: pull, decode, run pipelines, hand on; fates and orders come first.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use log::Level;
use temblor_pdk::{
    Batch, Command, Error, Instance, Outcome, PullLimits, PullNumber, Reply, Result, call,
};

use crate::breaker::Contraflow;
use crate::clock::Times;
use crate::control::{ConnectorState, Order, Status};
use crate::decode::{Decoded, Decoder, PullOf};
use crate::executor::give_way;
use crate::fate::{Prefix, Settled, SourceFates, Ticket};
use crate::host::Shared;
use crate::measure::Measures;
use crate::parcel::{Parcel, Tickets};
use crate::route::{Target, deliver, finish, is_blocked};

/// What a source listens to while it waits.
enum Message {
    Order(Order),
    Settled(Settled),
    /// Nobody is left who could give orders.
    Gone,
}

/// A running source.
pub(crate) struct SourceTask {
    pub(crate) name: String,
    pub(crate) flow: String,
    pub(crate) number: u32,
    pub(crate) instance: Box<dyn Instance>,
    /// None for a source of values.
    pub(crate) decoder: Option<Decoder>,
    pub(crate) out: Vec<Target>,
    pub(crate) err: Vec<Target>,
    pub(crate) orders: flume::Receiver<Order>,
    pub(crate) settled: flume::Receiver<Settled>,
    pub(crate) fates: Arc<SourceFates>,
    pub(crate) transactional: bool,
    pub(crate) status: Status,
    pub(crate) shared: Arc<Shared>,
    /// Told when the source fails.
    pub(crate) failed: flume::Sender<()>,
    pub(crate) measures: Arc<Measures>,
    pub(crate) limits: PullLimits,
    /// Gives values their times, which bytes get when they are decoded.
    pub(crate) times: Times,
    /// Tells when a breaker has opened or closed.
    pub(crate) contraflow: Arc<Contraflow>,
}

/// What the loop is to do next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Paused,
    Draining,
}

impl SourceTask {
    /// Runs until the source has ended, was drained or failed, and every event has its fate.
    pub(crate) async fn run(mut self) {
        let mut prefix = Prefix::default();
        let mut pull = 0;
        if let Err(error) = self.pull_all(&mut prefix, &mut pull).await {
            self.fail(error);
        }
        self.status.set(ConnectorState::Draining);
        self.flush(pull).await;
        let now_ns = self.shared.clock.now_ns();
        finish(&mut self.out, now_ns).await;
        finish(&mut self.err, now_ns).await;
        // Queues end when their senders are gone; sinks then flush.
        self.out.clear();
        self.err.clear();
        self.settle_rest(&mut prefix).await;
    }

    fn fail(&self, error: Error) {
        let message = format!("source stopped: {error}");
        if self.status.fail(error) {
            let logger = &self.shared.logger;
            logger.about(Level::Error, &self.flow, &self.name, &message);
            // Only the first failure of a flow counts.
            let _ = self.failed.try_send(());
        }
    }

    async fn pull_all(&mut self, prefix: &mut Prefix, pull: &mut u64) -> Result<()> {
        let mut phase = Phase::Running;
        loop {
            give_way(&self.shared.clock).await;
            self.listen(&mut phase, prefix).await?;
            if phase == Phase::Draining {
                return Ok(());
            }
            let number = PullNumber {
                source: self.number,
                pull: *pull,
            };
            let mut heard = Vec::new();
            let reply = self.pull(number, &mut heard).await;
            for message in heard {
                self.take(message, &mut phase, prefix);
            }
            let (batch, ended) = match reply? {
                Outcome::Batch(batch) => (Some(batch), false),
                Outcome::End(batch) => (batch, true),
                _ => (None, false),
            };
            if let Some(batch) = batch {
                self.take_batch(batch, *pull, prefix).await?;
                *pull += 1;
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Takes in what was said meanwhile, tells the source the fates that are known, and waits while paused.
    async fn listen(&mut self, phase: &mut Phase, prefix: &mut Prefix) -> Result<()> {
        loop {
            while let Some(message) = self.try_message() {
                self.take(message, phase, prefix);
            }
            self.tell_fates(prefix).await?;
            if self.may_pull(*phase) {
                return Ok(());
            }
            let change = self.contraflow.listen();
            // Looked at again, because it may have changed before the listener was there.
            if self.may_pull(*phase) {
                return Ok(());
            }
            let message = async { Some(next_message(&self.orders, &self.settled).await) };
            let changed = async {
                change.await;
                None
            };
            if let Some(message) = smol::future::or(message, changed).await {
                self.take(message, phase, prefix);
            }
        }
    }

    /// Whether neither an operator nor the circuit breaker of a sink that it leads to keeps it from pulling.
    fn may_pull(&self, phase: Phase) -> bool {
        match phase {
            Phase::Running => !is_blocked(&self.out) && !is_blocked(&self.err),
            Phase::Paused => false,
            Phase::Draining => true,
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

    fn take(&self, message: Message, phase: &mut Phase, prefix: &mut Prefix) {
        match message {
            Message::Settled(settled) => prefix.settled(settled),
            Message::Order(Order::Drain) | Message::Gone => *phase = Phase::Draining,
            Message::Order(Order::Pause) if *phase == Phase::Running => {
                *phase = Phase::Paused;
                self.status.set(ConnectorState::Paused);
            }
            Message::Order(Order::Resume) if *phase == Phase::Paused => {
                *phase = Phase::Running;
                self.status.set(ConnectorState::Running);
            }
            Message::Order(_) => {}
        }
    }

    async fn tell_fates(&mut self, prefix: &mut Prefix) -> Result<()> {
        let ranges = prefix.take();
        if self.transactional && !ranges.is_empty() {
            call(&mut *self.instance, Command::Fates(ranges)).await?;
        }
        Ok(())
    }

    /// Pulls once. A message interrupts a pull that waits; messages are put into `heard`.
    async fn pull(&mut self, number: PullNumber, heard: &mut Vec<Message>) -> Reply {
        let SourceTask {
            instance,
            orders,
            settled,
            ..
        } = self;
        let mut command = Some(Command::Pull(self.limits, number));
        // A pull that has something is answered at once, without looking at the channels.
        let first = std::future::poll_fn(|cx| Poll::Ready(instance.poll(command.take(), cx)));
        if let Poll::Ready(reply) = first.await {
            return reply;
        }
        loop {
            let mut message = pin!(next_message(orders, settled));
            let mut done = false;
            let reply = std::future::poll_fn(|cx| {
                if !done && let Poll::Ready(message) = message.as_mut().poll(cx) {
                    done = true;
                    instance.interrupt();
                    heard.push(message);
                }
                match instance.poll(None, cx) {
                    Poll::Ready(reply) => Poll::Ready(Some(reply)),
                    Poll::Pending if done => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            if let Some(reply) = reply.await {
                return reply;
            }
            if matches!(heard.last(), Some(Message::Gone)) {
                return std::future::poll_fn(|cx| instance.poll(None, cx)).await;
            }
        }
    }

    async fn take_batch(&mut self, batch: Batch, pull: u64, prefix: &mut Prefix) -> Result<()> {
        let lane = batch.events().first().map_or(0, |event| event.id.lane);
        if self.transactional {
            prefix.opened(lane, pull);
        }
        let decoded = match &mut self.decoder {
            Some(decoder) => decoder.decode(
                batch,
                &PullOf {
                    source: self.number,
                    pull,
                    fates: &self.fates,
                },
            )?,
            None => self.take_values(batch, pull),
        };
        self.hand_on(decoded).await;
        Ok(())
    }

    fn take_values(&mut self, batch: Batch, pull: u64) -> Decoded {
        let lane = batch.events().first().map_or(0, |event| event.id.lane);
        let ticket = Ticket::open(&self.fates, lane, pull, batch.len() as u32);
        let tickets = Tickets::new(ticket, Vec::new());
        let batch = self.with_times(batch);
        Decoded {
            parcels: vec![Parcel { batch, tickets }],
            errors: None,
        }
    }

    /// Gives events their times.
    fn with_times(&mut self, batch: Batch) -> Batch {
        if self.times.are_their_own(batch.events()) {
            return batch;
        }
        let times = &mut self.times;
        let now_ns = times.now_ns();
        batch.derive(|events, _, out| {
            for event in events {
                let mut event = *event;
                event.ingest_ns = times.next(event.ingest_ns, now_ns);
                out.push(event);
            }
        })
    }

    async fn hand_on(&mut self, decoded: Decoded) {
        for parcel in decoded.parcels {
            deliver(parcel, &mut self.out).await;
        }
        let Some(errors) = decoded.errors else { return };
        self.measures.decode_errors(errors.batch.len());
        if let Some(record) = errors.batch.events().first() {
            let error = record.data.get("error").and_then(|error| error.as_str());
            let message = format!(
                "cannot decode {} event(s), the first: {}",
                errors.batch.len(),
                error.unwrap_or_default()
            );
            let logger = &self.shared.logger;
            logger.about(Level::Warn, &self.flow, &self.name, &message);
        }
        if self.err.is_empty() {
            errors.tickets.release();
        } else {
            deliver(errors, &mut self.err).await;
        }
    }

    /// Hands on what the preprocessors still keep.
    async fn flush(&mut self, pull: u64) {
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        let decoded = decoder.finish(&PullOf {
            source: self.number,
            pull,
            fates: &self.fates,
        });
        for decoded in decoded {
            self.hand_on(decoded).await;
        }
    }

    /// Waits until every event has its fate, and tells the source.
    async fn settle_rest(&mut self, prefix: &mut Prefix) {
        loop {
            let all = async {
                self.fates.all_settled().await;
                None
            };
            let one = async { self.settled.recv_async().await.ok() };
            let settled = smol::future::or(one, all).await;
            let ended = settled.is_none();
            settled.into_iter().for_each(|s| prefix.settled(s));
            // What was settled last may still be on its way through the channel.
            self.settled.try_iter().for_each(|s| prefix.settled(s));
            if let Err(error) = self.tell_fates(prefix).await {
                self.fail(error);
                return;
            }
            if ended {
                return;
            }
        }
    }
}

async fn next_message(
    orders: &flume::Receiver<Order>,
    settled: &flume::Receiver<Settled>,
) -> Message {
    let order = async {
        match orders.recv_async().await {
            Ok(order) => Message::Order(order),
            Err(_) => Message::Gone,
        }
    };
    let settled = async {
        match settled.recv_async().await {
            Ok(settled) => Message::Settled(settled),
            // The source does not want to learn fates.
            Err(_) => std::future::pending().await,
        }
    };
    smol::future::or(order, settled).await
}
