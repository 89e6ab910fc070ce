//! A connection, with what was read of it and not used yet.

use std::io::{Error, ErrorKind, Result};

use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// What a connection can be made of: a socket, or TLS over one.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A connection, with what was read of it and not used yet.
pub(crate) struct Wire {
    io: Box<dyn Transport>,
    buffer: Vec<u8>,
    /// What of the buffer was used.
    used: usize,
}

impl Wire {
    pub(crate) fn new(io: impl Transport + 'static) -> Self {
        Wire {
            io: Box::new(io),
            buffer: Vec::new(),
            used: 0,
        }
    }

    /// What was read and not used yet.
    pub(crate) fn unused(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Uses bytes; more than there are counts as all.
    pub(crate) fn consume(&mut self, count: usize) {
        self.used = (self.used + count).min(self.buffer.len());
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
            // A large head does not keep its memory for as long as the connection lives.
            self.buffer.shrink_to(READ_BYTES);
        }
    }

    /// Reads more. 0 is the end.
    pub(crate) async fn fill(&mut self) -> Result<usize> {
        if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        let len = self.buffer.len();
        self.buffer.resize(len + READ_BYTES, 0);
        let read = self.io.read(&mut self.buffer[len..]).await;
        let count = *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(len + count);
        read
    }

    /// Reads what follows, at most `most` bytes, to the end of `out`. 0 is the end.
    pub(crate) async fn read_into(&mut self, out: &mut Vec<u8>, most: usize) -> Result<usize> {
        let unused = self.unused();
        if !unused.is_empty() {
            let count = unused.len().min(most);
            out.extend_from_slice(&unused[..count]);
            self.consume(count);
            return Ok(count);
        }
        let len = out.len();
        out.resize(len + most, 0);
        let read = self.io.read(&mut out[len..]).await;
        let count = *read.as_ref().unwrap_or(&0);
        out.truncate(len + count);
        read
    }

    /// Writes everything, down to the system.
    pub(crate) async fn write(&mut self, pieces: &[&[u8]]) -> Result<()> {
        for piece in pieces {
            self.io.write_all(piece).await?;
        }
        self.io.flush().await
    }

    /// Says that nothing more will be written.
    pub(crate) async fn close(&mut self) -> Result<()> {
        self.io.close().await
    }

    /// Reads and forgets what still comes. Whoever closes with bytes unread resets the connection, and the other side
    /// may lose the answer that it was sent.
    pub(crate) async fn discard(&mut self) -> Result<()> {
        self.buffer.clear();
        self.used = 0;
        while self.fill().await? > 0 {
            self.buffer.clear();
        }
        Ok(())
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
