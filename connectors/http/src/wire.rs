//! A connection as hyper reads and writes it.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use hyper::rt::{Read, ReadBufCursor, Write};

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;
/// So often something is read before others run: hyper reads some messages for as long as more of them is there.
const READS: u32 = 16;
/// Up to this size several pieces are written at once.
const JOINED_BYTES: usize = 4 * 1024;

/// What a connection can be made of: a socket, or TLS over one.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Who is told what goes over a connection.
pub(crate) trait Watch: Unpin {
    /// Something came.
    fn came(&self) {}

    /// All that was to be written is with the system.
    fn flushed(&self) {}

    /// Whether what hyper writes goes out; else it is forgotten.
    fn lets_out(&self) -> bool {
        true
    }
}

/// Nobody.
impl Watch for () {}

/// A connection.
pub(crate) struct Wire<W = ()> {
    io: Box<dyn Transport>,
    watch: W,
    /// How often something was read since others have run.
    reads: u32,
}

impl Wire {
    pub(crate) fn new(io: impl Transport + 'static) -> Self {
        Wire {
            io: Box::new(io),
            watch: (),
            reads: 0,
        }
    }

    /// The same connection, watched.
    pub(crate) fn watched<W: Watch>(self, watch: W) -> Wire<W> {
        Wire {
            io: self.io,
            watch,
            reads: 0,
        }
    }
}

impl<W: Watch> Wire<W> {
    /// Writes a message that hyper does not know of, and closes.
    pub(crate) async fn end_with(&mut self, message: &[u8]) -> Result<()> {
        self.io.write_all(message).await?;
        self.io.close().await
    }

    /// Reads and forgets what still comes. Whoever closes with bytes unread resets the connection, and the other side
    /// may lose the answer that it was sent.
    pub(crate) async fn discard(&mut self) -> Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        while self.io.read(&mut buffer).await? > 0 {}
        Ok(())
    }
}

impl<W: Watch> Read for Wire<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<Result<()>> {
        if self.reads == READS {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // What hyper hands over is not initialised, and the transport wants to see bytes.
        let mut piece = [0; READ_BYTES];
        let most = room.remaining().min(READ_BYTES);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut piece[..most]);
        self.reads = if read.is_ready() { self.reads + 1 } else { 0 };
        let count = ready!(read)?;
        room.put_slice(&piece[..count]);
        if count > 0 {
            self.watch.came();
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: Watch> Write for Wire<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        match self.watch.lets_out() {
            true => Pin::new(&mut self.io).poll_write(cx, bytes),
            false => Poll::Ready(Ok(bytes.len())),
        }
    }

    /// Small pieces, as a head and its body mostly are, go out as one.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let mut pieces = pieces.iter().filter(|piece| !piece.is_empty());
        let first: &[u8] = pieces.next().map_or(&[], |piece| piece);
        let mut joined = [0; JOINED_BYTES];
        let mut len = 0;
        for piece in std::iter::once(first).chain(pieces.map(|piece| &**piece)) {
            let Some(room) = joined.get_mut(len..len + piece.len()) else {
                break;
            };
            room.copy_from_slice(piece);
            len += piece.len();
        }
        let whole = joined
            .get(..len)
            .filter(|joined| joined.len() > first.len());
        self.poll_write(cx, whole.unwrap_or(first))
    }

    /// So that hyper keeps what is to be written where it is, and need not copy it.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.watch.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self.watch.lets_out() {
            true => Pin::new(&mut self.io).poll_close(cx),
            false => Poll::Ready(Ok(())),
        }
    }
}

/// What is wrong with a connection, for people.
pub(crate) fn reason_of(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset => String::from("the connection was reset"),
        ErrorKind::BrokenPipe => String::from("the connection was closed by the other side"),
        _ => error.to_string(),
    }
}
