//! `blaster` keeps to the contract, whatever its link mode, and sends what it says when it says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;

use temblor_connector_blaster as _;
use temblor_pdk::serde_json::{Value as Json, json};
use temblor_pdk::testing::{Side, Subject, TestHost, check, payloads};
use temblor_pdk::{ErrorKind, Outcome, log};

const START_NS: u64 = 1_000_000_000;

/// A file that lives as long as the value.
fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

/// A configuration for a file, with more keys.
fn config(file: &tempfile::NamedTempFile, more: &Json) -> String {
    let mut config = json!({ "file": file.path() });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config.to_string()
}

fn blaster() -> Subject {
    Subject::named("blaster")
}

/// Everything that is sent, as text, with the times of ingest after the start.
fn sent(content: &str, more: &Json) -> Vec<(String, u64)> {
    let file = file(content);
    let pulled = blaster().check_same(&config(&file, more), 10_000);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let sent = pulled.into_iter().map(|(b, ns)| (text(b), ns - START_NS));
    sent.collect()
}

fn texts(sent: &[(String, u64)]) -> Vec<&str> {
    sent.iter().map(|(text, _)| text.as_str()).collect()
}

#[test]
fn conforms() {
    check("temblor-connector-blaster");
    let file = file("{\"a\": 1}\n{\"a\": 2}\n");
    for more in [
        json!({ "iterations": 3 }),
        json!({ "duration_s": 3600 }),
        json!({ "duration_s": 3600, "rate_per_s": 100 }),
        json!({ "iterations": 3, "rate_per_s": 0.001 }),
        json!({ "iterations": 2, "rate_per_s": 0.001, "spin_us": 1_000_000_000_000_u64 }),
    ] {
        blaster().check_life(&config(&file, &more), Side::Source);
    }
}

#[test]
fn every_line_is_an_event_and_all_lines_are_sent_so_many_times() {
    let once = ["one", "", "three", "four"];
    let sent = sent("one\n\nthree\r\nfour", &json!({ "iterations": 3 }));
    assert_eq!(texts(&sent), [once, once, once].concat());
}

#[test]
fn a_line_end_at_the_end_of_the_file_begins_no_line() {
    let sent = sent("one\ntwo\n", &json!({ "iterations": 1 }));
    assert_eq!(texts(&sent), ["one", "two"]);
}

#[test]
fn pulls_keep_to_the_bounds_and_lose_nothing() {
    // Lines of many lengths, some larger than a pull may be.
    let lines: Vec<String> = (0..400)
        .map(|i| format!("{i}:{}", "x".repeat(i * i % 3000)))
        .chain([format!("large:{}", "y".repeat(700_000))])
        .collect();
    let file = file(&lines.join("\n"));
    for maker in blaster().makers() {
        let host = TestHost::new();
        let config = config(&file, &json!({ "iterations": 3, "chunk_events": 100 }));
        let mut connector = maker.open(&config, &host).unwrap();
        let mut source = connector.start(Side::Source).unwrap();
        let batches = source.pull_all(10_000).unwrap();
        for batch in &batches {
            let bytes: usize = payloads(std::slice::from_ref(batch))
                .iter()
                .map(Vec::len)
                .sum();
            assert!(batch.len() <= 100);
            assert!(batch.len() == 1 || bytes <= 256 * 1024, "{bytes} bytes");
        }
        let expected: Vec<Vec<u8>> = [&lines, &lines, &lines]
            .into_iter()
            .flatten()
            .map(|line| line.clone().into_bytes())
            .collect();
        assert!(payloads(&batches) == expected, "{}", maker.mode());
    }
}

#[test]
fn a_closed_loop_fills_each_pull_and_stamps_it_once() {
    let file = file("a\nb\nc\n");
    let host = TestHost::with_clock(START_NS);
    let subject = blaster();
    let config = config(&file, &json!({ "duration_s": 1 }));
    let mut connector = subject.makers()[0].open(&config, &host).unwrap();
    let mut source = connector.start(Side::Source).unwrap();
    host.advance(5);
    let first = source.pull_all(1).unwrap();
    host.advance(7);
    let second = source.pull_all(1).unwrap();
    for (batch, ns) in [(&first[0], START_NS + 5), (&second[0], START_NS + 12)] {
        assert_eq!(batch.len(), 512);
        assert!(batch.events().iter().all(|event| event.ingest_ns == ns));
    }
    // The second pull goes on where the first has stopped: 512 = 3 × 170 + 2.
    assert_eq!(payloads(&second)[0], b"c");
    host.advance(1_000_000_000 - 7);
    assert!(matches!(source.pull(), Ok(Outcome::End(None, _))));
}

#[test]
fn an_open_loop_stamps_intended_times_at_even_spacing() {
    let more = json!({ "iterations": 4, "rate_per_s": 8 });
    let sent = sent("a\nb\n", &more);
    assert_eq!(texts(&sent), ["a", "b", "a", "b", "a", "b", "a", "b"]);
    let times: Vec<u64> = sent.iter().map(|(_, ns)| *ns).collect();
    let expected: Vec<u64> = (0..8).map(|i| i * 125_000_000).collect();
    assert_eq!(times, expected);
}

#[test]
fn an_open_loop_for_a_time_sends_what_is_due_in_it() {
    let more = json!({ "duration_s": 0.5, "rate_per_s": 1000 });
    let sent = sent("a\n", &more);
    assert_eq!(sent.len(), 500);
    assert_eq!(sent[499].1, 499_000_000);
}

#[test]
fn an_open_loop_sends_no_event_before_it_is_due() {
    let file = file("a\n");
    let host = TestHost::with_clock(START_NS);
    let subject = blaster();
    let config = config(&file, &json!({ "iterations": 100, "rate_per_s": 3 }));
    let mut connector = subject.makers()[0].open(&config, &host).unwrap();
    let mut source = connector.start(Side::Source).unwrap();
    loop {
        let now_ns = |host: &TestHost| temblor_pdk::abi::HostServices::now_ns(host);
        match source.pull().unwrap() {
            Outcome::Batch(batch, _) => {
                let late = |event: &temblor_pdk::Event<'_>| event.ingest_ns <= now_ns(&host);
                assert!(batch.events().iter().all(late));
            }
            Outcome::End(..) => break,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_open_loop_that_falls_behind_keeps_the_intended_times() {
    let file = file("a\n");
    let host = TestHost::with_clock(START_NS);
    let subject = blaster();
    let config = config(&file, &json!({ "duration_s": 1, "rate_per_s": 1000 }));
    let mut connector = subject.makers()[0].open(&config, &host).unwrap();
    let mut source = connector.start(Side::Source).unwrap();
    let mut batches = source.pull_all(1).unwrap();
    // The engine does not ask for 300 ms: all that became due meanwhile comes at once, as of when it was due.
    host.advance(300_000_000);
    batches.extend(source.pull_all(1).unwrap());
    assert_eq!(batches[0].len() + batches[1].len(), 301);
    let events = batches.iter().flat_map(|batch| batch.events());
    for (index, event) in events.enumerate() {
        assert_eq!(event.ingest_ns, START_NS + index as u64 * 1_000_000);
    }
    // It does not ask until the time is over: one more pull, and a word about what was left.
    host.advance(2_000_000_000);
    let Ok(Outcome::End(Some(last), _)) = source.pull() else {
        panic!("the last pull ends the source");
    };
    assert_eq!(last.len(), 512);
    let (level, message) = host.logs().pop().unwrap();
    assert_eq!(level, log::Level::Warn);
    assert!(message.starts_with("187 of 1000 events"), "{message}");
}

/// The error of a configuration that is refused when the connector is made.
fn refused(more: &Json) -> String {
    let file = file("a\n");
    let error = blaster().makers()[0].open(&config(&file, more), &TestHost::new());
    let error = error.err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    assert!(refused(&json!({})).contains("neither `iterations` nor `duration_s`"));
    assert!(refused(&json!({ "iterations": 1, "duration_s": 1 })).contains("both"));
    assert!(refused(&json!({ "iterations": 0 })).contains("`iterations` is 0"));
    assert!(refused(&json!({ "duration_s": 0 })).contains("`duration_s` is 0"));
    assert!(refused(&json!({ "duration_s": -1 })).contains("`duration_s` is -1"));
    assert!(refused(&json!({ "iterations": 1, "rate_per_s": 0 })).contains("`rate_per_s` is 0"));
    assert!(
        refused(&json!({ "iterations": 1, "chunk_events": 0 })).contains("`chunk_events` is 0")
    );
    assert!(refused(&json!({ "file": "x", "interval": 1 })).contains("`interval`"));
}

#[test]
fn a_file_that_cannot_be_replayed_is_named_when_connecting() {
    let empty = file("");
    let gone = empty.path().with_extension("gone");
    let folder = tempfile::tempdir().unwrap();
    for (path, reason) in [
        (gone.as_path(), "No such file"),
        (folder.path(), "directory"),
        (empty.path(), "is empty"),
    ] {
        for maker in blaster().makers() {
            let config = json!({ "file": path, "iterations": 1 }).to_string();
            let mut connector = maker.open(&config, &TestHost::new()).unwrap();
            let error = connector.start(Side::Source).err().expect("an error");
            let message = error.to_string();
            assert!(
                message.contains(&format!("`{}`", path.display())),
                "{message}"
            );
            assert!(message.contains(reason), "{message}");
        }
    }
}
