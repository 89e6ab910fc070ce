//! `http_server` and `http_client` in flows, over real sockets: clients and servers of the tests speak byte by byte.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod backend;
mod bad;
mod client;
mod client_faults;
mod example;
mod limits;
mod peer;
mod program;
mod secure;
mod server;
#[path = "../engine/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the engine")]
mod support;
