//! `tcp_server` takes connections and `tcp_client` makes one; both read and write, with TLS or without.
//!
//! Every connection is served by a task of its own, which reads only while the engine takes what it has read, and writes
//! what waits in the connection's outbox. So no connection waits for another one.

mod address;
pub mod client;
mod link;
mod outbox;
pub mod server;
pub mod tls;
mod wire;

pub use client::TcpClient;
pub use server::TcpServer;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing that can panic runs under our locks, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
