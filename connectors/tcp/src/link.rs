//! The task of one connection: it reads while the engine takes what was read, and writes what waits.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_lite::future::or;
use futures_lite::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use temblor_pdk::{Buffer, Host, StreamEnd, io};

use crate::outbox::Outbox;
use crate::wire::{Wire, within};

/// The first piece of a connection is at most this long; whoever sends more gets more room.
const FIRST_READ: usize = 4 * 1024;
/// Nothing is read from a connection while more than this waits to be written to it.
const UNWRITTEN: usize = 1024 * 1024;

/// What came from a connection.
pub(crate) struct Piece<O> {
    /// Which connection.
    pub(crate) origin: Arc<O>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Bytes(Buffer),
    /// The connection gives no more bytes; the reason if it broke off.
    End(StreamEnd, Option<Arc<str>>),
}

/// What the task of a connection is made with.
pub(crate) struct Link<O> {
    pub(crate) host: Host,
    pub(crate) origin: Arc<O>,
    pub(crate) outbox: Arc<Outbox>,
    /// Where pieces go; none if nobody wants them.
    pub(crate) pieces: Option<flume::Sender<Piece<O>>>,
    /// The largest piece.
    pub(crate) buf_size: usize,
    /// How long nothing may come and go; zero is for ever.
    pub(crate) idle: Duration,
    /// How long a write may make no progress.
    pub(crate) write_timeout: Duration,
    /// Whether what waits is still written when the other side sends no more.
    pub(crate) answers: bool,
}

/// Why reading ended.
enum Read {
    End,
    Broken(String),
    /// The engine takes nothing any more.
    Stopped,
}

enum First {
    Read(Read),
    Written(Result<(), String>),
    Idle,
}

/// When something last went through, for those that are idle too long.
struct Activity {
    host: Host,
    last_ns: AtomicU64,
    /// The engine does not take what was read, which is not the connection's fault.
    held_up: AtomicBool,
}

impl Activity {
    fn now(&self) {
        self.last_ns.store(self.host.now_ns(), Ordering::Relaxed);
    }

    /// Returns when nothing has gone through for so long.
    async fn idle(&self, limit: Duration) {
        if limit.is_zero() {
            return std::future::pending().await;
        }
        let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        loop {
            if self.held_up.load(Ordering::Relaxed) {
                self.now();
            }
            let due = self
                .last_ns
                .load(Ordering::Relaxed)
                .saturating_add(limit_ns);
            if self.host.now_ns() >= due {
                return;
            }
            io::sleep_until(&self.host, due).await;
        }
    }
}

impl<O> Link<O> {
    /// Serves a connection until it ends. `ending` yields when nothing is to be read any more. Returns why it ended, if
    /// not by agreement.
    pub(crate) async fn run(self, wire: Wire, ending: impl Future<Output = ()>) -> Option<String> {
        let (reader, writer) = split(wire);
        let activity = Activity {
            host: self.host.clone(),
            last_ns: AtomicU64::new(self.host.now_ns()),
            held_up: AtomicBool::new(false),
        };
        let mut writing = pin!(self.write_all(writer, &activity));
        let mut idle = pin!(activity.idle(self.idle));
        let first = {
            let reading = async { First::Read(self.read_all(reader, &activity).await) };
            let ending = async {
                ending.await;
                First::Read(Read::Stopped)
            };
            let written = async { First::Written((&mut writing).await) };
            let idle = async {
                (&mut idle).await;
                First::Idle
            };
            or(or(written, reading), or(ending, idle)).await
        };
        let broken = match first {
            First::Read(Read::Broken(reason)) => return Some(reason),
            First::Read(Read::End | Read::Stopped) => {
                if !self.answers {
                    self.outbox.finish("the other side closed it");
                }
                let idle = async {
                    idle.await;
                    Err(self.idle_reason())
                };
                return or(writing, idle).await.err();
            }
            First::Written(Ok(())) => None,
            First::Written(Err(reason)) => Some(reason),
            First::Idle => Some(self.idle_reason()),
        };
        self.end(StreamEnd::Failed, broken.as_deref()).await;
        broken
    }

    fn idle_reason(&self) -> String {
        format!("nothing came or went for {} ms", self.idle.as_millis())
    }

    /// Hands over the end of the stream.
    async fn end(&self, end: StreamEnd, reason: Option<&str>) {
        if let Some(pieces) = &self.pieces {
            let content = Content::End(end, reason.map(Arc::from));
            let origin = Arc::clone(&self.origin);
            // Without a source nobody has to know.
            let _ = pieces.send_async(Piece { origin, content }).await;
        }
    }

    async fn read_all(&self, mut reader: ReadHalf<Wire>, activity: &Activity) -> Read {
        let mut size = FIRST_READ.min(self.buf_size);
        loop {
            // Whoever does not read the replies is not asked for more.
            self.outbox.below(UNWRITTEN).await;
            let mut buffer = Buffer::with_capacity(size);
            let room = buffer.room();
            let len = room.len().min(self.buf_size);
            let count = match reader.read(&mut room[..len]).await {
                Ok(0) => {
                    self.end(StreamEnd::Ended, None).await;
                    return Read::End;
                }
                Ok(count) => count,
                Err(reason) => {
                    let reason = reason.to_string();
                    self.outbox.close(&reason);
                    self.end(StreamEnd::Failed, Some(&reason)).await;
                    return Read::Broken(reason);
                }
            };
            activity.now();
            buffer.commit(count);
            size = match count {
                _ if count >= size => (size * 4).min(self.buf_size),
                _ if count < size / 8 => (size / 2).max(FIRST_READ.min(self.buf_size)),
                _ => size,
            };
            self.hand_over(buffer, activity).await;
        }
    }

    /// Waits until the engine takes a piece: the other side is slowed down, and nothing piles up.
    async fn hand_over(&self, buffer: Buffer, activity: &Activity) {
        let Some(pieces) = &self.pieces else { return };
        let piece = Piece {
            origin: Arc::clone(&self.origin),
            content: Content::Bytes(buffer),
        };
        activity.held_up.store(true, Ordering::Relaxed);
        // Without a source nobody has to know.
        let _ = pieces.send_async(piece).await;
        activity.held_up.store(false, Ordering::Relaxed);
        activity.now();
    }

    /// Writes what waits until the last piece is written, and closes this side.
    async fn write_all(
        &self,
        mut writer: WriteHalf<Wire>,
        activity: &Activity,
    ) -> Result<(), String> {
        let failed = |reason: String| {
            self.outbox.close(&reason);
            reason
        };
        while let Some(chunk) = self.outbox.next().await {
            let mut rest = chunk.as_slice();
            while !rest.is_empty() {
                let count = self.timed(writer.write(rest)).await.map_err(failed)?;
                if count == 0 {
                    return Err(failed("it takes no more bytes".to_owned()));
                }
                activity.now();
                rest = rest.get(count..).unwrap_or_default();
            }
            self.timed(writer.flush()).await.map_err(failed)?;
            self.outbox.written(chunk.len());
        }
        self.timed(writer.close()).await.map_err(failed)
    }

    async fn timed<T>(&self, work: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
        let mut work = pin!(work);
        // Mostly it can be done at once, without a timer.
        if let Some(done) = futures_lite::future::poll_once(&mut work).await {
            return done.map_err(|reason| reason.to_string());
        }
        match within(&self.host, self.write_timeout, work).await {
            Some(done) => done.map_err(|reason| reason.to_string()),
            None => Err(format!(
                "it has taken nothing for {} ms (`write_timeout_ms`)",
                self.write_timeout.as_millis()
            )),
        }
    }
}
