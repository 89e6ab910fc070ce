//! What waits to be written to one connection, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event as Notify;

/// Small pieces are joined up to this size.
const CHUNK: usize = 64 * 1024;

/// What waits to be written to one connection.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes that wait, with those that are being written.
    bytes: usize,
    /// Why nothing comes any more.
    finished: Option<Arc<str>>,
    /// Why nothing can be written any more.
    closed: Option<Arc<str>>,
    /// Bytes that waited then.
    lost: usize,
}

/// Why bytes were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The connection has ended, for this reason.
    Closed(Arc<str>),
    /// So many bytes wait already.
    Full(usize),
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds bytes; no more than `most` wait at once, but one piece is always taken.
    pub(crate) fn push(&self, bytes: &[u8], most: usize) -> Result<(), Refusal> {
        let mut state = self.lock();
        if let Some(reason) = &state.closed {
            return Err(Refusal::Closed(Arc::clone(reason)));
        }
        if let Some(reason) = &state.finished {
            return Err(Refusal::Closed(Arc::clone(reason)));
        }
        if state.bytes > 0 && state.bytes + bytes.len() > most {
            return Err(Refusal::Full(state.bytes));
        }
        state.bytes += bytes.len();
        match state.chunks.back_mut() {
            Some(last) if last.len() + bytes.len() <= CHUNK => last.extend_from_slice(bytes),
            _ => state.chunks.push_back(bytes.to_vec()),
        }
        drop(state);
        self.changed.notify(usize::MAX);
        Ok(())
    }

    /// Nothing comes any more: the connection is closed when everything is written.
    pub(crate) fn finish(&self, reason: &str) {
        self.lock().finished.get_or_insert_with(|| reason.into());
        self.changed.notify(usize::MAX);
    }

    /// Nothing can be written any more: what waits is lost.
    pub(crate) fn close(&self, reason: &str) {
        let mut state = self.lock();
        state.closed.get_or_insert_with(|| reason.into());
        state.chunks.clear();
        state.lost += std::mem::take(&mut state.bytes);
        drop(state);
        self.changed.notify(usize::MAX);
    }

    /// How many bytes were lost.
    pub(crate) fn lost(&self) -> usize {
        self.lock().lost
    }

    /// Waits for the next piece to write; none when the last one is written.
    pub(crate) async fn next(&self) -> Option<Vec<u8>> {
        let next = |state: &mut State| match state.chunks.pop_front() {
            Some(chunk) => Some(Some(chunk)),
            None => (state.finished.is_some() || state.closed.is_some()).then_some(None),
        };
        self.until(next).await
    }

    /// So many bytes are written.
    pub(crate) fn written(&self, count: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(count);
        drop(state);
        self.changed.notify(usize::MAX);
    }

    /// Waits until no more than `most` bytes wait.
    pub(crate) async fn below(&self, most: usize) {
        self.until(|state| (state.bytes <= most).then_some(()))
            .await;
    }

    /// Waits until everything is written; fails with the reason if the connection ends before.
    pub(crate) async fn drained(&self) -> Result<(), Arc<str>> {
        self.until(|state| match &state.closed {
            Some(reason) => Some(Err(Arc::clone(reason))),
            None => (state.bytes == 0).then_some(Ok(())),
        })
        .await
    }

    async fn until<T>(&self, mut done: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            if let Some(result) = done(&mut self.lock()) {
                return result;
            }
            let changed = self.changed.listen();
            // Looked at again, because it may have changed before the listener was there.
            if let Some(result) = done(&mut self.lock()) {
                return result;
            }
            changed.await;
        }
    }
}
