//! `tcp_server` and `tcp_client` over real sockets, without an engine.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod server;
mod slow;
mod support;
mod tls;
