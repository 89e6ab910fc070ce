//! Checkpoints in a directory: what was stored is found, what is torn is passed over, and nothing is lost on the way.

use std::fmt;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use temblor::{Checkpoint, Checkpoints, Directory, FoundCheckpoint, LaneName};
use temblor_pdk::io::{Disk, DiskFile, FileInfo, Open, SystemDisk};

pub(crate) fn lane(name: &str) -> LaneName {
    LaneName {
        flow: "main".to_owned(),
        source: "orders".to_owned(),
        lane: name.to_owned(),
    }
}

pub(crate) fn checkpoint(position: u64, state: &[u8]) -> Checkpoint {
    Checkpoint {
        position,
        pipelines: vec![
            ("counts".to_owned(), state.to_vec()),
            ("empty".to_owned(), Vec::new()),
            ("line".to_owned(), b"\n{\n".to_vec()),
        ],
    }
}

pub(crate) fn place() -> (tempfile::TempDir, Directory) {
    let place = tempfile::tempdir().unwrap();
    let directory = Directory::new(place.path().join("states")).unwrap();
    (place, directory)
}

pub(crate) fn files(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path.file_name().unwrap().to_string_lossy().into_owned()),
        }
    }
    found.sort();
    found
}

fn load(directory: &Directory, name: &str) -> FoundCheckpoint {
    directory.load(&lane(name)).unwrap()
}

#[test]
fn what_is_stored_is_found_by_another_process() {
    let (place, directory) = place();
    assert_eq!(load(&directory, "g/t/3"), FoundCheckpoint::default());
    for (name, position) in [
        ("g/t/3", 7),
        ("g/t/30", 8),
        ("g/t", 9),
        ("", 10),
        ("..", 11),
    ] {
        let stored = checkpoint(position, name.as_bytes());
        directory.store(&lane(name), &stored).unwrap();
    }
    let other = Directory::new(place.path().join("states")).unwrap();
    for (name, position) in [
        ("g/t/3", 7),
        ("g/t/30", 8),
        ("g/t", 9),
        ("", 10),
        ("..", 11),
    ] {
        let found = load(&other, name);
        assert_eq!(
            found.checkpoint,
            Some(checkpoint(position, name.as_bytes()))
        );
        assert!(found.warnings.is_empty());
    }
    assert!(load(&other, "g/t/4").checkpoint.is_none());
    // No name leads out of the directory, and it can be found by whoever looks for it.
    let only: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(only.len(), 1);
    let path = place
        .path()
        .join("states/main/orders/g/t/3/00000000000000000007.checkpoint");
    assert!(path.is_file());
    assert_eq!(load(&other, "g/t/3").place, format!("`{}`", path.display()));
}

#[test]
fn the_latest_and_the_one_before_are_kept() {
    let (place, directory) = place();
    for position in [1, 5, 9, 12, 100] {
        directory
            .store(&lane("l"), &checkpoint(position, b"state"))
            .unwrap();
        assert_eq!(load(&directory, "l").checkpoint.unwrap().position, position);
    }
    let names = [
        "00000000000000000012.checkpoint",
        "00000000000000000100.checkpoint",
    ];
    assert_eq!(files(place.path()), names);
    // Stored again, as when time has passed and nothing came in.
    directory
        .store(&lane("l"), &checkpoint(100, b"later"))
        .unwrap();
    assert_eq!(
        load(&directory, "l").checkpoint,
        Some(checkpoint(100, b"later"))
    );
    assert_eq!(files(place.path()), names);
    let largest = checkpoint(u64::MAX, b"state");
    directory.store(&lane("l"), &largest).unwrap();
    assert_eq!(load(&directory, "l").checkpoint, Some(largest));
}

#[test]
fn a_process_that_lost_the_lane_hides_nothing() {
    let (place, directory) = place();
    let zombie = Directory::new(place.path().join("states")).unwrap();
    zombie
        .store(&lane("l"), &checkpoint(10, b"before"))
        .unwrap();
    directory
        .store(&lane("l"), &checkpoint(20, b"after"))
        .unwrap();
    directory
        .store(&lane("l"), &checkpoint(30, b"after"))
        .unwrap();
    for position in [11, 12, 13] {
        zombie
            .store(&lane("l"), &checkpoint(position, b"zombie"))
            .unwrap();
        assert_eq!(
            load(&directory, "l").checkpoint,
            Some(checkpoint(30, b"after"))
        );
    }
    // If the latest is torn, the one before it is there.
    let latest = place
        .path()
        .join("states/main/orders/l/00000000000000000030.checkpoint");
    fs::write(latest, "torn").unwrap();
    assert_eq!(
        load(&directory, "l").checkpoint,
        Some(checkpoint(20, b"after"))
    );
}

#[test]
fn what_is_torn_or_foreign_is_named_and_passed_over() {
    let (place, directory) = place();
    directory
        .store(&lane("l"), &checkpoint(5, b"whole"))
        .unwrap();
    let folder = place.path().join("states/main/orders/l");
    directory
        .store(&lane("l"), &checkpoint(6, b"other"))
        .unwrap();
    directory
        .store(&lane("m"), &checkpoint(6, b"of m"))
        .unwrap();
    let latest = folder.join("00000000000000000006.checkpoint");
    let whole = fs::read(&latest).unwrap();
    let of_m = fs::read(
        place
            .path()
            .join("states/main/orders/m/00000000000000000006.checkpoint"),
    )
    .unwrap();
    let line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let mut flipped = whole.clone();
    flipped[line + 2] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    let other_form = [
        b"{\"temblor_checkpoint\":2,",
        &whole[b"{\"temblor_checkpoint\":1,".len()..],
    ]
    .concat();
    let mut damaged: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "too short"),
        (
            b"something else\nthat is no checkpoint".to_vec(),
            "its first line",
        ),
        (flipped, "its checksum is wrong"),
        (longer, "its checksum is wrong"),
        (other_form, "another version"),
        (of_m, "of another lane"),
    ];
    damaged.extend((0..whole.len()).map(|length| (whole[..length].to_vec(), "")));
    for (bytes, why) in damaged {
        fs::write(&latest, bytes).unwrap();
        let found = load(&directory, "l");
        assert_eq!(found.checkpoint, Some(checkpoint(5, b"whole")));
        let [warning] = &*found.warnings else {
            panic!("{found:?}");
        };
        assert!(
            warning.contains("00000000000000000006.checkpoint` is passed over: "),
            "{warning}"
        );
        assert!(
            warning.starts_with("the state of lane `l` of connector `orders` of flow `main`"),
            "{warning}"
        );
        assert!(warning.contains(why), "{warning}");
    }
    // What a process has begun and not finished takes room only.
    let unfinished = folder.join(".00000000000000000007.17.0.unfinished");
    fs::write(&unfinished, "half").unwrap();
    load(&directory, "l");
    assert!(!unfinished.exists());
    // What is no checkpoint by its name is nobody's business.
    fs::remove_file(&latest).unwrap();
    for name in [
        "7.checkpoint",
        "x0000000000000000009.checkpoint",
        "00000000000000000009.checkpoint.bak",
        "README",
    ] {
        fs::write(folder.join(name), "mine").unwrap();
    }
    fs::create_dir(folder.join("sub")).unwrap();
    let found = load(&directory, "l");
    assert_eq!(
        (found.checkpoint.unwrap().position, found.warnings.len()),
        (5, 0)
    );
    directory
        .store(&lane("l"), &checkpoint(8, b"next"))
        .unwrap();
    assert!(folder.join("7.checkpoint").exists() && folder.join("README").exists());
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Directory::new(file.join("states")).unwrap_err().to_string();
    assert!(error.starts_with("cannot store states in `"), "{error}");
    assert!(
        error.ends_with("name a directory that can be written to"),
        "{error}"
    );
}

/// A disk on which things go wrong when a test says so.
#[derive(Clone, Default)]
struct Faulty {
    /// So many bytes can still be written, unless there is room.
    room: Arc<AtomicUsize>,
    is_full: Arc<AtomicBool>,
    sync_fails: Arc<AtomicBool>,
    rename_fails: Arc<AtomicBool>,
    /// Stores checkpoints when one is opened, as another process may do.
    meanwhile: Meanwhile,
}

type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

fn fails(how: &AtomicBool) -> Result<()> {
    match how.load(Ordering::SeqCst) {
        true => Err(Error::from_raw_os_error(EIO)),
        false => Ok(()),
    }
}

impl Disk for Faulty {
    fn open(&self, path: &Path, how: Open) -> Result<Box<dyn DiskFile>> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|happens| happens());
        let file = SystemDisk.open(path, how)?;
        Ok(Box::new(FaultyFile(self.clone(), file)))
    }

    fn info(&self, path: &Path) -> Result<FileInfo> {
        SystemDisk.info(path)
    }

    fn list(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        SystemDisk.list(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fails(&self.rename_fails)?;
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        SystemDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> Result<()> {
        SystemDisk.sync_folder(folder)
    }
}

#[derive(Debug)]
struct FaultyFile(Faulty, Box<dyn DiskFile>);

impl DiskFile for FaultyFile {
    fn read_at(&self, room: &mut [u8], offset: u64) -> Result<usize> {
        self.1.read_at(room, offset)
    }

    fn append(&self, bytes: &[u8]) -> Result<usize> {
        if !self.0.is_full.load(Ordering::SeqCst) {
            return self.1.append(bytes);
        }
        let room = self.0.room.load(Ordering::SeqCst).min(bytes.len());
        if room == 0 {
            return Err(Error::from_raw_os_error(ENOSPC));
        }
        self.0.room.fetch_sub(room, Ordering::SeqCst);
        self.1.append(&bytes[..room])
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.1.set_len(len)
    }

    fn sync(&self) -> Result<()> {
        fails(&self.0.sync_fails)?;
        self.1.sync()
    }

    fn info(&self) -> Result<FileInfo> {
        self.1.info()
    }

    fn try_lock(&self) -> Result<bool> {
        self.1.try_lock()
    }
}

#[test]
fn a_disk_that_is_full_or_broken_leaves_what_was_stored() {
    let place = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let directory = Directory::on(Arc::new(disk.clone()), place.path()).unwrap();
    directory
        .store(&lane("l"), &checkpoint(1, b"state"))
        .unwrap();
    let (room, is_full) = (&disk.room, &disk.is_full);
    for case in 0..4 {
        room.store(if case == 0 { 0 } else { 20 }, Ordering::SeqCst);
        is_full.store(case < 2, Ordering::SeqCst);
        disk.sync_fails.store(case == 2, Ordering::SeqCst);
        disk.rename_fails.store(case == 3, Ordering::SeqCst);
        let error = directory
            .store(&lane("l"), &checkpoint(2, b"state"))
            .unwrap_err();
        let (error, why) = (
            error.to_string(),
            if case < 2 {
                "No space left"
            } else {
                "Input/output error"
            },
        );
        assert!(
            error.starts_with("cannot store the state of lane `l` of connector `orders`"),
            "{error}"
        );
        assert!(
            error.contains(why) && error.contains("nothing is acked until"),
            "{error}"
        );
        assert_eq!(
            load(&directory, "l").checkpoint,
            Some(checkpoint(1, b"state"))
        );
        // What was begun takes no room.
        assert_eq!(files(place.path()), ["00000000000000000001.checkpoint"]);
    }
    disk.rename_fails.store(false, Ordering::SeqCst);
    directory
        .store(&lane("l"), &checkpoint(2, b"state"))
        .unwrap();
    assert_eq!(
        load(&directory, "l").checkpoint,
        Some(checkpoint(2, b"state"))
    );
}

#[test]
fn a_lane_that_cannot_be_read_is_no_lane_without_a_state() {
    let (place, directory) = place();
    directory
        .store(&lane("l"), &checkpoint(1, b"state"))
        .unwrap();
    let path = place
        .path()
        .join("states/main/orders/l/00000000000000000002.checkpoint");
    fs::create_dir(&path).unwrap();
    let error = directory.load(&lane("l")).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read the state of lane `l`"),
        "{error}"
    );
    assert!(error.contains("see to the disk"), "{error}");
}

#[test]
fn whoever_loads_while_another_stores_finds_the_latest() {
    let (place, other) = place();
    let store = |position| {
        other
            .store(&lane("l"), &checkpoint(position, b"state"))
            .unwrap();
    };
    (1..3).for_each(store);
    let disk = Faulty::default();
    let directory = Directory::on(Arc::new(disk.clone()), place.path().join("states")).unwrap();
    let storing = Directory::new(place.path().join("states")).unwrap();
    // Those that were listed are gone when they are opened.
    *disk.meanwhile.lock().unwrap() = Some(Box::new(move || {
        for position in 3..6 {
            storing
                .store(&lane("l"), &checkpoint(position, b"state"))
                .unwrap();
        }
    }));
    let found = load(&directory, "l");
    assert_eq!(found.checkpoint, Some(checkpoint(5, b"state")));
    assert!(found.warnings.is_empty());
}
