//! The source, which hands over what connections send, and the sink, which sends to them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use temblor_pdk::{
    Arena, Batch, BatchWriter, Error, Event, Fates, Field, Pull, Result, Sink, Source, StreamEnd,
    Value, log,
};

use super::Server;
use super::peers::Peer;
use crate::link::{Content, Piece};
use crate::outbox::Refusal;

/// The number of no source.
pub(super) const NO_SOURCE: u64 = u64::MAX;

/// Hands over what connections send, piece by piece.
pub struct TcpServerSource {
    server: Arc<Server>,
    arriving: flume::Receiver<Piece<Peer>>,
    /// A piece that did not go into the last pull.
    next: Option<Piece<Peer>>,
}

impl TcpServerSource {
    pub(super) fn new(server: &Arc<Server>, arriving: flume::Receiver<Piece<Peer>>) -> Self {
        TcpServerSource {
            server: Arc::clone(server),
            arriving,
            next: None,
        }
    }
}

impl Source for TcpServerSource {
    async fn pull(&mut self, out: &mut BatchWriter) -> Result<Pull> {
        let source = u64::from(out.number().source);
        self.server.source.store(source, Ordering::Release);
        let mut piece = match self.next.take() {
            Some(piece) => piece,
            None => match out.wait(self.arriving.recv_async()).await {
                Some(Ok(piece)) => piece,
                // The server has a sender of its own, so there is always one.
                _ => return Ok(Pull::Idle),
            },
        };
        let (stream, now_ns) = (piece.origin.stream, self.server.host.now_ns());
        let mut room = out.limit_bytes();
        loop {
            let peer = piece.origin;
            match piece.content {
                Content::Bytes(bytes) => {
                    room = room.saturating_sub(bytes.len());
                    out.push_buffer_with(bytes, |bytes, arena| {
                        let mut event = Event::new(Value::bytes(bytes));
                        event.meta = meta(arena, &peer);
                        event.ingest_ns = now_ns;
                        event.id.stream = stream;
                        event
                    });
                }
                Content::End(StreamEnd::Ended, _) => {
                    out.end_stream(0, stream);
                    return Ok(Pull::Ready);
                }
                Content::End(StreamEnd::Failed, reason) => {
                    let reason = reason.as_deref().unwrap_or("it was closed");
                    let message = format!("the connection of {peer} broke off: {reason}");
                    self.server.host.log(log::Level::Debug, &message);
                    out.fail_stream(0, stream);
                    return Ok(Pull::Ready);
                }
            }
            if room == 0 || out.room_events() <= 1 {
                return Ok(Pull::Ready);
            }
            // More of the same connection goes along, if it is there.
            match self.arriving.try_recv() {
                Ok(next) if next.origin.stream == stream => piece = next,
                Ok(next) => {
                    self.next = Some(next);
                    return Ok(Pull::Ready);
                }
                Err(_) => return Ok(Pull::Ready),
            }
        }
    }
}

impl Drop for TcpServerSource {
    fn drop(&mut self) {
        let left = self.next.take().into_iter().chain(self.arriving.try_iter());
        let bytes: usize = left
            .map(|piece| match piece.content {
                Content::Bytes(bytes) => bytes.len(),
                Content::End(..) => 0,
            })
            .sum();
        if bytes > 0 {
            let message = format!("{bytes} bytes that had come were not taken in any more");
            self.server.host.log(log::Level::Warn, &message);
        }
    }
}

/// What scripts find in `$tcp_server`.
fn meta<'a>(arena: &'a Arena, peer: &Peer) -> Value<'a> {
    let address = arena.object(&[
        Field::new("host", Value::from(arena.str(&peer.host))),
        Field::new("port", Value::from(u64::from(peer.address.port()))),
    ]);
    let server = arena.object(&[
        Field::new("peer", address),
        Field::new("tls", Value::from(peer.is_tls)),
        Field::new("stream", Value::from(peer.stream)),
    ]);
    arena.object(&[Field::new("tcp_server", server)])
}

/// Sends replies. An event counts as delivered when it waits in the outbox of its connection, so that one peer that does
/// not read keeps nobody else waiting.
pub struct TcpServerSink {
    server: Arc<Server>,
}

impl TcpServerSink {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        TcpServerSink {
            server: Arc::clone(server),
        }
    }

    /// Finds out where an event is to go.
    fn peer_of(&self, event: &Event<'_>) -> Result<Arc<Peer>> {
        let peers = &self.server.peers;
        let is_own = self.server.source.load(Ordering::Acquire) == u64::from(event.id.source);
        let own = match is_own && event.id.stream != 0 {
            true => peers.of_stream(event.id.stream),
            false => None,
        };
        let named = event.meta.get("tcp_server").and_then(|m| m.get("peer"));
        let Some(named) = named else {
            return own.ok_or_else(|| match is_own {
                true => closed(&format!("stream {}", event.id.stream), "it was closed"),
                false => Error::rejected(
                    "the event came of no connection of this connector, and names none\nhelp: set \
                     `$tcp_server.peer` to a record of `host` and `port`",
                ),
            });
        };
        let address = address_of(named)?;
        match own {
            Some(own) if own.address == address => Ok(own),
            _ => peers
                .of_address(&address)
                .ok_or_else(|| closed(&address.to_string(), "it was closed")),
        }
    }

    fn send(&self, event: &Event<'_>) -> Result<()> {
        let text = event.data.as_str().map(str::as_bytes);
        let bytes = event.data.as_bytes().or(text).unwrap_or_default();
        let peer = self.peer_of(event)?;
        let most = self.server.config.max_pending_bytes;
        peer.outbox.push(bytes, most).map_err(|refusal| match refusal {
            Refusal::Closed(reason) => closed(&peer.to_string(), &reason),
            Refusal::Full(waiting) => Error::rejected(format!(
                "{peer} does not read: {waiting} bytes wait for it, and `max_pending_bytes` is {most}"
            )),
        })
    }
}

fn closed(peer: &str, reason: &str) -> Error {
    Error::rejected(format!("the connection of {peer} is closed: {reason}"))
}

fn address_of(peer: Value<'_>) -> Result<SocketAddr> {
    let host = peer.get("host").and_then(Value::as_str);
    let host: Option<IpAddr> = host.and_then(|host| host.parse().ok());
    let port = peer.get("port").and_then(Value::as_u64);
    let port: Option<u16> = port.and_then(|port| port.try_into().ok());
    match (host, port) {
        (Some(host), Some(port)) => Ok(SocketAddr::new(host, port)),
        _ => Err(Error::rejected(
            "`$tcp_server.peer` is no record of `host`, the address of a peer, and `port`",
        )),
    }
}

impl Sink for TcpServerSink {
    async fn write(&mut self, batch: Batch, fates: Fates) -> Result<()> {
        let mut acked = 0;
        for (at, event) in batch.events().iter().enumerate() {
            if event.stream_end().is_some() {
                if let Some(peer) = self.server.peers.of_stream(event.id.stream) {
                    peer.outbox.finish("its last reply was sent");
                }
                continue;
            }
            if let Err(error) = self.send(event) {
                fates.acked_range(acked..at);
                fates.failed_range(at..at + 1, &error);
                acked = at + 1;
            }
        }
        fates.acked_range(acked..batch.len());
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        // No more replies come: each connection is closed when its last one is written, and says itself what it lost.
        let peers = self.server.peers.all();
        peers
            .iter()
            .for_each(|peer| peer.outbox.finish("the flow has ended"));
        for peer in peers {
            let _ = peer.outbox.drained().await;
        }
        Ok(())
    }
}

impl Drop for TcpServerSink {
    fn drop(&mut self) {
        self.server.answers.store(false, Ordering::Release);
        let peers = self.server.peers.all();
        peers
            .iter()
            .for_each(|peer| peer.outbox.finish("the flow has ended"));
    }
}
