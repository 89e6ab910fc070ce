//! Checkpoints in a directory: for each lane a directory, for each checkpoint a file that is named by its position.
//!
//! A file has a line that says what it is, the states, and a checksum of both. It is written under another name and
//! renamed when it is on the disk, so that it is there as a whole or not at all. Nothing is locked: a process that still
//! believes it has a lane can only add a file of a lower position.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use temblor_pdk::io::{Disk, DiskFile, Open, SystemDisk};

use super::{Checkpoint, CheckpointError, Checkpoints, Found, LaneName};

/// What the names of checkpoints end with.
const ENDING: &str = "checkpoint";
/// What the names of those end with that are being written.
const UNFINISHED: &str = "unfinished";
/// The digits of a position in a name, so that names sort as positions do.
const DIGITS: usize = 20;
/// The form of the files.
const FORM: u32 = 1;
/// The bytes of the checksum.
const SUM_BYTES: usize = 4;
/// The longest name that is used for a folder, but for what is put behind it.
const MOST_IN_A_NAME: usize = 200;
/// How often the checkpoints of a lane are listed, where those that were listed are gone before they are read.
const TRIES: usize = 100;
/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// Checkpoints below a directory, which all processes of a group can share.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

/// The first line of a file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    temblor_checkpoint: u32,
    flow: String,
    source: String,
    lane: String,
    position: u64,
    states: Vec<StateHead>,
}

/// A state that follows the first line, behind those before it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StateHead {
    pipeline: String,
    bytes: usize,
}

impl Directory {
    /// Checkpoints below this directory, which is made if it is missing.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        Directory::on(Arc::new(SystemDisk), path)
    }

    /// The same on another disk. Folders are made on this machine's.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn on(disk: Arc<dyn Disk>, path: impl Into<PathBuf>) -> Result<Self, CheckpointError> {
        let directory = Directory {
            path: path.into(),
            disk,
        };
        directory.probe().map_err(|reason| {
            let path = directory.path.display();
            CheckpointError(format!(
                "cannot store states in `{path}`: {reason}; name a directory that can be written to"
            ))
        })?;
        Ok(directory)
    }

    /// Finds out at the start whether files can be made.
    fn probe(&self) -> io::Result<()> {
        make_folders(&*self.disk, &self.path)?;
        let probe = self.path.join(unfinished_name("probe"));
        drop(self.disk.open(&probe, Open::Truncate)?);
        self.disk.remove(&probe)
    }

    fn folder(&self, lane: &LaneName) -> PathBuf {
        let parts = [&*lane.flow, &*lane.source].into_iter();
        let mut path = self.path.clone();
        for part in parts.chain(lane.lane.split('/')) {
            path.extend(folders(&encoded(part)));
        }
        path
    }

    /// The checkpoints of a folder, those of the highest positions first. A folder that is not there has none.
    fn files(&self, folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
        let all = match self.disk.list(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            all => all?,
        };
        let files = all
            .into_iter()
            .filter_map(|path| Some((position_of(&path)?, path)));
        let mut files: Vec<_> = files.collect();
        files.sort_unstable_by(|a, b| b.cmp(a));
        Ok(files)
    }

    /// The latest checkpoint of a folder that is whole; where something cannot be read, what.
    fn find(&self, lane: &LaneName, folder: &Path) -> Result<Found, (PathBuf, io::Error)> {
        let files = self.files(folder);
        let files = files.map_err(|reason| (folder.to_owned(), reason))?;
        let mut found = Found::default();
        for (position, path) in files {
            let file = self.disk.open(&path, Open::Read);
            let bytes = file.and_then(|file| read(&*file));
            let bytes = bytes.map_err(|reason| (path.clone(), reason))?;
            let shown = format!("`{}`", path.display());
            match decode(&bytes, lane, position) {
                Ok(checkpoint) => {
                    found.checkpoint = Some(checkpoint);
                    found.place = shown;
                    break;
                }
                Err(why) => found.warnings.push(format!(
                    "the state of {lane} in {shown} is passed over: {why}"
                )),
            }
        }
        Ok(found)
    }

    /// Removes what was not finished: whoever began it has ended, or has lost the lane to whoever loads it now.
    fn remove_unfinished(&self, folder: &Path) {
        let all = self.disk.list(folder).unwrap_or_default();
        let is_unfinished = |path: &PathBuf| path.extension() == Some(OsStr::new(UNFINISHED));
        for path in all.into_iter().filter(is_unfinished) {
            // It takes room and nothing else.
            let _ = self.disk.remove(&path);
        }
    }

    fn write(&self, folder: &Path, bytes: &[u8], position: u64) -> io::Result<()> {
        make_folders(&*self.disk, folder)?;
        let name = format!("{position:0DIGITS$}");
        let unfinished = folder.join(unfinished_name(&name));
        let written = self.write_unfinished(&unfinished, bytes).and_then(|()| {
            let finished = folder.join(format!("{name}.{ENDING}"));
            self.disk.rename(&unfinished, &finished)?;
            self.disk.sync_folder(folder)
        });
        if written.is_err() {
            // It is in nobody's way, but takes room, which may be what is missing.
            let _ = self.disk.remove(&unfinished);
        }
        written
    }

    fn write_unfinished(&self, path: &Path, mut bytes: &[u8]) -> io::Result<()> {
        let file = self.disk.open(path, Open::Truncate)?;
        while !bytes.is_empty() {
            match file.append(bytes)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => bytes = bytes.get(count..).unwrap_or_default(),
            }
        }
        file.sync()
    }

    /// Removes what lies below the checkpoint before this one.
    fn clean_up(&self, folder: &Path, position: u64) {
        let files = self.files(folder).unwrap_or_default();
        let below = files.into_iter().filter(|(other, _)| *other < position);
        for (_, path) in below.skip(1) {
            // Another process may have removed it.
            let _ = self.disk.remove(&path);
        }
    }
}

impl Checkpoints for Directory {
    fn load(&self, lane: &LaneName) -> Result<Found, CheckpointError> {
        let folder = self.folder(lane);
        self.remove_unfinished(&folder);
        let mut gone = None;
        for _ in 0..TRIES {
            match self.find(lane, &folder) {
                // Another process has stored higher ones meanwhile, and removed what was listed.
                Err((path, reason)) if reason.kind() == ErrorKind::NotFound => {
                    gone = Some((path, reason));
                }
                Err((path, reason)) => return Err(unreadable(lane, &path, &reason)),
                Ok(found) => return Ok(found),
            }
        }
        gone.map_or(Ok(Found::default()), |(path, reason)| {
            Err(unreadable(lane, &path, &reason))
        })
    }

    fn store(&self, lane: &LaneName, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let folder = self.folder(lane);
        let cannot = |reason: &dyn std::fmt::Display| {
            let folder = folder.display();
            CheckpointError(format!(
                "cannot store the state of {lane} in `{folder}`: {reason}; nothing is acked until that is possible: \
                 see to the room on the disk and to who may write there"
            ))
        };
        let bytes = encode(lane, checkpoint).map_err(|error| cannot(&error))?;
        let written = self.write(&folder, &bytes, checkpoint.position);
        written.map_err(|error| cannot(&error))?;
        self.clean_up(&folder, checkpoint.position);
        Ok(())
    }
}

fn unreadable(lane: &LaneName, path: &Path, reason: &io::Error) -> CheckpointError {
    let path = path.display();
    CheckpointError(format!(
        "cannot read the state of {lane} in `{path}`: {reason}; see to the disk and to who may read it"
    ))
}

/// A name that no other process uses, nor this one twice.
fn unfinished_name(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".{name}.{}.{count}.{UNFINISHED}", std::process::id())
}

/// The folders that stand for a name, one in the other: no disk takes names of any length. All but the last end with `%`,
/// with which no other name ends.
fn folders(name: &str) -> Vec<String> {
    let pieces = name.as_bytes().chunks(MOST_IN_A_NAME);
    let count = pieces.len();
    let pieces = pieces.enumerate().map(|(at, piece)| {
        let end = if at + 1 < count { "%" } else { "" };
        // It is ASCII.
        format!("{}{end}", String::from_utf8_lossy(piece))
    });
    pieces.collect()
}

/// A name as a part of a path: what could mean something else there stands as `%` and its code.
fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        // No folder is to look like a file of ours.
        let behind = name.get(at + 1..).unwrap_or_default();
        let is_dot = byte == b'.' && at > 0 && behind != ENDING && behind != UNFINISHED;
        match is_plain || is_dot {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    if encoded.is_empty() {
        encoded.push('%');
    }
    encoded
}

/// The position in the name of a checkpoint; none of any other file.
fn position_of(path: &Path) -> Option<u64> {
    let name = path.file_name().and_then(OsStr::to_str)?;
    let (digits, ending) = name.split_once('.')?;
    let is_ours = ending == ENDING && digits.len() == DIGITS;
    digits.parse().ok().filter(|_| is_ours)
}

/// Makes a folder and those around it, and sees to it that they are on the disk.
fn make_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let around = folder.parent().unwrap_or_else(|| Path::new(""));
    make_folders(disk, around)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    match around.as_os_str().is_empty() {
        true => disk.sync_folder(Path::new(".")),
        false => disk.sync_folder(around),
    }
}

fn read(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let length = bytes.len();
        bytes.resize(length + CHUNK, 0);
        let room = bytes.get_mut(length..).unwrap_or_default();
        let count = file.read_at(room, length as u64)?;
        bytes.truncate(length + count);
        if count == 0 {
            return Ok(bytes);
        }
    }
}

fn encode(lane: &LaneName, checkpoint: &Checkpoint) -> serde_json::Result<Vec<u8>> {
    let states = checkpoint
        .pipelines
        .iter()
        .map(|(pipeline, state)| StateHead {
            pipeline: pipeline.clone(),
            bytes: state.len(),
        });
    let head = Head {
        temblor_checkpoint: FORM,
        flow: lane.flow.clone(),
        source: lane.source.clone(),
        lane: lane.lane.clone(),
        position: checkpoint.position,
        states: states.collect(),
    };
    let mut bytes = serde_json::to_vec(&head)?;
    bytes.push(b'\n');
    for (_, state) in &checkpoint.pipelines {
        bytes.extend_from_slice(state);
    }
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// Reads a file, or says why it is no checkpoint of the lane at this position.
fn decode(bytes: &[u8], lane: &LaneName, position: u64) -> Result<Checkpoint, &'static str> {
    let length = bytes
        .len()
        .checked_sub(SUM_BYTES)
        .ok_or("it is too short")?;
    let (body, sum) = bytes.split_at(length);
    let line = body.iter().position(|byte| *byte == b'\n');
    let (line, mut states) = body.split_at(line.ok_or("it has no first line")?);
    let head: Head =
        serde_json::from_slice(line).map_err(|_| "its first line is none of a checkpoint")?;
    if head.temblor_checkpoint != FORM {
        return Err("it was written by another version of Temblor, in another form");
    }
    if crc32fast::hash(body).to_le_bytes() != sum {
        return Err("its checksum is wrong, so it is not what was written");
    }
    let own = (&*head.flow, &*head.source, &*head.lane, head.position);
    if own != (&*lane.flow, &*lane.source, &*lane.lane, position) {
        return Err("it is of another lane or another position");
    }
    states = states.get(1..).unwrap_or_default();
    let mut pipelines = Vec::new();
    for StateHead { pipeline, bytes } in head.states {
        let (state, rest) = states.split_at_checked(bytes).ok_or("it is too short")?;
        pipelines.push((pipeline, state.to_vec()));
        states = rest;
    }
    match states.is_empty() {
        true => Ok(Checkpoint {
            position,
            pipelines,
        }),
        false => Err("it is too long"),
    }
}
