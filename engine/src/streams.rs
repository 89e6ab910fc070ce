//! The streams of a connector with both sides, each open until every event that came of it has its fate: so long replies
//! can come for it, and their codec and postprocessors keep what they know of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event as Notify;
use temblor_pdk::{ANONYMOUS_STREAM, EventId, Lane};

/// A stream of a source.
pub(crate) type StreamKey = (Lane, u64);

/// The number of no source.
const NO_SOURCE: u64 = u64::MAX;

/// What the two sides of a connector know of its streams.
pub(crate) struct Streams {
    /// The number of the connector's source, once it has pulled.
    source: AtomicU64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// How many hold each open: a number may be used again while events of the stream before are still in flight.
    open: HashMap<StreamKey, usize>,
    /// Streams that have ended and of which the sink has not heard.
    ended: Vec<StreamKey>,
}

/// Keeps a stream open: the decoder has one until the stream ends, and so has each pull until it has its fate.
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    key: StreamKey,
}

impl Streams {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Streams {
            source: AtomicU64::new(NO_SOURCE),
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream of the connector's source; none where a source has only one stream, or streams of one message,
    /// for which nothing is kept.
    pub(crate) fn open(self: &Arc<Self>, source: u32, key: StreamKey) -> Option<Arc<OpenStream>> {
        if matches!(key.1, 0 | ANONYMOUS_STREAM) {
            return None;
        }
        self.source.store(u64::from(source), Ordering::Release);
        *self.lock().open.entry(key).or_default() += 1;
        Some(Arc::new(OpenStream {
            streams: Arc::clone(self),
            key,
        }))
    }

    /// Whether an event came of a stream of the connector's own source.
    pub(crate) fn is_own(&self, id: &EventId) -> bool {
        id.stream != 0 && self.source.load(Ordering::Acquire) == u64::from(id.source)
    }

    pub(crate) fn is_open(&self, key: StreamKey) -> bool {
        self.lock().open.contains_key(&key)
    }

    /// The id of what belongs to a stream and to no pull of it.
    pub(crate) fn id(&self, (lane, stream): StreamKey) -> EventId {
        EventId {
            source: self.source.load(Ordering::Acquire) as u32,
            lane,
            stream,
            pull: crate::parcel::NO_PULL,
            ..EventId::default()
        }
    }

    /// The streams that have ended and of which the sink has not heard.
    pub(crate) fn take_ended(&self) -> Vec<StreamKey> {
        std::mem::take(&mut self.lock().ended)
    }

    /// One of them.
    pub(crate) fn take_one_ended(&self) -> Option<StreamKey> {
        self.lock().ended.pop()
    }

    /// Waits until there is one of them.
    pub(crate) async fn any_ended(&self) {
        while self.lock().ended.is_empty() {
            let changed = self.changed.listen();
            // Looked at again, because it may have changed before the listener was there.
            if self.lock().ended.is_empty() {
                changed.await;
            }
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut state = self.streams.lock();
        if let Some(others) = state.open.get_mut(&self.key).filter(|open| **open > 1) {
            *others -= 1;
            return;
        }
        state.open.remove(&self.key);
        state.ended.push(self.key);
        drop(state);
        self.streams.changed.notify(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_used_again_early_stays_open_until_the_last_has_ended() {
        let streams = Streams::new();
        let key = (0, 7);
        let (first, second) = (streams.open(1, key), streams.open(1, key));
        drop(first);
        assert!(streams.is_open(key) && streams.take_ended().is_empty());
        drop(second);
        assert!(!streams.is_open(key));
        assert_eq!(streams.take_ended(), [key]);
    }
}
