//! Queues between tasks, bounded by parcels, by events and by the memory that they keep from being freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_listener::Event as Notify;

use crate::parcel::Parcel;
use crate::turn::LaneTurn;

/// Bounds of a queue. One parcel is always taken, however large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// At most this many parcels, each of one batch.
    pub parcels: usize,
    /// At most this many events.
    pub events: usize,
    /// At most this many bytes of arenas and buffers.
    pub bytes: usize,
}

impl QueueLimits {
    /// The bounds that count if nothing else is said.
    pub const DEFAULT: QueueLimits = QueueLimits {
        parcels: 64,
        events: 64 * 1024,
        bytes: 64 * 1024 * 1024,
    };
}

impl Default for QueueLimits {
    fn default() -> Self {
        QueueLimits::DEFAULT
    }
}

/// What is in a queue, what waits for room included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLevel {
    /// Batches.
    pub batches: usize,
    /// Events.
    pub events: usize,
    /// Bytes of arenas and buffers that they keep.
    pub bytes: usize,
}

/// Tells how full a queue is.
#[derive(Clone)]
pub(crate) struct Depth(Arc<Level>);

impl Depth {
    pub(crate) fn level(&self) -> QueueLevel {
        QueueLevel {
            batches: self.0.batches.load(Ordering::Acquire),
            events: self.0.events.load(Ordering::Acquire),
            bytes: self.0.bytes.load(Ordering::Acquire),
        }
    }
}

/// What is in the queue now.
struct Level {
    limits: QueueLimits,
    batches: AtomicUsize,
    events: AtomicUsize,
    bytes: AtomicUsize,
    lowered: Notify,
}

/// The room that a parcel takes in a queue, until it is dropped: whatever becomes of the parcel.
struct Room {
    level: Arc<Level>,
    events: usize,
    bytes: usize,
}

impl Room {
    fn of(parcel: &Parcel, level: &Arc<Level>) -> Self {
        let (events, bytes) = (parcel.batch.len(), parcel.batch.pinned_bytes());
        level.batches.fetch_add(1, Ordering::AcqRel);
        level.events.fetch_add(events, Ordering::AcqRel);
        level.bytes.fetch_add(bytes, Ordering::AcqRel);
        Room {
            level: Arc::clone(level),
            events,
            bytes,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.level.batches.fetch_sub(1, Ordering::AcqRel);
        self.level.events.fetch_sub(self.events, Ordering::AcqRel);
        self.level.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        self.level.lowered.notify(usize::MAX);
    }
}

impl Level {
    fn is_full(&self) -> bool {
        self.events.load(Ordering::Acquire) >= self.limits.events
            || self.bytes.load(Ordering::Acquire) >= self.limits.bytes
    }
}

/// Where parcels are put. Dropping the last sender ends the queue.
pub(crate) struct Sender {
    channel: flume::Sender<Item>,
    level: Arc<Level>,
    /// Whether who takes them wants to learn what happens to lanes.
    takes_turns: bool,
}

/// What is in a queue.
enum Item {
    /// The port, the parcel, and the room that it takes.
    Parcel(usize, Parcel, Room),
    /// What happens to a lane behind what was put in before.
    Turn(LaneTurn),
}

/// What is taken from a queue.
pub(crate) enum Taken {
    Parcel(usize, Parcel),
    Turn(LaneTurn),
}

/// Where parcels are taken, each with the port it is for.
pub(crate) struct Receiver {
    channel: flume::Receiver<Item>,
    level: Arc<Level>,
}

pub(crate) fn queue(limits: QueueLimits) -> (Sender, Receiver) {
    let (sender, receiver) = flume::bounded(limits.parcels);
    let level = Arc::new(Level {
        limits,
        batches: AtomicUsize::new(0),
        events: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        lowered: Notify::new(),
    });
    let sender = Sender {
        channel: sender,
        level: Arc::clone(&level),
        takes_turns: false,
    };
    let receiver = Receiver {
        channel: receiver,
        level,
    };
    (sender, receiver)
}

impl Sender {
    /// Whoever takes from the queue is told what happens to lanes.
    pub(crate) fn taking_turns(self) -> Self {
        Sender {
            takes_turns: true,
            ..self
        }
    }

    /// Puts in what happens to a lane. It needs a place in the queue, but no room.
    pub(crate) async fn turn(&self, turn: &LaneTurn) {
        if self.takes_turns {
            // A receiver that is gone keeps nothing of lanes.
            let _ = self.channel.send_async(Item::Turn(turn.clone())).await;
        }
    }

    /// Puts a parcel in, waiting for room. A parcel for a receiver that is gone fails.
    pub(crate) async fn send(&self, port: usize, parcel: Parcel) {
        while self.level.is_full() {
            let lowered = self.level.lowered.listen();
            // Looked at again, because it may have changed before the listener was there.
            if self.level.is_full() && !self.channel.is_disconnected() {
                lowered.await;
            } else {
                break;
            }
        }
        let room = Room::of(&parcel, &self.level);
        let item = Item::Parcel(port, parcel, room);
        if let Err(returned) = self.channel.send_async(item).await
            && let Item::Parcel(_, parcel, _) = returned.into_inner()
        {
            parcel.fail();
        }
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        Sender {
            channel: self.channel.clone(),
            level: Arc::clone(&self.level),
            takes_turns: self.takes_turns,
        }
    }
}

impl Receiver {
    /// What tells how full the queue is.
    pub(crate) fn depth(&self) -> Depth {
        Depth(Arc::clone(&self.level))
    }

    /// Takes what is next; none once all senders are gone.
    pub(crate) async fn next(&self) -> Option<Taken> {
        Some(match self.channel.recv_async().await.ok()? {
            Item::Turn(turn) => Taken::Turn(turn),
            Item::Parcel(port, parcel, room) => {
                drop(room);
                Taken::Parcel(port, parcel)
            }
        })
    }

    /// Takes the next parcel and the port it is for; none once all senders are gone.
    pub(crate) async fn receive(&self) -> Option<(usize, Parcel)> {
        loop {
            if let Taken::Parcel(port, parcel) = self.next().await? {
                return Some((port, parcel));
            }
        }
    }

    /// Takes the next parcel if one is there now; an error once all senders are gone.
    pub(crate) fn try_receive(&self) -> Option<Result<(usize, Parcel), ()>> {
        loop {
            return match self.channel.try_recv() {
                Ok(Item::Parcel(port, parcel, room)) => {
                    drop(room);
                    Some(Ok((port, parcel)))
                }
                Ok(Item::Turn(_)) => continue,
                Err(flume::TryRecvError::Disconnected) => Some(Err(())),
                Err(flume::TryRecvError::Empty) => None,
            };
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // What nobody takes any more fails now, and marks of lanes come back, though senders may live on.
        self.channel.drain().for_each(drop);
        // Whoever waits for room finds that there is nobody to make it.
        self.level.lowered.notify(usize::MAX);
    }
}
