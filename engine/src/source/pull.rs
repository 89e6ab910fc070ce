//! One pull: it waits for events and hears messages meanwhile.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use temblor_pdk::{Batch, Command, Error, ErrorKind, Instance, PullLimits, PullNumber, Reply};

use super::{Message, SourceBody, SourceParts};
use crate::clock::Times;
use crate::control::Order;
use crate::decode::{Decoded, PullOf, take_end};
use crate::fate::{Settled, Ticket, Told};
use crate::parcel::{Parcel, Tickets};
use crate::slot::Slot;

/// Pulls once. A message interrupts a pull that waits, and so does the time `due`; messages are put into `heard`. A pull that does not come back
/// from an interruption in time is in error. Where another task has taken over, messages are left to it.
pub(super) async fn pull(
    instance: &mut dyn Instance,
    (limits, number): (PullLimits, PullNumber),
    (orders, settled, due): (
        &flume::Receiver<Order>,
        &flume::Receiver<Settled>,
        Option<Instant>,
    ),
    (slot, owner): (&Slot<Box<SourceBody>>, u64),
    answer_within: Duration,
    heard: &mut Vec<Message>,
) -> Reply {
    let mut command = Some(Command::Pull(limits, number));
    // A pull that has something is answered at once, without looking at the channels.
    let first = std::future::poll_fn(|cx| Poll::Ready(instance.poll(command.take(), cx)));
    if let Poll::Ready(reply) = first.await {
        return reply;
    }
    let mut message = pin!(next_message(orders, settled, due));
    let mut is_interrupted = false;
    let reply = std::future::poll_fn(|cx| {
        let mut hear = || slot.while_owner(owner, || message.as_mut().poll(cx));
        if !is_interrupted && let Some(Poll::Ready(message)) = hear() {
            is_interrupted = true;
            instance.interrupt();
            heard.push(message);
        }
        match instance.poll(None, cx) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending if is_interrupted => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    if let Some(reply) = reply.await {
        return reply;
    }
    let late = async {
        smol::Timer::after(answer_within).await;
        Err(Error::new(
            ErrorKind::Bug,
            format!(
                "a pull does not return within {} ms of an interruption; a source may wait only through \
                 `BatchWriter::wait`",
                answer_within.as_millis()
            ),
        ))
    };
    smol::future::or(std::future::poll_fn(|cx| instance.poll(None, cx)), late).await
}

/// When a source is to be told something even if nothing happens.
pub(super) fn due(parts: &SourceParts, body: &SourceBody) -> Option<Instant> {
    let due_ns = body.ledger.due_ns()?;
    Some(parts.shared.clock.instant(due_ns))
}

/// The next order or fate, or that the time `due` has come; orders come first.
pub(super) async fn next_message(
    orders: &flume::Receiver<Order>,
    settled: &flume::Receiver<Settled>,
    due: Option<Instant>,
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
    let is_due = async {
        match due {
            Some(due) => drop(smol::Timer::at(due).await),
            None => std::future::pending().await,
        }
        Message::Due
    };
    smol::future::or(order, smol::future::or(settled, is_due)).await
}

/// The events of a source of values.
pub(super) fn take_values(batch: Batch, pull: &PullOf<'_>, times: &mut Times) -> Decoded {
    let lane = batch.events().first().map_or(0, |event| event.id.lane);
    let (batch, _) = take_end(batch);
    let events = batch.len() as u32;
    let ticket = Ticket::open(pull.fates, lane, pull.pull, events, Told::Events);
    let tickets = Tickets::new(ticket, Vec::new());
    let batch = times.given_to(batch);
    Decoded {
        parcels: vec![Parcel { batch, tickets }],
        errors: None,
    }
}
