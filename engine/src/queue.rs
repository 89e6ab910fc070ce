//! Queues between tasks, bounded by parcels, by events and by the memory that they keep from being freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_listener::Event as Notify;

use crate::parcel::Parcel;

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

impl Default for QueueLimits {
    fn default() -> Self {
        QueueLimits {
            parcels: 64,
            events: 64 * 1024,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// What is in the queue now.
struct Level {
    limits: QueueLimits,
    events: AtomicUsize,
    bytes: AtomicUsize,
    lowered: Notify,
}

impl Level {
    fn is_full(&self) -> bool {
        self.events.load(Ordering::Acquire) >= self.limits.events
            || self.bytes.load(Ordering::Acquire) >= self.limits.bytes
    }
}

/// Where parcels are put. Dropping the last sender ends the queue.
pub(crate) struct Sender {
    channel: flume::Sender<(usize, Parcel, usize)>,
    level: Arc<Level>,
}

/// Where parcels are taken, each with the port it is for.
pub(crate) struct Receiver {
    channel: flume::Receiver<(usize, Parcel, usize)>,
    level: Arc<Level>,
}

pub(crate) fn queue(limits: QueueLimits) -> (Sender, Receiver) {
    let (sender, receiver) = flume::bounded(limits.parcels);
    let level = Arc::new(Level {
        limits,
        events: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        lowered: Notify::new(),
    });
    let sender = Sender {
        channel: sender,
        level: Arc::clone(&level),
    };
    let receiver = Receiver {
        channel: receiver,
        level,
    };
    (sender, receiver)
}

impl Sender {
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
        let bytes = parcel.batch.pinned_bytes();
        self.level
            .events
            .fetch_add(parcel.batch.len(), Ordering::AcqRel);
        self.level.bytes.fetch_add(bytes, Ordering::AcqRel);
        if let Err(returned) = self.channel.send_async((port, parcel, bytes)).await {
            let (_, parcel, _) = returned.into_inner();
            parcel.fail();
        }
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        Sender {
            channel: self.channel.clone(),
            level: Arc::clone(&self.level),
        }
    }
}

impl Receiver {
    /// Takes the next parcel and the port it is for; none once all senders are gone.
    pub(crate) async fn receive(&self) -> Option<(usize, Parcel)> {
        let taken = self.channel.recv_async().await.ok()?;
        Some(self.took(taken))
    }

    /// Takes the next parcel if one is there now; an error once all senders are gone.
    pub(crate) fn try_receive(&self) -> Option<Result<(usize, Parcel), ()>> {
        match self.channel.try_recv() {
            Ok(taken) => Some(Ok(self.took(taken))),
            Err(flume::TryRecvError::Disconnected) => Some(Err(())),
            Err(flume::TryRecvError::Empty) => None,
        }
    }

    fn took(&self, (port, parcel, bytes): (usize, Parcel, usize)) -> (usize, Parcel) {
        self.level
            .events
            .fetch_sub(parcel.batch.len(), Ordering::AcqRel);
        self.level.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.level.lowered.notify(usize::MAX);
        (port, parcel)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Whoever waits for room finds that there is nobody to make it.
        self.level.lowered.notify(usize::MAX);
    }
}
