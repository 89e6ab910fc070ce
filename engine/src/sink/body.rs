//! What a sink has to do, and all that outlives its instances.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use temblor_pdk::Error;

use super::Refusal;
use super::taken::{Notice, Pending, Taken};
use crate::control::Order;
use crate::encode::Encoder;
use crate::letter::OnFailure;
use crate::measure::Measures;
use crate::parcel::Parcel;
use crate::queue::Receiver;
use crate::route::Target;
use crate::streams::{StreamKey, Streams};

/// What outlives instances, and tasks whose poll does not return.
pub(crate) struct SinkBody {
    pub(super) queue: Receiver,
    /// None for a sink of values.
    pub(super) encoder: Option<Encoder>,
    pub(super) err: Vec<Target>,
    pub(super) taken: Arc<Taken>,
    pub(super) next_write: u64,
    /// What an instance before has left, to be written before all else.
    pub(super) again: VecDeque<Pending>,
    /// Refused events, and when they are to be written again.
    pub(super) retries: Vec<(Instant, Pending)>,
    /// Whether nothing comes from the queue any more.
    pub(super) has_ended: bool,
    pub(super) end: End,
    /// Why there will be no instance any more.
    pub(super) failed: Option<Error>,
}

/// How far the end of a sink is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
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
pub(super) enum Step {
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
pub(super) enum Woken {
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
        measures: &Arc<Measures>,
    ) -> Box<Self> {
        let is_plain = err.is_empty() && refusal.retry.is_none() && refusal.then == OnFailure::Fail;
        Box::new(SinkBody {
            queue,
            encoder,
            err,
            taken: Arc::new(Taken::new(is_plain, measures)),
            next_write: 0,
            again: VecDeque::new(),
            retries: Vec::new(),
            has_ended: false,
            end: End::NotYet,
            failed: None,
        })
    }

    /// What can be done without waiting.
    pub(super) fn ready(&mut self, has_instance: bool) -> Option<Step> {
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
    pub(super) fn streams(&self, has_instance: bool) -> Option<&Streams> {
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
    pub(super) fn take_back(&mut self) {
        let mut left: VecDeque<Pending> = self.taken.take_back().into();
        left.append(&mut self.again);
        self.again = left;
    }

    pub(super) fn may_receive(&self, has_instance: bool) -> bool {
        let has_room = match has_instance {
            true => !self.taken.is_full(),
            // One, so that the end of the queue is seen where nothing has to wait for an instance.
            false => self.again.is_empty(),
        };
        !self.has_ended && (self.failed.is_some() || has_room)
    }

    pub(super) fn received(&self, parcel: Parcel) -> Step {
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
