//! What becomes of a file when the disk does not do what it should.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use temblor_connector_file as _;
use temblor_pdk::io::{Disk, DiskFile, FileInfo, Open, SystemDisk};
use temblor_pdk::serde_json::{Value, json};
use temblor_pdk::testing::{Maker, Running, Side, TestHost, batch_of_bytes};
use temblor_pdk::{Command, ErrorKind};

/// A disk on which things go wrong when a test says so.
#[derive(Clone, Debug, Default)]
struct Faulty(Arc<Faults>);

#[derive(Debug)]
struct Faults {
    /// So many bytes can still be written.
    room: AtomicUsize,
    sync_fails: AtomicBool,
    cut_fails: AtomicBool,
    rename_fails: AtomicBool,
    /// Whether somebody else writes behind what the disk takes of a batch.
    intrudes: AtomicBool,
    /// What was done, in order.
    done: Mutex<Vec<String>>,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            room: AtomicUsize::new(usize::MAX),
            sync_fails: AtomicBool::new(false),
            cut_fails: AtomicBool::new(false),
            rename_fails: AtomicBool::new(false),
            intrudes: AtomicBool::new(false),
            done: Mutex::default(),
        }
    }
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

impl Faulty {
    fn room(&self, bytes: usize) {
        self.0.room.store(bytes, Ordering::SeqCst);
    }

    fn note(&self, what: &str, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.0.done.lock().unwrap().push(format!("{what} {name}"));
    }

    fn maker(&self) -> Maker {
        let entry = temblor_pdk::entries().find(|entry| entry.name() == "file");
        let (entry, disk) = (entry.unwrap(), self.clone());
        Maker::new("native", move |config, context| {
            entry.make_connector(config, context.with_disk(Arc::new(disk.clone())))
        })
    }

    fn open(&self, config: &Value) -> Running {
        let maker = self.maker();
        maker.open(&config.to_string(), &TestHost::new()).unwrap()
    }
}

impl Disk for Faulty {
    fn open(&self, path: &Path, how: Open) -> Result<Box<dyn DiskFile>> {
        let file = SystemDisk.open(path, how)?;
        Ok(Box::new(FaultyFile(self.clone(), path.to_owned(), file)))
    }

    fn info(&self, path: &Path) -> Result<FileInfo> {
        SystemDisk.info(path)
    }

    fn list(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        SystemDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.note("rename", to);
        match self.0.rename_fails.load(Ordering::SeqCst) {
            true => Err(Error::from_raw_os_error(EIO)),
            false => SystemDisk.rename(from, to),
        }
    }

    fn remove(&self, path: &Path) -> Result<()> {
        SystemDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> Result<()> {
        self.note("sync folder of", Path::new("position"));
        SystemDisk.sync_folder(folder)
    }
}

#[derive(Debug)]
struct FaultyFile(Faulty, PathBuf, Box<dyn DiskFile>);

impl DiskFile for FaultyFile {
    fn read_at(&self, room: &mut [u8], offset: u64) -> Result<usize> {
        self.2.read_at(room, offset)
    }

    fn append(&self, bytes: &[u8]) -> Result<usize> {
        self.0.note("write", &self.1);
        let room = self.0.0.room.load(Ordering::SeqCst);
        let Some(part) = bytes.get(..room.min(bytes.len())).filter(|p| !p.is_empty()) else {
            return Err(Error::from_raw_os_error(ENOSPC));
        };
        let written = self.2.append(part)?;
        self.0.room(room - written);
        if self.0.0.intrudes.load(Ordering::SeqCst) {
            SystemDisk
                .open(&self.1, Open::Append)?
                .append(b"theirs\n")?;
        }
        Ok(written)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        match self.0.0.cut_fails.load(Ordering::SeqCst) {
            true => Err(Error::from_raw_os_error(EIO)),
            false => self.2.set_len(len),
        }
    }

    fn sync(&self) -> Result<()> {
        self.0.note("sync", &self.1);
        match self.0.0.sync_fails.load(Ordering::SeqCst) {
            true => Err(Error::from_raw_os_error(EIO)),
            false => self.2.sync(),
        }
    }

    fn info(&self) -> Result<FileInfo> {
        self.2.info()
    }

    fn try_lock(&self) -> Result<bool> {
        self.2.try_lock()
    }
}

struct Out {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Out {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        Out {
            path,
            _folder: folder,
        }
    }

    fn config(&self, mode: &str) -> Value {
        json!({"path": self.path, "mode": mode})
    }

    fn content(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

fn write(sink: &mut Running, text: &str) -> temblor_pdk::Result<()> {
    sink.write(batch_of_bytes(&[(text.as_bytes(), 0)]), &Arc::default())
}

#[test]
fn a_batch_that_does_not_fit_is_written_whole_later_or_not_at_all() {
    for mode in ["write", "append", "truncate"] {
        let (disk, out) = (Faulty::default(), Out::new());
        let mut connector = disk.open(&out.config(mode));
        let mut sink = connector.start(Side::Sink).unwrap();
        write(&mut sink, "one\n").unwrap();
        for room in 0..=8 {
            disk.room(room);
            let error = write(&mut sink, "two\nthree").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
            let expected = format!("cannot write `{}`: No space left", out.path.display());
            assert!(error.message().starts_with(&expected), "{error}");
            assert_eq!(out.content(), "one\n", "with room for {room}");
            // Connected again: what is there stays, in every mode.
            sink = connector.start(Side::Sink).unwrap();
        }
        disk.room(usize::MAX);
        write(&mut sink, "two\nthree").unwrap();
        assert_eq!(out.content(), "one\ntwo\nthree");
    }
}

#[test]
fn what_cannot_be_cut_off_again_ends_the_connector() {
    let (disk, out) = (Faulty::default(), Out::new());
    let mut connector = disk.open(&out.config("append"));
    let mut sink = connector.start(Side::Sink).unwrap();
    disk.0.cut_fails.store(true, Ordering::SeqCst);
    disk.room(2);
    let error = write(&mut sink, "one\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(
        error
            .message()
            .contains("2 byte(s) that were written cannot be cut off"),
        "{error}"
    );
    disk.room(usize::MAX);
    let again = connector.tell(Command::Connect).unwrap_err();
    assert_eq!(again, error, "writing behind half an event would hide it");
}

#[test]
fn what_somebody_else_wrote_behind_it_is_not_cut_off() {
    let (disk, out) = (Faulty::default(), Out::new());
    let mut connector = disk.open(&out.config("append"));
    let mut sink = connector.start(Side::Sink).unwrap();
    disk.room(4);
    disk.0.intrudes.store(true, Ordering::SeqCst);
    let error = write(&mut sink, "one\ntwo\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
    let text = error.message();
    assert!(text.contains("somebody else writes to it too"), "{text}");
    assert_eq!(out.content(), "one\ntheirs\n");
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let (disk, out) = (Faulty::default(), Out::new());
    let mut connector = disk.open(&out.config("append"));
    let mut sink = connector.start(Side::Sink).unwrap();
    write(&mut sink, "one\n").unwrap();
    disk.0.sync_fails.store(true, Ordering::SeqCst);
    let error = sink.tell(Command::Flush).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let expected = format!("cannot bring `{}` to the disk: ", out.path.display());
    assert!(error.message().starts_with(&expected), "{error}");
    disk.0.sync_fails.store(false, Ordering::SeqCst);
    assert_eq!(connector.tell(Command::Connect).unwrap_err(), error);
    assert!(sink.tell(Command::Flush).is_err());
}

#[test]
fn a_file_that_was_removed_is_not_written_any_more() {
    let (disk, out) = (Faulty::default(), Out::new());
    let mut connector = disk.open(&out.config("append"));
    let mut sink = connector.start(Side::Sink).unwrap();
    write(&mut sink, "one\n").unwrap();
    std::fs::remove_file(&out.path).unwrap();
    let error = write(&mut sink, "two\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.message().ends_with("was removed"), "{error}");
    let mut sink = connector.start(Side::Sink).unwrap();
    write(&mut sink, "two\n").unwrap();
    assert_eq!(out.content(), "two\n");
}

#[test]
fn half_an_event_at_the_end_is_cut_off_when_a_separator_is_given() {
    let long = format!("{}\n{}", "x".repeat(200_000), "y".repeat(150_000));
    for (old, separator, kept) in [
        ("one\ntw", Some("\n"), 4),
        ("one\n", Some("\n"), 4),
        ("", Some("\n"), 0),
        ("half", Some("\n"), 0),
        ("half", None, 4),
        ("a||b|", Some("||"), 3),
        (&long, Some("\n"), 200_001),
    ] {
        let (disk, out) = (Faulty::default(), Out::new());
        std::fs::write(&out.path, old).unwrap();
        let mut config = out.config("append");
        if let Some(separator) = separator {
            config["separator"] = json!(separator);
        }
        let mut connector = disk.open(&config);
        let mut sink = connector.start(Side::Sink).unwrap();
        write(&mut sink, "new").unwrap();
        assert_eq!(out.content(), format!("{}new", &old[..kept]));
    }
}

#[test]
fn the_position_is_brought_to_the_disk_before_it_takes_its_place() {
    let out = Out::new();
    std::fs::write(&out.path, "one\n").unwrap();
    let disk = Faulty::default();
    let position = out.path.with_file_name("position");
    let config = json!({"path": out.path, "mode": "read", "position": position});
    let mut connector = disk.open(&config);
    let source = connector.start(Side::Source).unwrap();
    drop(source);
    disk.0.done.lock().unwrap().clear();
    disk.0.rename_fails.store(true, Ordering::SeqCst);
    let error = connector.tell(Command::Stop).unwrap_err();
    let expected = format!("cannot write the position `{}`: ", position.display());
    assert!(error.message().starts_with(&expected), "{error}");
    assert!(!position.exists());
    disk.0.rename_fails.store(false, Ordering::SeqCst);
    disk.0.done.lock().unwrap().clear();
    connector.tell(Command::Stop).unwrap();
    let done = disk.0.done.lock().unwrap().clone();
    let expected = [
        "write position.new",
        "sync position.new",
        "rename position",
        "sync folder of position",
    ];
    assert_eq!(done, expected);
}
