//! The connections that there are, by stream and by the address of the peer.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::lock;
use crate::outbox::Outbox;

/// The other end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: u64,
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) is_tls: bool,
    pub(crate) outbox: Arc<Outbox>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// The connections that there are.
pub(crate) struct Peers {
    table: Mutex<Table>,
    next_stream: AtomicU64,
    /// Connections, with those that shake hands.
    count: AtomicUsize,
}

#[derive(Default)]
struct Table {
    by_stream: HashMap<u64, Arc<Peer>>,
    by_address: HashMap<SocketAddr, Arc<Peer>>,
}

impl Peers {
    /// Streams are numbered from the time in milliseconds on: what is made later does not take up the streams of what
    /// was there before.
    pub(crate) fn new(now_ns: u64) -> Self {
        Peers {
            table: Mutex::default(),
            next_stream: AtomicU64::new((now_ns / 1_000_000).max(1)),
            count: AtomicUsize::new(0),
        }
    }

    /// Counts one more connection, unless there are `most` already.
    pub(crate) fn count_one(&self, most: usize) -> bool {
        let before = self.count.fetch_add(1, Ordering::AcqRel);
        if before >= most {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
        before < most
    }

    /// A connection that was counted has ended.
    pub(crate) fn uncount_one(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// Takes a connection in.
    pub(crate) fn add(&self, address: SocketAddr, is_tls: bool) -> Arc<Peer> {
        let peer = Arc::new(Peer {
            stream: self.next_stream.fetch_add(1, Ordering::Relaxed),
            address,
            host: address.ip().to_string(),
            is_tls,
            outbox: Arc::default(),
        });
        let mut table = lock(&self.table);
        table.by_stream.insert(peer.stream, Arc::clone(&peer));
        table.by_address.insert(address, Arc::clone(&peer));
        peer
    }

    /// Takes a connection out.
    pub(crate) fn remove(&self, peer: &Peer) {
        let mut table = lock(&self.table);
        table.by_stream.remove(&peer.stream);
        let same = |known: &Arc<Peer>| known.stream == peer.stream;
        // The address may have been used again already.
        if table.by_address.get(&peer.address).is_some_and(same) {
            table.by_address.remove(&peer.address);
        }
    }

    pub(crate) fn of_stream(&self, stream: u64) -> Option<Arc<Peer>> {
        lock(&self.table).by_stream.get(&stream).cloned()
    }

    pub(crate) fn of_address(&self, address: &SocketAddr) -> Option<Arc<Peer>> {
        lock(&self.table).by_address.get(address).cloned()
    }

    /// All of them, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Peer>> {
        lock(&self.table).by_stream.values().cloned().collect()
    }

    /// Ends all of them.
    pub(crate) fn close_all(&self, reason: &str) {
        for peer in self.all() {
            peer.outbox.close(reason);
        }
    }
}
