//! Taking connections, without ever waiting for one of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_lite::future::or;
use temblor_pdk::io::{self, Connection as Socket, Listener};
use temblor_pdk::{Backoff, BackoffPolicy};

use super::Server;
use super::config::ms;
use super::connection::{self, Connection};
use super::exchange::Peer;
use crate::time::within;
use crate::wire::{Wire, reason_of};

/// How many connections beyond the limit are told so at the same time; the rest is closed without a word.
const REFUSALS: usize = 64;

const NO_DESCRIPTOR: [i32; 2] = [23, 24];

/// Takes connections until the flow drains.
pub(super) async fn run(
    server: Arc<Server>,
    mut listener: Box<dyn Listener>,
    alive: flume::Sender<()>,
) {
    let mut backoff = Backoff::new(BackoffPolicy {
        growth: 2.0,
        ..BackoffPolicy::default()
    });
    loop {
        let next = async { Some(listener.accept().await) };
        let ended = async {
            server.ending.wait().await;
            None
        };
        match or(ended, next).await {
            None => return,
            Some(Ok(socket)) => {
                backoff.reset();
                admit(&server, socket, alive.clone());
            }
            Some(Err(reason)) => {
                warn(&server, &reason);
                let pause = io::sleep(&server.host, backoff.next_wait());
                or(server.ending.wait(), pause).await;
            }
        }
    }
}

fn warn(server: &Server, reason: &std::io::Error) {
    let help = match reason.raw_os_error() {
        Some(code) if NO_DESCRIPTOR.contains(&code) => {
            "\nhelp: raise the limit of open files (`ulimit -n`), or lower `max_connections`"
        }
        _ => "",
    };
    let message = format!("cannot accept a connection: {reason}{help}");
    server.refused_connections.warn(&server.host, &message);
}

/// Counts a connection for as long as it lives.
struct Counted(Arc<Server>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

fn admit(server: &Arc<Server>, socket: Box<dyn Socket>, alive: flume::Sender<()>) {
    let Ok(address) = socket.peer_addr() else {
        // It has gone already.
        return;
    };
    let peer = Peer {
        host: address.ip().to_string().into(),
        port: address.port(),
    };
    let before = server.connections.fetch_add(1, Ordering::AcqRel);
    let counted = Counted(Arc::clone(server));
    let most = server.config.max_connections;
    if before >= most {
        let message = format!("refused {peer}: there are {most} connections already");
        server.refused_connections.warn(&server.host, &message);
        if before < most + REFUSALS && server.tls.is_none() {
            let server_of = Arc::clone(server);
            server.run(async move {
                let _kept = (counted, alive);
                connection::turn_away(&server_of, Wire::new(socket)).await;
            });
        }
        return;
    }
    let server_of = Arc::clone(server);
    server.run(async move {
        let _kept = (counted, alive);
        if let Some(wire) = secure(&server_of, socket, &peer).await {
            Connection::new(&server_of, peer).run(wire).await;
        }
    });
}

/// Makes the TLS handshake, where there is to be one. Nobody else waits for it.
async fn secure(server: &Server, socket: Box<dyn Socket>, peer: &Peer) -> Option<Wire> {
    let Some(tls) = &server.tls else {
        return Some(Wire::new(socket));
    };
    let limit = server.config.handshake_timeout_ms;
    let reason = match within(&server.host, ms(limit), tls.accept(socket)).await {
        Some(Ok(stream)) => return Some(Wire::new(stream)),
        Some(Err(reason)) => reason_of(&reason),
        None => format!("it was not done within {limit} ms"),
    };
    let message = format!("the TLS handshake with {peer} failed: {reason}");
    server.refused_connections.warn(&server.host, &message);
    None
}
