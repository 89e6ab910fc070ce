//! Writes an ordinary file: whole batches, or nothing of them.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use temblor_pdk::io::{Disk, DiskFile, Open};
use temblor_pdk::log::Level;
use temblor_pdk::{Batch, Error, Host, Result};

use crate::cannot;
use crate::config::{Mode, Settings};

/// Why the file can never be written again by this connector, if that is so.
pub(crate) type Broken = Arc<Mutex<Option<Error>>>;

/// So many bytes are read at once when the last separator is looked for.
const LOOK_BYTES: u64 = 64 * 1024;

/// A file that is written.
#[derive(Debug)]
pub struct Appender {
    name: String,
    file: Box<dyn DiskFile>,
    broken: Broken,
}

impl Appender {
    /// Opens the file. What this connector has written stays when it connects again.
    pub(crate) fn open(
        settings: &Settings,
        disk: &dyn Disk,
        host: &Host,
        first: bool,
        broken: Broken,
    ) -> Result<Self> {
        if let Some(error) = broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
        {
            return Err(error);
        }
        let name = settings.name.clone();
        let how = match settings.mode {
            Mode::Write | Mode::Truncate if first => Open::Truncate,
            _ => Open::Append,
        };
        if let Some(separator) = settings.separator.as_deref() {
            let cut = cut_half_event(settings, disk, separator.as_bytes());
            let cut = cut.map_err(|reason| cannot("open", &name, &reason))?;
            if cut > 0 {
                let message =
                    format!("{name}: {cut} byte(s) behind the last separator were cut off");
                host.log(Level::Warn, &message);
            }
        }
        let file = disk.open(&settings.path, how);
        let file = file.map_err(|reason| cannot("open", &name, &reason))?;
        Ok(Appender { name, file, broken })
    }

    /// Writes the byte payloads of a batch behind each other. Where that fails, nothing of them stays.
    pub(crate) fn write(&self, batch: &Batch) -> Result<()> {
        check(&self.broken)?;
        let mut runs = batch.byte_runs();
        let first = runs.next().unwrap_or_default();
        let bytes = match runs.next() {
            None => Cow::Borrowed(first),
            Some(second) => {
                let all = [first, second].into_iter().chain(runs);
                Cow::Owned(all.collect::<Vec<_>>().concat())
            }
        };
        let before = self.file.info();
        let before = before.map_err(|reason| cannot("write", &self.name, &reason))?;
        if before.links == 0 {
            return Err(Error::disconnected(format!("{} was removed", self.name)));
        }
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let reason = match self.file.append(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    written += count;
                    continue;
                }
                Err(reason) => reason,
            };
            self.undo(before.len, written as u64, &reason)?;
            return Err(cannot("write", &self.name, &reason));
        }
        Ok(())
    }

    /// Cuts off what was written of a batch that could not be written whole.
    fn undo(&self, before: u64, written: u64, reason: &io::Error) -> Result<()> {
        if written == 0 {
            return Ok(());
        }
        let name = &self.name;
        let is_ours = |len| len == before + written;
        let cut = match self.file.info() {
            Ok(info) if !is_ours(info.len) => Err("somebody else writes to it too".to_owned()),
            Ok(_) => self.file.set_len(before).map_err(|why| why.to_string()),
            Err(why) => Err(why.to_string()),
        };
        cut.map_err(|why| {
            self.give_up(Error::failed(format!(
                "cannot write {name}: {reason}; the {written} byte(s) that were written cannot be cut off: {why}\n\
                 help: look at the end of the file before you start again"
            )))
        })
    }

    /// Waits until what was written is on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        check(&self.broken)?;
        self.file.sync().map_err(|reason| {
            // The system forgets what it could not bring to the disk, and says so once: another attempt would
            // succeed, and prove nothing.
            self.give_up(Error::failed(format!(
                "cannot bring {} to the disk: {reason}\nhelp: what was written since it was opened may be lost; look \
                 at the disk before you start again",
                self.name
            )))
        })
    }

    fn give_up(&self, error: Error) -> Error {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert(error).clone()
    }
}

fn check(broken: &Broken) -> Result<()> {
    let broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
    broken.clone().map_or(Ok(()), Err)
}

/// Cuts off what stands behind the last separator; says how much it was.
fn cut_half_event(settings: &Settings, disk: &dyn Disk, separator: &[u8]) -> io::Result<u64> {
    let file = disk.open(&settings.path, Open::Keep)?;
    let len = file.info()?.len;
    let keep = behind_last(&*file, len, separator)?;
    if keep < len {
        file.set_len(keep)?;
    }
    Ok(len - keep)
}

/// The place behind the last separator of a file; 0 if there is none.
fn behind_last(file: &dyn DiskFile, len: u64, separator: &[u8]) -> io::Result<u64> {
    let overlap = separator.len() as u64 - 1;
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(LOOK_BYTES);
        let room = (end + overlap).min(len) - start;
        let mut bytes = vec![0; usize::try_from(room).unwrap_or_default()];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], start + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        let mut windows = bytes[..filled].windows(separator.len());
        if let Some(at) = windows.rposition(|window| window == separator) {
            return Ok(start + (at + separator.len()) as u64);
        }
        end = start;
    }
    Ok(0)
}
