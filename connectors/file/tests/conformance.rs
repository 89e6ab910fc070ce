//! `file` keeps to the contract, whatever its link mode, and reads and writes what it should.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use temblor_connector_file as _;
use temblor_pdk::serde_json::json;
use temblor_pdk::testing::{Maker, Running, Side, Subject, TestHost, batch_of_bytes, check};
use temblor_pdk::testing::{batch_of_values, payloads};
use temblor_pdk::{BatchBuilder, Command, ErrorKind, Event, Result, Value};

fn file() -> Subject {
    Subject::named("file")
}

fn config(path: &Path, mode: &str) -> String {
    json!({ "path": path, "mode": mode }).to_string()
}

#[test]
fn conforms() {
    check("temblor-connector-file");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    for mode in ["write", "append", "truncate"] {
        file().check_life(&config(&path, mode), Side::Sink);
    }
    file().check_life(&config(&path, "read"), Side::Source);
    file().check_life(&config(Path::new("/dev/zero"), "read"), Side::Source);
}

fn write_all(connector: &mut Running, texts: &[&str]) -> Result<()> {
    let mut sink = connector.start(Side::Sink)?;
    for text in texts {
        sink.write(batch_of_bytes(&[(text.as_bytes(), 0)]), &Arc::default())?;
    }
    sink.tell(Command::Flush)
}

/// Writes each text as a batch, and stops.
fn write(maker: &Maker, path: &Path, mode: &str, texts: &[&str]) -> Result<()> {
    let mut connector = maker.open(&config(path, mode), &TestHost::new())?;
    write_all(&mut connector, texts)?;
    connector.tell(Command::Stop)
}

/// Everything that is read until the end.
fn read(maker: &Maker, path: &Path) -> Result<Vec<u8>> {
    let mut connector = maker.open(&config(path, "read"), &TestHost::new())?;
    let mut source = connector.start(Side::Source)?;
    Ok(payloads(&source.pull_all(usize::MAX)?).concat())
}

#[test]
fn what_was_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let large = "0123456789abcdef".repeat(100_000);
    for maker in file().makers() {
        let path = folder.path().join(maker.mode());
        write(maker, &path, "write", &["one\n", "", &large, "two"]).unwrap();
        let read = read(maker, &path).unwrap();
        assert!(read == format!("one\n{large}two").into_bytes());
    }
}

#[test]
fn the_mode_says_what_happens_to_old_content() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, expected) in [("write", "new"), ("truncate", "new"), ("append", "old new")] {
        for maker in file().makers() {
            let path = folder.path().join(format!("{mode}-{}", maker.mode()));
            write(maker, &path, mode, &["old ", ""]).unwrap();
            write(maker, &path, mode, &["ne", "w"]).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "{mode}");
        }
    }
}

#[test]
fn connecting_again_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    for mode in ["write", "truncate", "append"] {
        std::fs::write(&path, "").unwrap();
        let mut connector = file().makers()[0]
            .open(&config(&path, mode), &TestHost::new())
            .unwrap();
        write_all(&mut connector, &["one "]).unwrap();
        write_all(&mut connector, &["two"]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one two", "{mode}");
    }
}

#[test]
fn events_from_many_places_are_written_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let mut builder = BatchBuilder::new();
    builder.push_batch(&batch_of_bytes(&[(b"1", 0), (b"2", 0)]));
    builder.push(|arena| Event::new(Value::from(arena.str("3"))));
    builder.push_batch(&batch_of_bytes(&[(b"4", 0), (b"", 0), (b"5", 0)]));
    // A value that is neither bytes nor text is nothing that can be written.
    builder.push_batch(&batch_of_values(1));
    let mut connector = file().makers()[0]
        .open(&config(&path, "write"), &TestHost::new())
        .unwrap();
    let mut sink = connector.start(Side::Sink).unwrap();
    sink.write(builder.seal(), &Arc::default()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "12345");
}

#[test]
fn a_pipe_is_read_as_it_comes_and_interrupted_while_it_does_not() {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    for maker in file().makers() {
        let config = config(Path::new(&path), "read");
        let mut connector = maker.open(&config, &TestHost::new()).unwrap();
        let mut source = connector.start(Side::Source).unwrap();
        writer.write_all(b"one").unwrap();
        assert_eq!(payloads(&source.pull_all(1).unwrap()), [b"one"]);
        let pull = source.next_pull();
        assert!(source.poll(Some(pull)).is_pending());
        source.interrupt();
        assert!(source.poll(None).is_ready());
        writer.write_all(b"two").unwrap();
        assert_eq!(payloads(&source.pull_all(1).unwrap()), [b"two"]);
    }
    let mut connector = file().makers()[0]
        .open(&config(Path::new(&path), "read"), &TestHost::new())
        .unwrap();
    let mut source = connector.start(Side::Source).unwrap();
    drop(writer);
    assert!(source.pull_all(1).unwrap().is_empty());
}

#[test]
fn a_pipe_that_nobody_reads_does_not_stop_the_worker() {
    use std::io::Read;
    use std::os::fd::AsRawFd;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let large = vec![b'x'; 1_000_000];
    let mut connector = file().makers()[0]
        .open(&config(Path::new(&path), "append"), &TestHost::new())
        .unwrap();
    let mut sink = connector.start(Side::Sink).unwrap();
    let fates = temblor_pdk::Fates::new(Arc::<temblor_pdk::testing::FateLog>::default(), 0, 1);
    let command = Command::Write(batch_of_bytes(&[(&large, 0)]), fates);
    // More than the pipe holds: the poll returns, and the write ends once somebody reads.
    assert!(sink.poll(Some(command)).is_pending());
    let mut read = vec![0; large.len()];
    reader.read_exact(&mut read).unwrap();
    assert!(read == large);
    assert!(
        sink.wait(std::time::Duration::from_secs(10))
            .unwrap()
            .is_ok()
    );
    // The other end goes away.
    drop(reader);
    let error = sink
        .write(batch_of_bytes(&[(b"more", 0)]), &Arc::default())
        .expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(error.message(), format!("`{path}` was closed"));
}

#[test]
fn a_full_disk_is_told_with_the_path() {
    for maker in file().makers() {
        let error = write(maker, Path::new("/dev/full"), "append", &["x"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        let expected = "cannot write `/dev/full`: No space left on device";
        assert!(error.message().starts_with(expected), "{error}");
    }
}

#[test]
fn what_cannot_be_opened_is_named_when_connecting() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let gone = folder.join("gone");
    let deep = folder.join("no/such/folder");
    for (path, mode, reason) in [
        (gone.as_path(), "read", "No such file"),
        (folder, "read", "is a directory"),
        (folder, "write", "Is a directory"),
        (folder, "append", "Is a directory"),
        (deep.as_path(), "truncate", "No such file"),
    ] {
        for maker in file().makers() {
            let host = TestHost::new();
            let mut connector = maker.open(&config(path, mode), &host).unwrap();
            let error = connector.tell(Command::Connect).expect_err(mode);
            assert!(error.message().contains(reason), "{error}");
            assert!(
                error.message().contains(&format!("`{}`", path.display())),
                "{error}"
            );
        }
    }
    assert!(!gone.exists(), "reading makes no file");
}

#[test]
fn the_side_that_the_mode_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    for (mode, side, help) in [
        ("write", Side::Source, "help: set `mode` to \"read\""),
        (
            "read",
            Side::Sink,
            "help: set `mode` to \"write\", \"append\" or \"truncate\"",
        ),
    ] {
        for maker in file().makers() {
            let mut connector = maker.open(&config(&path, mode), &TestHost::new()).unwrap();
            let error = connector.start(side).err().expect(mode);
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().ends_with(help), "{error}");
        }
    }
}

#[test]
fn a_mode_that_does_not_exist_is_refused_with_those_that_do() {
    let config = config(Path::new("x"), "overwrite");
    let refused = file().makers()[0].open(&config, &TestHost::new());
    let error = refused.err().expect("an error").to_string();
    for mode in ["`overwrite`", "`read`", "`write`", "`append`", "`truncate`"] {
        assert!(error.contains(mode), "{error}");
    }
}
