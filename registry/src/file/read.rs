//! Reads a whole regular file, and nothing that could hang or never end.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::refusal::Refusal;

/// Larger files are not read: no plugin is that large, and the content is held in memory.
const LIMIT: u64 = 1 << 30;

pub(super) fn whole(path: &Path) -> Result<Vec<u8>, Refusal> {
    // Looked at before it is opened, because opening a device can do something.
    regular(fs::metadata(path).map_err(unreadable)?.file_type())?;
    let file = open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    regular(metadata.file_type())?;
    let size = metadata.len();
    if size > LIMIT {
        return Err(Refusal::TooLarge { size, limit: LIMIT });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    // The file may have grown since its size was asked for.
    if bytes.len() as u64 > LIMIT {
        return Err(Refusal::TooLarge {
            size: bytes.len() as u64,
            limit: LIMIT,
        });
    }
    Ok(bytes)
}

/// Opens without waiting: a FIFO that took the file's place would wait for its other end.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY)
        .open(path)
}

fn regular(kind: FileType) -> Result<(), Refusal> {
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(Refusal::NotAFile { what })
}

fn unreadable(error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Refusal::NotFound,
        _ => Refusal::Unreadable(error),
    }
}
