//! The content of a position file: one line of JSON that says which file, how far, and that it is whole.

use std::io;

use temblor_pdk::io::{DiskFile, FileInfo};
use temblor_pdk::serde::{Deserialize, Serialize};
use temblor_pdk::serde_json;

use crate::hash::hash;

/// So many bytes at the start of a file tell it from others.
const HEAD_BYTES: u64 = 1024;
/// So many bytes before the position tell whether the file was written anew since.
const TAIL_BYTES: u64 = 256;
/// Stands between the fields and their checksum.
const CHECKSUM: &str = ",\"checksum\":\"";

/// How far a file is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "temblor_pdk::serde")]
pub(crate) struct Record {
    format: u32,
    /// For whoever reads the position file.
    path: String,
    pub(crate) offset: u64,
    device: u64,
    pub(crate) inode: u64,
    size: u64,
    head: Print,
    tail: Print,
}

/// Some bytes of a file, without keeping them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "temblor_pdk::serde")]
struct Print {
    len: u64,
    hash: String,
}

/// Why a file is not the one that a record is of, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Another file stands in its place.
    Replaced,
    /// It is shorter than what was read of it.
    Truncated,
    /// It is the same file with other content.
    Rewritten,
}

impl Difference {
    /// What has happened to the file, in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Difference::Replaced => "was replaced by another file",
            Difference::Truncated => "was truncated",
            Difference::Rewritten => "was written anew",
        }
    }
}

impl Record {
    /// A record that an open file is done up to `offset`.
    pub(crate) fn of(path: &str, file: &dyn DiskFile, offset: u64) -> io::Result<Record> {
        let info = file.info()?;
        let tail = TAIL_BYTES.min(offset);
        Ok(Record {
            format: 1,
            path: path.to_owned(),
            offset,
            device: info.device,
            inode: info.inode,
            size: info.len,
            head: print(file, 0, HEAD_BYTES.min(offset))?,
            tail: print(file, offset - tail, tail)?,
        })
    }

    /// Says how the file differs from the one that the record was made of, if it does. The device may be another one:
    /// its number can change when the machine starts.
    pub(crate) fn compare(&self, file: &dyn DiskFile) -> io::Result<Option<Difference>> {
        let info: FileInfo = file.info()?;
        if info.inode != self.inode {
            return Ok(Some(Difference::Replaced));
        }
        if info.len < self.offset {
            return Ok(Some(Difference::Truncated));
        }
        let before = self.offset.saturating_sub(self.tail.len);
        let same = print(file, 0, self.head.len)? == self.head
            && print(file, before, self.tail.len)? == self.tail;
        Ok((!same).then_some(Difference::Rewritten))
    }

    /// The line.
    pub(crate) fn encode(&self) -> io::Result<String> {
        let mut line = serde_json::to_string(self)?;
        line.truncate(line.len() - 1);
        let sum = hash(line.as_bytes());
        line.push_str(CHECKSUM);
        line.push_str(&format!("{sum:016x}\"}}\n"));
        Ok(line)
    }

    /// Reads a line; says what is wrong with it.
    pub(crate) fn decode(line: &[u8]) -> Result<Record, &'static str> {
        if line.is_empty() {
            return Err("it is empty");
        }
        let line = std::str::from_utf8(line).map_err(|_| "it is not text")?;
        let line = line.strip_suffix("\"}\n").ok_or("its end is missing")?;
        let (fields, sum) = line.rsplit_once(CHECKSUM).ok_or("it has no checksum")?;
        if sum != format!("{:016x}", hash(fields.as_bytes())) {
            return Err("its checksum is wrong");
        }
        let record: Record = serde_json::from_str(&format!("{fields}}}"))
            .map_err(|_| "it was written by a version that is not known")?;
        match record.format {
            1 => Ok(record),
            _ => Err("it was written by a newer version"),
        }
    }
}

fn print(file: &dyn DiskFile, offset: u64, len: u64) -> io::Result<Print> {
    let mut bytes = vec![0; usize::try_from(len.min(HEAD_BYTES)).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(Print {
        len,
        hash: format!("{:016x}", hash(&bytes[..filled])),
    })
}
