//! The position file: locked for this process, and replaced as a whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use temblor_pdk::io::{Disk, DiskFile, Open};
use temblor_pdk::{Error, Result};

use crate::input::Place;
use crate::record::Record;

/// A position file is one line.
const MOST_BYTES: usize = 64 * 1024;
/// How often, and how soon, a lock is tried again that this process holds itself.
const LOOKS: u32 = 200;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How far it is, and the file that says so.
#[derive(Debug)]
pub(crate) struct Keeper {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    name: String,
    /// Held for as long as this lives.
    _lock: Box<dyn DiskFile>,
    /// What the file said when it was opened.
    found: Option<Record>,
    reached: Mutex<Option<Mark>>,
    /// What was written last; locked while it is being written.
    written: Mutex<Option<Mark>>,
}

/// A place in a file up to which everything is done.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) place: Arc<Place>,
    pub(crate) offset: u64,
}

impl Mark {
    fn is(&self, other: &Mark) -> bool {
        Arc::ptr_eq(&self.place, &other.place) && self.offset == other.offset
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// Locks the position file and reads it.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Self> {
        let name = format!("`{}`", path.display());
        let held = take_lock(&*disk, &beside(path, ".lock"), &name)?;
        let found = read(&*disk, path, &name)?;
        Ok(Keeper {
            disk,
            path: path.to_owned(),
            name,
            _lock: held,
            found,
            reached: Mutex::new(None),
            written: Mutex::new(None),
        })
    }

    /// What the file said when it was opened, and its name for messages.
    pub(crate) fn found(&self) -> (Option<&Record>, &str) {
        (self.found.as_ref(), &self.name)
    }

    /// How far this process has come, if it has begun.
    pub(crate) fn reached(&self) -> Option<Mark> {
        lock(&self.reached).clone()
    }

    /// Everything before the mark is done.
    pub(crate) fn advance(&self, mark: Mark) {
        *lock(&self.reached) = Some(mark);
    }

    /// Whether something was reached that is not written yet.
    pub(crate) fn is_behind(&self) -> bool {
        let Some(reached) = self.reached() else {
            return false;
        };
        // While it is being written it cannot be told; then it is looked at again later.
        let Ok(written) = self.written.try_lock() else {
            return true;
        };
        written.as_ref().is_none_or(|mark| !mark.is(&reached))
    }

    /// Writes what was reached, if it is not written yet. Blocks.
    ///
    /// # Errors
    /// Where it cannot be written; the file then says what it said before.
    pub(crate) fn save(&self) -> Result<()> {
        let mut written = lock(&self.written);
        let Some(reached) = self.reached() else {
            return Ok(());
        };
        if written.as_ref().is_some_and(|mark| mark.is(&reached)) {
            return Ok(());
        }
        self.write(&reached).map_err(|reason| {
            Error::failed(format!(
                "cannot write the position {}: {reason}\nhelp: the next run would read again what was delivered since \
                 it was last written",
                self.name
            ))
        })?;
        *written = Some(reached);
        Ok(())
    }

    /// A file with another name is written, brought to the disk and renamed, so that there is a whole one at every
    /// moment.
    fn write(&self, mark: &Mark) -> io::Result<()> {
        let line = Record::of(&mark.place.path, &*mark.place.file, mark.offset)?.encode()?;
        let new = beside(&self.path, ".new");
        let file = self.disk.open(&new, Open::Truncate)?;
        write_all(&*file, line.as_bytes())?;
        file.sync()?;
        self.disk.rename(&new, &self.path)?;
        self.disk.sync_folder(folder(&self.path))
    }
}

/// Writes all of it.
pub(crate) fn write_all(file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => bytes = bytes.get(count..).unwrap_or_default(),
        }
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The folder in which a file lies.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn take_lock(disk: &dyn Disk, path: &Path, name: &str) -> Result<Box<dyn DiskFile>> {
    let cannot = |reason: io::Error| {
        let path = path.display();
        Error::failed(format!(
            "cannot lock the position {name}: `{path}`: {reason}"
        ))
    };
    let file = disk.open(path, Open::Keep).map_err(cannot)?;
    let own = std::process::id().to_string();
    let mut looks = 0;
    while !file.try_lock().map_err(cannot)? {
        let holder = read_all(&*file).ok();
        let holder = holder.and_then(|bytes| String::from_utf8(bytes).ok());
        let holder = holder.as_deref().map(str::trim).unwrap_or_default();
        // The connector that this one stands for may just be letting go of it.
        if holder == own && looks < LOOKS {
            looks += 1;
            std::thread::sleep(LOOK_AGAIN);
            continue;
        }
        let process = match holder {
            "" => "another process".to_owned(),
            pid => format!("process {pid}"),
        };
        return Err(Error::failed(format!(
            "the position {name} is in use by {process}\nhelp: end it, or give each source a position of its own"
        )));
    }
    file.set_len(0).map_err(cannot)?;
    write_all(&*file, own.as_bytes()).map_err(cannot)?;
    Ok(file)
}

fn read(disk: &dyn Disk, path: &Path, name: &str) -> Result<Option<Record>> {
    let bytes = match disk
        .open(path, Open::Read)
        .and_then(|file| read_all(&*file))
    {
        Ok(bytes) => bytes,
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => {
            return Err(Error::failed(format!(
                "cannot read the position {name}: {reason}"
            )));
        }
    };
    Record::decode(&bytes).map(Some).map_err(|reason| {
        Error::failed(format!(
            "the position {name} is damaged: {reason}\nhelp: remove it to read everything again from the start, or \
             put a copy in its place"
        ))
    })
}

fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MOST_BYTES];
    let mut filled = 0;
    loop {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
