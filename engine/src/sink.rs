//! A sink's task: encode, write, settle.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_listener::Event as Notify;
use log::Level;
use temblor_pdk::abi::FateSink;
use temblor_pdk::{Batch, Command, Error, ErrorKind, Fates, Instance, Result, Settles, call};

use crate::breaker::Breaker;
use crate::control::{ConnectorState, Status};
use crate::encode::Encoder;
use crate::executor::give_way;
use crate::host::Shared;
use crate::limits::{UNSETTLED_BYTES, UNSETTLED_WRITES};
use crate::measure::Measures;
use crate::parcel::Parcel;
use crate::queue::Receiver;

/// A running sink.
pub(crate) struct SinkTask {
    pub(crate) name: String,
    pub(crate) flow: String,
    pub(crate) instance: Box<dyn Instance>,
    /// None for a sink of values.
    pub(crate) encoder: Option<Encoder>,
    pub(crate) queue: Receiver,
    /// In front of the queue: open while the sink cannot take events.
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) settles: Settles,
    pub(crate) status: Status,
    pub(crate) shared: Arc<Shared>,
    /// Told when the sink fails.
    pub(crate) failed: flume::Sender<()>,
    pub(crate) measures: Arc<Measures>,
}

impl SinkTask {
    /// Runs until the queue has ended and everything is settled.
    pub(crate) async fn run(mut self) {
        self.breaker.close();
        let taken = Arc::new(Taken::new(
            &self.shared,
            &self.flow,
            &self.name,
            &self.measures,
        ));
        // Whatever was never told has failed, also when the flow is stopped.
        let _rest = FailRest(Arc::clone(&taken));
        let mut write = 0;
        while let Some((_, parcel)) = self.queue.receive().await {
            give_way(&self.shared.clock).await;
            if self.status.get().0 == ConnectorState::Failed {
                parcel.fail();
                continue;
            }
            if let Err(error) = self.take(parcel, write, &taken).await {
                self.fail(error);
            }
            write += 1;
        }
        self.status.set(ConnectorState::Draining);
        if let Err(error) = self.finish(write, &taken).await {
            self.fail(error);
        }
        if self.status.get().0 != ConnectorState::Failed {
            taken.all_settled().await;
        }
    }

    fn fail(&self, error: Error) {
        let message = format!("sink stopped: {error}");
        self.breaker.open(&message);
        if self.status.fail(error) {
            let logger = &self.shared.logger;
            logger.about(Level::Error, &self.flow, &self.name, &message);
            // Only the first failure of a flow counts.
            let _ = self.failed.try_send(());
        }
    }

    #[track_caller]
    fn warn(&self, message: &str) {
        let logger = &self.shared.logger;
        logger.about(Level::Warn, &self.flow, &self.name, message);
    }

    /// Writes one parcel. Returns the error that stops the sink; one that rejects the events does not.
    async fn take(&mut self, parcel: Parcel, write: u64, taken: &Arc<Taken>) -> Result<()> {
        let (batch, parcel) = self.encode(parcel);
        if batch.is_empty() {
            parcel.tickets.release();
            return Ok(());
        }
        taken.room().await;
        let fates = match self.settles {
            Settles::OnReturn => Fates::new(Arc::clone(taken), write, batch.len()),
            Settles::Late => {
                let taken = Arc::clone(taken);
                Fates::new(Arc::new(Write { taken, write }), write, batch.len())
            }
        };
        taken.insert(write, parcel);
        let written = call(&mut *self.instance, Command::Write(batch, fates)).await;
        match written {
            Ok(_) if self.settles == Settles::Late => Ok(()),
            Ok(_) => {
                taken.settle_all(write, None);
                Ok(())
            }
            Err(error) => {
                taken.settle_all(write, Some(&error));
                match error.kind() {
                    ErrorKind::Rejected => {
                        self.warn(&format!("events refused: {error}"));
                        Ok(())
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// Encodes for a sink of bytes. Returns what is to be written, and the parcel of just those events.
    fn encode(&mut self, parcel: Parcel) -> (Batch, Parcel) {
        let Some(encoder) = &mut self.encoder else {
            return (parcel.batch.clone(), parcel);
        };
        let (batch, errors) = encoder.encode(&parcel.batch);
        if let Some((_, first)) = errors.first() {
            let count = errors.len();
            self.measures.encode_errors(count);
            self.warn(&format!(
                "cannot encode {count} event(s), the first: {first}"
            ));
        }
        for (at, _) in errors {
            if let Some(event) = parcel.batch.events().get(at) {
                parcel.tickets.failed(&event.id);
            }
        }
        let parcel = Parcel {
            batch: batch.clone(),
            tickets: parcel.tickets,
        };
        (batch, parcel)
    }

    /// Writes what the postprocessors still keep, and flushes the sink.
    async fn finish(&mut self, write: u64, taken: &Arc<Taken>) -> Result<()> {
        if self.status.get().0 == ConnectorState::Failed {
            return Ok(());
        }
        let rest = match &mut self.encoder {
            Some(encoder) => encoder.finish()?,
            None => None,
        };
        if let Some(batch) = rest {
            let fates = Fates::new(Arc::clone(taken), write, batch.len());
            call(&mut *self.instance, Command::Write(batch, fates)).await?;
        }
        call(&mut *self.instance, Command::Flush).await?;
        Ok(())
    }
}

/// Parcels that the sink has taken and whose fate is open, by the number of their write.
struct Taken {
    open: Mutex<BTreeMap<u64, Open>>,
    /// Writes that are not open any more and whose tickets are not yet given back.
    settling: AtomicUsize,
    changed: Notify,
    shared: Arc<Shared>,
    flow: String,
    name: String,
    measures: Arc<Measures>,
}

/// Fails what is open when the sink's task ends, in whatever way.
struct FailRest(Arc<Taken>);

impl Drop for FailRest {
    fn drop(&mut self) {
        self.0.fail_all();
    }
}

/// One write of a sink that tells fates later. When all handles on it are gone, nobody can tell any more.
struct Write {
    taken: Arc<Taken>,
    write: u64,
}

impl FateSink for Write {
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>) {
        self.taken.settle_range(write, range, error.as_ref());
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let Some(left) = self.taken.left(self.write) else {
            return;
        };
        let message =
            format!("{left} event(s) failed: the sink let go of them without telling their fate");
        let Taken {
            shared, flow, name, ..
        } = &*self.taken;
        shared.logger.about(Level::Warn, flow, name, &message);
        let error = Error::failed(message);
        self.taken.settle_all(self.write, Some(&error));
    }
}

struct Open {
    parcel: Parcel,
    /// Events that were told, so that each is told once.
    told: Vec<bool>,
    left: usize,
    bytes: usize,
}

impl Taken {
    fn new(shared: &Arc<Shared>, flow: &str, name: &str, measures: &Arc<Measures>) -> Self {
        Taken {
            open: Mutex::default(),
            settling: AtomicUsize::new(0),
            changed: Notify::new(),
            shared: Arc::clone(shared),
            flow: flow.to_owned(),
            name: name.to_owned(),
            measures: Arc::clone(measures),
        }
    }

    /// How many events of a write are open; none if the write is not.
    fn left(&self, write: u64) -> Option<usize> {
        self.lock().get(&write).map(|open| open.left)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, write: u64, parcel: Parcel) {
        let events = parcel.batch.len();
        self.measures.taken(events);
        let open = Open {
            told: Vec::new(),
            left: events,
            bytes: parcel.batch.pinned_bytes(),
            parcel,
        };
        self.lock().insert(write, open);
    }

    fn is_full(&self) -> bool {
        let open = self.lock();
        let bytes: usize = open.values().map(|open| open.bytes).sum();
        open.len() >= UNSETTLED_WRITES || bytes >= UNSETTLED_BYTES
    }

    /// Waits until the sink has settled enough to take more.
    async fn room(&self) {
        self.until(|| !self.is_full()).await;
    }

    async fn all_settled(&self) {
        let settling = || self.settling.load(Ordering::Acquire);
        self.until(|| self.lock().is_empty() && settling() == 0)
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

    /// The whole of a write has one fate.
    fn settle_all(&self, write: u64, error: Option<&Error>) {
        let len = self.lock().get(&write).map_or(0, |o| o.parcel.batch.len());
        self.settle_range(write, 0..len, error);
    }

    fn settle_range(&self, write: u64, range: Range<usize>, error: Option<&Error>) {
        let mut all = self.lock();
        let Some(open) = all.get_mut(&write) else {
            return;
        };
        open.settle(range, error, &self.measures);
        if open.left > 0 {
            return;
        }
        let finished = all.remove(&write);
        self.settling.fetch_add(1, Ordering::AcqRel);
        drop(all);
        if let Some(open) = finished {
            open.parcel.tickets.release();
        }
        self.settling.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify(usize::MAX);
    }

    fn fail_all(&self) {
        let rest = std::mem::take(&mut *self.lock());
        for (_, mut open) in rest {
            let all = 0..open.parcel.batch.len();
            let error = Error::failed("the sink stopped");
            open.settle(all, Some(&error), &self.measures);
            open.parcel.tickets.release();
        }
    }
}

impl Open {
    fn settle(&mut self, range: Range<usize>, error: Option<&Error>, measures: &Measures) {
        let events = self.parcel.batch.events();
        let range = range.start.min(events.len())..range.end.min(events.len());
        let whole = range.len() == events.len() && self.left == events.len();
        if self.told.is_empty() && !whole {
            self.told = vec![false; events.len()];
        }
        let fresh: Vec<usize> = match whole {
            true => range.collect(),
            false => range.filter(|&at| !self.told[at]).collect(),
        };
        self.left -= fresh.len();
        measures.settled(fresh.iter().map(|&at| &events[at]), error.is_none());
        let tickets = &self.parcel.tickets;
        match error {
            None => tickets.delivered(fresh.iter().map(|&at| &events[at].id)),
            Some(_) => fresh.iter().for_each(|&at| tickets.failed(&events[at].id)),
        }
        if !whole {
            fresh.iter().for_each(|&at| self.told[at] = true);
        }
    }
}

impl FateSink for Taken {
    fn settle(&self, write: u64, range: Range<usize>, error: Option<Error>) {
        self.settle_range(write, range, error.as_ref());
    }
}
