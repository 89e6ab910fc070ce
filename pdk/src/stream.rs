//! Files, pipes, sockets and terminals, read and written without keeping a worker from its work.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;

use crate::io::{blocking, readable, writable};
use crate::{Batch, BatchWriter, Buffer, Error, Host, Result};

/// At most this many bytes are read at once: large enough to be fast, and read from a disk in well under the time
/// after which a worker counts as stuck.
const READ_BYTES: usize = 256 * 1024;
/// What a pipe holds by default; more is never there at once.
const PIPE_BYTES: usize = 64 * 1024;

/// An open file, pipe, socket or terminal. Its flags are left as they are, since others may share it.
///
/// Regular files and devices are read and written directly: the system never says that they are not ready. Whatever
/// can be waited for is read once it is ready, and written where it may block.
#[derive(Clone, Debug)]
pub struct Stream {
    name: Arc<str>,
    file: Arc<File>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Regular,
    Device,
    Waiting,
}

impl Stream {
    /// Takes over an open file; `name` is what errors call it, such as `` `log.json` `` or `standard input`.
    ///
    /// # Errors
    /// If the system does not say what kind of file it is, or it is a directory.
    pub fn new(name: impl Into<Arc<str>>, file: impl Into<File>) -> Result<Self> {
        let (name, file) = (name.into(), file.into());
        let metadata = file.metadata();
        let metadata = metadata.map_err(|reason| failed("cannot open", &name, &reason))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err(Error::failed(format!("{name} is a directory")));
        }
        let kind = if kind.is_file() || kind.is_block_device() {
            Kind::Regular
        } else if kind.is_fifo() || kind.is_socket() || file.is_terminal() {
            Kind::Waiting
        } else {
            Kind::Device
        };
        Ok(Stream {
            name,
            file: Arc::new(file),
            kind,
        })
    }

    /// Reads what is there, and waits where nothing is. Yields an empty buffer at the end, and none when the engine
    /// interrupts.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn read(&self, host: &Host, out: &mut BatchWriter) -> Result<Option<Buffer>> {
        let most = match self.kind {
            Kind::Waiting => PIPE_BYTES,
            _ => READ_BYTES,
        };
        loop {
            let waits = self.kind == Kind::Waiting;
            if waits && out.wait(readable(host, self.file.as_fd())).await.is_none() {
                return Ok(None);
            }
            let mut buffer = Buffer::with_capacity(out.limit_bytes().clamp(1, most));
            match (&*self.file).read(buffer.room()) {
                Ok(count) => {
                    buffer.commit(count);
                    return Ok(Some(fit(buffer)));
                }
                Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
                // Somebody who shares the file has read it, or has made it non-blocking.
                Err(reason) if waits && reason.kind() == ErrorKind::WouldBlock => {}
                Err(reason) => return Err(failed("cannot read", &self.name, &reason)),
            }
        }
    }

    /// Writes the byte payloads of a batch behind each other, in few large pieces. Where it fails, a part of them may
    /// have been written.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn write(&self, host: &Host, batch: &Batch) -> Result<()> {
        let bytes = {
            let mut runs = batch.byte_runs();
            let first = runs.next().unwrap_or_default();
            match runs.next() {
                None if self.kind != Kind::Waiting => return self.write_now(first),
                second => [first, second.unwrap_or_default()]
                    .into_iter()
                    .chain(runs)
                    .collect::<Vec<_>>()
                    .concat(),
            }
        };
        match self.kind {
            Kind::Waiting => self.write_waiting(host, Arc::new(bytes)).await,
            _ => self.write_now(&bytes),
        }
    }

    fn write_now(&self, bytes: &[u8]) -> Result<()> {
        let written = (&*self.file).write_all(bytes);
        written.map_err(|reason| failed("cannot write", &self.name, &reason))
    }

    async fn write_waiting(&self, host: &Host, bytes: Arc<Vec<u8>>) -> Result<()> {
        let mut start = 0;
        loop {
            let (file, rest) = (Arc::clone(&self.file), Arc::clone(&bytes));
            let work = move || write_from(&file, rest.get(start..).unwrap_or_default());
            let (count, result) = blocking(host, work).await?;
            start += count;
            match result {
                // Somebody who shares the file has made it non-blocking.
                Err(reason) if reason.kind() == ErrorKind::WouldBlock => {
                    writable(host, self.file.as_fd()).await;
                }
                Err(reason) if reason.kind() == ErrorKind::BrokenPipe => {
                    return Err(Error::failed(format!("{} was closed", self.name)));
                }
                Err(reason) => return Err(failed("cannot write", &self.name, &reason)),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Waits until what was written to a regular file is on the disk; others have none.
    ///
    /// # Errors
    /// Where it cannot be done, for example because the disk has failed since.
    pub async fn sync(&self, host: &Host) -> Result<()> {
        if self.kind != Kind::Regular {
            return Ok(());
        }
        let file = Arc::clone(&self.file);
        let synced = blocking(host, move || file.sync_all()).await?;
        synced.map_err(|reason| failed("cannot write", &self.name, &reason))
    }
}

fn failed(what: &str, name: &str, reason: &std::io::Error) -> Error {
    Error::failed(format!("{what} {name}: {reason}"))
}

/// Writes as much as possible; says how much it was.
fn write_from(mut file: &File, bytes: &[u8]) -> (usize, std::io::Result<()>) {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (done, Err(ErrorKind::WriteZero.into())),
            Ok(count) => done += count,
            Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
            Err(reason) => return (done, Err(reason)),
        }
    }
    (done, Ok(()))
}

/// A buffer that is mostly empty would keep far more memory than its content: the content moves to a smaller one.
fn fit(buffer: Buffer) -> Buffer {
    let content = buffer.as_slice();
    if content.len() >= READ_BYTES / 8 {
        return buffer;
    }
    let mut small = Buffer::with_capacity(content.len());
    match small.append(content) {
        true => small,
        false => buffer,
    }
}
