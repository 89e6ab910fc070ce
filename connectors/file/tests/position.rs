//! A source with a position goes on where everything before was delivered, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use temblor_connector_file as _;
use temblor_pdk::serde_json::{Value, json};
use temblor_pdk::testing::{Maker, Running, Side, Subject, TestHost, payloads};
use temblor_pdk::{
    Batch, Command, ErrorKind, Fate, FateRange, Outcome, PullLimits, PullNumber, Reply, Result,
};

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    position: PathBuf,
}

impl Place {
    fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, content).unwrap();
        Place {
            position: folder.path().join("position"),
            path,
            _folder: folder,
        }
    }

    fn config(&self, more: Value) -> String {
        let mut config = json!({"path": self.path, "mode": "read", "position": self.position, "position_interval_ms": 1});
        let more = more.as_object().unwrap().clone();
        config.as_object_mut().unwrap().extend(more);
        config.to_string()
    }

    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn offset(&self) -> Option<u64> {
        let text = std::fs::read_to_string(&self.position).ok()?;
        let record: Value = temblor_pdk::serde_json::from_str(&text).unwrap();
        record["offset"].as_u64()
    }
}

fn maker() -> Maker {
    let subject = Subject::named("file");
    let entry = temblor_pdk::entries().find(|entry| entry.name() == "file");
    assert!(subject.makers().len() > 1);
    Maker::native(entry.unwrap())
}

/// A connector and its source, and the number of the next pull.
struct Run {
    connector: Running,
    source: Running,
    host: TestHost,
    pull: u64,
}

impl Run {
    fn try_start(config: &str) -> Result<Self> {
        let host = TestHost::new();
        let mut connector = maker().open(config, &host)?;
        let source = connector.start(Side::Source)?;
        Ok(Run {
            connector,
            source,
            host,
            pull: 0,
        })
    }

    fn start(config: &str) -> Self {
        Run::try_start(config).unwrap()
    }

    fn command(&mut self, bytes: u32) -> Command {
        let number = PullNumber {
            source: 0,
            pull: self.pull,
        };
        Command::Pull(PullLimits { events: 512, bytes }, number)
    }

    /// Pulls once; what waits is interrupted.
    fn pull_of(&mut self, bytes: u32) -> Reply {
        let command = self.command(bytes);
        let reply = match self.source.poll(Some(command)) {
            std::task::Poll::Ready(reply) => reply,
            std::task::Poll::Pending => match self.source.wait(Duration::from_millis(300)) {
                Some(reply) => reply,
                None => {
                    self.source.interrupt();
                    self.source.wait(Duration::from_secs(10)).unwrap()
                }
            },
        };
        if let Ok(Outcome::Batch(..) | Outcome::End(Some(_), _)) = &reply {
            self.pull += 1;
        }
        reply
    }

    /// The text of the next pull of about so many bytes.
    fn text_of(&mut self, bytes: u32) -> String {
        match self.pull_of(bytes).unwrap() {
            Outcome::Batch(batch, _) | Outcome::End(Some(batch), _) => text(&[batch]),
            Outcome::Idle => "(idle)".into(),
            Outcome::End(None, _) => "(end)".into(),
            other => panic!("{other:?}"),
        }
    }

    fn text(&mut self) -> String {
        self.text_of(256 * 1024)
    }

    fn tell(&mut self, fate: Fate, pulls: std::ops::RangeInclusive<u64>) -> Result<()> {
        self.source.tell(Command::Fates(vec![FateRange {
            lane: 0,
            fate,
            first_pull: *pulls.start(),
            last_pull: *pulls.end(),
            first_event: 0,
            last_event: u32::MAX,
        }]))
    }

    fn stop(mut self) {
        drop(self.source);
        self.connector.tell(Command::Stop).unwrap();
    }

    fn warnings(&self) -> Vec<String> {
        self.host.logs().into_iter().map(|(_, text)| text).collect()
    }
}

fn text(batches: &[Batch]) -> String {
    String::from_utf8(payloads(batches).concat()).unwrap()
}

#[test]
fn conforms_with_a_position() {
    let place = Place::new("one\ntwo\nthree");
    for more in [json!({}), json!({"follow": true})] {
        Subject::named("file").check_life(&place.config(more), Side::Source);
    }
}

#[test]
fn the_next_run_goes_on_behind_what_was_delivered() {
    let place = Place::new("one\ntwo\nthree\nfour\n");
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text_of(5), "one\n");
    assert_eq!(run.text_of(5), "two\n");
    assert_eq!(run.text_of(11), "three\nfour\n");
    // Nothing is known to be delivered: a run that is killed here begins at the start.
    run.stop();
    assert_eq!(place.offset(), Some(0));
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text_of(5), "one\n");
    assert_eq!(run.text_of(5), "two\n");
    run.tell(Fate::Acked, 0..=1).unwrap();
    run.stop();
    assert_eq!(place.offset(), Some(8));
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text(), "three\nfour\n");
    run.tell(Fate::Acked, 0..=0).unwrap();
    assert_eq!(run.text(), "(end)");
    run.stop();
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text(), "(end)");
}

#[test]
fn the_position_is_written_while_the_source_runs() {
    let place = Place::new("one\ntwo\n");
    let mut run = Run::start(&place.config(json!({"follow": true})));
    assert_eq!(run.text(), "one\ntwo\n");
    run.tell(Fate::Acked, 0..=0).unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while place.offset() != Some(8) {
        assert!(std::time::Instant::now() < end, "it is written by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn pulls_end_where_events_end_however_long_they_are() {
    let long = "x".repeat(3_000_000);
    let place = Place::new(&format!("a\n{long}\nb\n"));
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text_of(1000), "a\n");
    assert!(run.text_of(1000).starts_with(&format!("{long}\n")));
    let place = Place::new("a;b\n;c;");
    let mut run = Run::start(&place.config(json!({"separator": ";"})));
    assert_eq!(run.text_of(3), "a;");
    assert_eq!(run.text_of(3), "b\n;");
}

#[test]
fn what_no_separator_follows_comes_at_the_end_and_is_done_with_it() {
    let place = Place::new("one\ntwo");
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text(), "one\n");
    run.tell(Fate::Acked, 0..=0).unwrap();
    assert_eq!(run.text(), "two");
    run.tell(Fate::Acked, 1..=1).unwrap();
    run.stop();
    assert_eq!(place.offset(), Some(7));
    let empty = Place::new("");
    let mut run = Run::start(&empty.config(json!({})));
    assert_eq!(run.text(), "(end)");
    run.stop();
    assert_eq!(empty.offset(), Some(0));
}

#[test]
fn a_file_that_is_followed_hands_over_what_comes() {
    let place = Place::new("one\ntw");
    let mut run = Run::start(&place.config(json!({"follow": true})));
    assert_eq!(run.text(), "one\n");
    assert_eq!(run.text(), "(idle)", "half an event stays where it is");
    place.append("o\nthree\n");
    assert_eq!(run.text(), "two\nthree\n");
    std::fs::write(&place.path, "new\n").unwrap();
    assert_eq!(run.text(), "null", "the stream has broken off");
    assert_eq!(run.text(), "new\n");
    let warnings = run.warnings();
    assert!(
        warnings
            .iter()
            .any(|text| text.ends_with("was truncated: it is read from the start")),
        "{warnings:?}"
    );
}

#[test]
fn a_file_that_was_rotated_is_read_to_its_end_and_then_its_successor() {
    let place = Place::new("one\n");
    let older = place.path.with_extension("1");
    let config = place.config(json!({"follow": true}));
    let mut run = Run::start(&config);
    assert_eq!(run.text(), "one\n");
    place.append("two\nha");
    std::fs::rename(&place.path, &older).unwrap();
    std::fs::write(&place.path, "three\n").unwrap();
    assert_eq!(run.text(), "two\n");
    run.tell(Fate::Acked, 0..=0).unwrap();
    let rest = run.pull_of(1000).unwrap();
    let Outcome::Batch(rest, _) = rest else {
        panic!("{rest:?}")
    };
    assert_eq!(rest.events()[0].data.as_bytes(), Some(&b"ha"[..]));
    assert!(rest.events()[1].stream_end().is_some(), "its stream ends");
    let next = run.pull_of(1000).unwrap();
    let Outcome::Batch(next, _) = next else {
        panic!("{next:?}")
    };
    assert_eq!(text(std::slice::from_ref(&next)), "three\n");
    assert_ne!(next.events()[0].id.stream, rest.events()[0].id.stream);
    run.stop();
    // The next run finds the rest of the first file under its new name.
    let mut run = Run::start(&config);
    assert_eq!(run.text(), "two\n");
    assert!(run.warnings()[0].contains("is read to its end first, from byte 4 on"));
    assert_eq!(
        run.text(),
        "hanull",
        "the last one is the end of the stream"
    );
    assert_eq!(run.text(), "three\n");
    run.tell(Fate::Acked, 0..=2).unwrap();
    run.stop();
    assert_eq!(place.offset(), Some(6));
}

type Change<'a> = &'a dyn Fn(&Place);

#[test]
fn another_file_in_the_same_place_is_read_from_the_start() {
    let lines = "0123456\n".repeat(100);
    let replaced = |place: &Place| {
        let other = place.path.with_extension("new");
        std::fs::write(&other, format!("{lines}more\n")).unwrap();
        std::fs::rename(&other, &place.path).unwrap();
    };
    let truncated = |place: &Place| std::fs::write(&place.path, "0123456\n").unwrap();
    let rewritten = |place: &Place| {
        std::fs::write(&place.path, "0123456\n".repeat(50) + &"other.\n".repeat(90)).unwrap();
    };
    let cases: [(Change<'_>, &str); 3] = [
        (&replaced, "was replaced by another file since"),
        (&truncated, "was truncated since"),
        (&rewritten, "was written anew since"),
    ];
    for (change, reason) in cases {
        let place = Place::new(&lines);
        let mut run = Run::start(&place.config(json!({})));
        assert_eq!(run.text().len(), 800);
        run.tell(Fate::Acked, 0..=0).unwrap();
        run.stop();
        change(&place);
        let mut run = Run::start(&place.config(json!({})));
        assert!(run.text().starts_with("0123456\n"), "{reason}");
        let warnings = run.warnings();
        let told = |text: &String| text.contains(reason) && text.contains("at byte 800");
        assert!(warnings.iter().any(told), "{warnings:?}");
    }
}

#[test]
fn a_damaged_position_is_an_error_with_a_way_out() {
    let place = Place::new("one\n");
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text(), "one\n");
    run.tell(Fate::Acked, 0..=0).unwrap();
    run.stop();
    let good = std::fs::read(&place.position).unwrap();
    assert!(Run::try_start(&place.config(json!({}))).is_ok());
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for bad in [&good[..at], &flipped] {
            std::fs::write(&place.position, bad).unwrap();
            let error = Run::try_start(&place.config(json!({}))).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Failed);
            let text = error.to_string();
            assert!(text.contains("is damaged: "), "{text}");
            assert!(text.contains("help: remove it to read"), "{text}");
        }
    }
}

#[test]
fn a_position_is_of_one_process_at_a_time() {
    let place = Place::new("one\n");
    let run = Run::start(&place.config(json!({})));
    let error = Run::try_start(&place.config(json!({}))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let expected = format!("is in use by process {}", std::process::id());
    assert!(error.message().contains(&expected), "{error}");
    run.stop();
    assert!(Run::try_start(&place.config(json!({}))).is_ok());
}

#[test]
fn events_that_fail_are_read_again_and_then_stop_the_connector() {
    let place = Place::new("one\ntwo\nthree\n");
    let mut run = Run::start(&place.config(json!({})));
    assert_eq!(run.text_of(5), "one\n");
    assert_eq!(run.text_of(5), "two\n");
    run.tell(Fate::Acked, 0..=0).unwrap();
    for _ in 0..5 {
        assert_eq!(run.text_of(6), "three\n", "it was on its way already");
        let (failed, later) = (run.pull - 2, run.pull - 1);
        run.tell(Fate::Failed, failed..=failed).unwrap();
        // What was handed over behind the failure is read again too, whatever becomes of it.
        run.tell(Fate::Acked, later..=later).unwrap();
        let again = loop {
            match run.text_of(5) {
                idle if idle == "(idle)" => {}
                text => break text,
            }
        };
        assert_eq!(again, "two\n");
    }
    let last = run.pull - 1;
    let error = run.tell(Fate::Failed, last..=last).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let text = error.to_string();
    let place_of = format!("`{}`: events failed, also when", place.path.display());
    assert!(text.starts_with(&place_of), "{text}");
    assert!(
        text.contains("read 5 times again, from byte 4 on"),
        "{text}"
    );
    run.stop();
    assert_eq!(place.offset(), Some(4));
}

#[test]
fn events_that_fail_are_skipped_or_stop_the_connector_at_once() {
    let place = Place::new("one\ntwo\n");
    let mut run = Run::start(&place.config(json!({"on_failed": "skip"})));
    assert_eq!(run.text(), "one\ntwo\n");
    run.tell(Fate::Failed, 0..=0).unwrap();
    assert_eq!(run.text(), "(end)");
    assert_eq!(run.host.metric("skipped_pulls"), Some(1));
    run.stop();
    assert_eq!(place.offset(), Some(8));
    let place = Place::new("one\ntwo\n");
    let mut run = Run::start(&place.config(json!({"on_failed": "stop"})));
    assert_eq!(run.text(), "one\ntwo\n");
    let error = run.tell(Fate::Failed, 0..=0).unwrap_err();
    assert!(
        error.message().contains("events failed from byte 0 on"),
        "{error}"
    );
    run.stop();
    assert_eq!(place.offset(), Some(0));
}

#[test]
fn keys_that_mean_nothing_are_refused() {
    let write = json!({"path": "x", "mode": "append"});
    let read = json!({"path": "x", "mode": "read"});
    for (base, key, value, expected) in [
        (&write, "position", json!("p"), "`position` is for reading"),
        (&write, "follow", json!(true), "`follow` is for reading"),
        (
            &read,
            "on_failed",
            json!("skip"),
            "`on_failed` needs `position`",
        ),
        (&read, "position_interval_ms", json!(5), "needs `position`"),
        (&read, "separator", json!(";"), "`separator` is for"),
        (&write, "separator", json!(""), "`separator` is empty"),
    ] {
        let mut config = base.clone();
        config[key] = value;
        let refused = maker().open(&config.to_string(), &TestHost::new());
        let error = refused.err().expect(expected);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(expected), "{error}");
        assert!(error.message().contains("help: "), "{error}");
    }
    let mut config = read.clone();
    config["path"] = json!("/dev/zero");
    config["follow"] = json!(true);
    let mut connector = maker().open(&config.to_string(), &TestHost::new()).unwrap();
    let error = connector.tell(Command::Connect).unwrap_err();
    assert!(error.message().contains("is no ordinary file"), "{error}");
    assert!(Path::new("/dev/zero").exists());
}
