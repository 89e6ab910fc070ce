//! Files through a small trait, so that something else can stand where the disk is.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Open {
    /// To read what is there.
    Read,
    /// To write behind what is there; made where there is none.
    Append,
    /// To write from the start: made, or emptied.
    Truncate,
    /// To read and write what is there, such as a lock; made where there is none, and left as it is.
    Keep,
}

/// What the system knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its size in bytes.
    pub len: u64,
    /// The device that it lies on.
    pub device: u64,
    /// Its number there, which it keeps when it is renamed.
    pub inode: u64,
    /// How many names it has; none once it was removed.
    pub links: u64,
    /// Whether it is an ordinary file.
    pub is_regular: bool,
}

/// Where files are. All calls may block.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>>;

    /// Looks at what a path leads to.
    ///
    /// # Errors
    /// What the system says.
    fn info(&self, path: &Path) -> io::Result<FileInfo>;

    /// The paths of what is in a folder, in no order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Gives a file another name, in whose place it then stands.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Waits until the names in a folder are on the disk.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads from a place on; 0 at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, room: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes behind what is there, as much as the system takes.
    ///
    /// # Errors
    /// What the system says.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes the file so long, and no longer.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Waits until what was written is on the disk. Where it fails, nobody knows what is there: trying again on the
    /// same file proves nothing.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&self) -> io::Result<()>;

    /// What the system knows of it.
    ///
    /// # Errors
    /// What the system says.
    fn info(&self) -> io::Result<FileInfo>;

    /// Locks the file for this process; says whether nobody else has. The lock ends with the file, or the process.
    ///
    /// # Errors
    /// What the system says.
    fn try_lock(&self) -> io::Result<bool>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl From<&fs::Metadata> for FileInfo {
    fn from(metadata: &fs::Metadata) -> Self {
        FileInfo {
            len: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            links: metadata.nlink(),
            is_regular: metadata.is_file(),
        }
    }
}

impl Disk for SystemDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        match how {
            Open::Read => options.read(true),
            Open::Append => options.create(true).append(true),
            // What is written goes to the end also if somebody else has made the file shorter meanwhile.
            Open::Truncate => {
                drop(File::create(path)?);
                options.append(true)
            }
            Open::Keep => options.create(true).read(true).write(true).truncate(false),
        };
        Ok(Box::new(options.open(path)?))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        Ok(FileInfo::from(&fs::metadata(path)?))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn read_at(&self, room: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match FileExt::read_at(self, room, offset) {
                Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self;
        loop {
            match file.write(bytes) {
                Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn info(&self) -> io::Result<FileInfo> {
        Ok(FileInfo::from(&self.metadata()?))
    }

    fn try_lock(&self) -> io::Result<bool> {
        match File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(reason)) => Err(reason),
        }
    }
}
