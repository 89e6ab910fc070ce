//! Taking connections, without ever waiting for one of them.

use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use temblor_pdk::io::{self, Connection, Listener};
use temblor_pdk::{Backoff, BackoffPolicy, log};

use super::Server;
use super::peers::Peer;
use crate::link::Link;
use crate::wire::{Wire, reason_of, within};

/// The system's numbers for: no descriptor left, in the system or in the process.
const NO_DESCRIPTOR: [i32; 2] = [23, 24];

/// Takes connections until it is dropped.
pub(super) async fn run(server: Arc<Server>, mut listener: Box<dyn Listener>) {
    let mut backoff = Backoff::new(BackoffPolicy {
        growth: 2.0,
        ..BackoffPolicy::default()
    });
    loop {
        match listener.accept().await {
            Ok(connection) => {
                backoff.reset();
                admit(&server, connection);
            }
            Err(reason) => {
                server.warn("accept", &cannot_accept(&reason));
                // Whatever it is, trying again at once would only fail again.
                io::sleep(&server.host, backoff.next_wait()).await;
            }
        }
    }
}

fn cannot_accept(reason: &Error) -> String {
    let help = match reason.raw_os_error() {
        Some(code) if NO_DESCRIPTOR.contains(&code) => {
            "\nhelp: raise the limit of open files (`ulimit -n`), or lower `max_connections`"
        }
        _ => "",
    };
    format!("cannot take a connection: {reason}{help}")
}

/// Counts a connection as long as it lives.
struct Counted(Arc<Server>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.peers.uncount_one();
    }
}

/// Starts the task of a connection, or turns it away.
fn admit(server: &Arc<Server>, connection: Box<dyn Connection>) {
    let most = server.config.max_connections;
    if !server.peers.count_one(most) {
        let message = format!(
            "closed a new connection: there are {most} already, which is `max_connections`\nhelp: raise \
             `max_connections`"
        );
        server.warn("many", &message);
        return;
    }
    let counted = Counted(Arc::clone(server));
    let served = async move {
        serve(&counted.0, connection).await;
    };
    io::spawn(&server.host, served).detach();
}

async fn serve(server: &Arc<Server>, connection: Box<dyn Connection>) {
    let Ok(address) = connection.peer_addr() else {
        // It has gone already.
        return;
    };
    let Some(tls) = &server.tls else {
        let peer = server.peers.add(address, false);
        return run_link(server, peer, Box::new(connection)).await;
    };
    let limit = server.config.handshake_timeout_ms;
    let shaken = tls.accept(connection);
    let reason = match within(&server.host, Duration::from_millis(limit), shaken).await {
        Some(Ok(stream)) => {
            let peer = server.peers.add(address, true);
            return run_link(server, peer, Box::new(stream)).await;
        }
        Some(Err(reason)) => reason_of(&reason),
        None => format!("it was not done within {limit} ms (`handshake_timeout_ms`)"),
    };
    let message = format!("the TLS handshake with {address} failed: {reason}");
    server.warn("handshake", &message);
}

async fn run_link(server: &Arc<Server>, peer: Arc<Peer>, wire: Wire) {
    let _listed = Listed(server, &peer);
    if server.ending.is_reached() {
        return;
    }
    let is_read = server.is_read.load(Ordering::Acquire);
    let link = Link {
        host: server.host.clone(),
        origin: Arc::clone(&peer),
        outbox: Arc::clone(&peer.outbox),
        pieces: is_read.then(|| server.pieces.clone()),
        buf_size: server.config.buf_size,
        idle: Duration::from_millis(server.config.idle_timeout_ms),
        write_timeout: Duration::from_millis(server.config.write_timeout_ms),
        answers: server.answers.load(Ordering::Acquire),
    };
    let broken = link.run(wire, server.ending.wait()).await;
    let reason = broken.as_deref().unwrap_or("it was closed");
    peer.outbox.close(reason);
    let lost = peer.outbox.lost();
    if lost > 0 {
        let message = format!("{lost} bytes that were to be sent to {peer} are lost: {reason}");
        server.warn("lost", &message);
    } else if let Some(reason) = broken {
        let message = format!("the connection of {peer} ended: {reason}");
        server.host.log(log::Level::Debug, &message);
    }
}

/// Takes a connection out of the list when its task ends, in whatever way.
struct Listed<'s>(&'s Server, &'s Peer);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.1.outbox.close("it was closed");
        self.0.peers.remove(self.1);
    }
}
