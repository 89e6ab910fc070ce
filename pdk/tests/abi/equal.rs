//! The same commands give the same replies and the same calls of author code.

use std::sync::{Arc, Mutex};

use temblor_pdk::abi::FateSink;
use temblor_pdk::{
    Batch, BatchBuilder, Buffer, Command, Error, ErrorKind, Event, Fate, FateRange, Fates, Kind,
    LaneStart, Outcome, PullLimits, PullNumber, Reply, Value,
};

use super::connectors::KEPT;
use super::{MODES, Mode, TestHost, entry, give, pull};

/// A reply in words, with everything that its events say.
fn said(reply: &Reply) -> String {
    match reply {
        Ok(Outcome::Batch(batch, _) | Outcome::End(Some(batch), _)) => {
            format!("{reply:?} {:?}", batch.events())
        }
        other => format!("{other:?}"),
    }
}

/// Runs `work` in both modes; what it returns and what the host logged must be the same.
fn same(work: impl Fn(Mode, &TestHost) -> Vec<String>) -> Vec<String> {
    let run = |mode| {
        let host = TestHost::new();
        let mut told = work(mode, &host);
        told.extend(host.messages());
        told
    };
    let [native, abi] = MODES.map(run);
    assert_eq!(native, abi);
    native
}

#[test]
fn the_life_of_a_connector() {
    let told = same(|mode, host| {
        let mut connector = mode.connector("probe", "{}", host).expect("a connector");
        let life = [
            Command::Connect,
            Command::Start,
            Command::Pause,
            Command::Resume,
            Command::Drain,
            Command::Stop,
            Command::Flush,
            Command::CreateSource,
            Command::CreateSink,
        ];
        life.map(|command| said(&give(&mut *connector, command)))
            .to_vec()
    });
    let misdirected = r#"Err(Error { kind: Failed, message: "this side cannot answer `Flush`" })"#;
    assert_eq!(told[6], misdirected);
    assert_eq!(told[7..9], ["Ok(Instance)", "Ok(Instance)"]);
    let expected = [
        "new alias",
        "connect ",
        "start ",
        "pause ",
        "resume ",
        "drain ",
        "stop ",
        "create source ",
        "drop source ",
        "create sink ",
        "drop sink ",
        "drop connector ",
    ];
    assert_eq!(told[9..], expected);
}

#[test]
fn the_commands_of_a_source() {
    let range = |lane, fate, first, last| FateRange {
        lane,
        fate,
        first_pull: first,
        last_pull: last,
        first_event: 1,
        last_event: u32::MAX,
    };
    let told = same(|mode, host| {
        let mut source = mode.source("probe", r#"{"source":"values"}"#, host);
        let limits = PullLimits {
            events: u32::MAX,
            bytes: 77,
        };
        let number = PullNumber {
            source: u32::MAX,
            pull: u64::MAX,
        };
        let start = |position| LaneStart {
            lane: 9,
            position,
            is_kept: position == Some(0),
        };
        let commands = [
            Command::Pull(limits, number),
            Command::Fates(vec![]),
            Command::Fates(vec![
                range(1, Fate::Acked, 0, 5),
                range(2, Fate::Failed, 6, u64::MAX),
            ]),
            Command::Assigned(start(None)),
            Command::Assigned(start(Some(0))),
            Command::Assigned(start(Some(u64::MAX))),
            Command::Revoke(u32::MAX, u64::MAX),
            Command::Stored(u32::MAX, u64::MAX),
            Command::Lost(8),
            Command::Undecodable(7, u64::MAX, String::from("no \u{1f4a5} here")),
            Command::Connect,
        ];
        commands
            .map(|command| said(&give(&mut *source.side, command)))
            .to_vec()
    });
    assert!(told[0].contains("event 2 of 1"), "{}", told[0]);
    assert!(
        told[0].contains("pull: 18446744073709551615, event: 2"),
        "{}",
        told[0]
    );
    assert!(told[0].contains("lane: 3, stream: 4"), "{}", told[0]);
    assert!(told[10].contains("cannot answer"), "{}", told[10]);
    let calls = told[11..].join("\n");
    for call in [
        "pull 4294967295 77",
        "fates []",
        "fate: Failed, first_pull: 6, last_pull: 18446744073709551615, first_event: 1, last_event: 4294967295",
        "assigned LaneStart { lane: 9, position: None, is_kept: false }",
        "assigned LaneStart { lane: 9, position: Some(0), is_kept: true }",
        "assigned LaneStart { lane: 9, position: Some(18446744073709551615), is_kept: false }",
        "stored 4294967295 18446744073709551615",
        "revoke 4294967295 18446744073709551615",
        "lost 8",
        "undecodable 7 18446744073709551615 no \u{1f4a5} here",
    ] {
        assert!(calls.contains(call), "{call} is not in {calls}");
    }
}

#[test]
fn a_source_of_bytes_ends() {
    let told = same(|mode, host| {
        let mut source = mode.source("probe", r#"{"source":"bytes","pulls":2}"#, host);
        (0..3)
            .map(|_| said(&give(&mut *source.side, pull())))
            .collect()
    });
    assert_eq!(told[0], told[1]);
    assert!(told[0].starts_with("Ok(Batch(3))"), "{}", told[0]);
    assert_eq!(told[2], "Ok(End(0))");
}

#[test]
fn lanes_and_positions_cross() {
    let told = same(|mode, host| {
        let mut source = mode.source("probe", r#"{"source":"lanes","pulls":8}"#, host);
        (0..9)
            .map(|_| match give(&mut *source.side, pull()) {
                Ok(Outcome::Batch(batch, position)) => format!("{} to {position:?}", batch.len()),
                reply => said(&reply),
            })
            .collect()
    });
    let expected = [
        "Ok(Begin { lane: 7, name: \"tä/7\", committed: None })",
        "Ok(Begin { lane: 4294967295, name: \"\", committed: Some(18446744073709551615) })",
        "Ok(End { lane: 8, deadline_ns: 9 })",
        "Ok(Lose { lane: 10 })",
        "3 to Some(0)",
    ];
    assert_eq!(told[..5], expected);
    for misuse in &told[5..7] {
        assert!(misuse.contains("kind: Bug"), "{misuse}");
        assert!(
            misuse.contains("lane 10 and more; a notice has a pull of its own"),
            "{misuse}"
        );
    }
    assert_eq!(told[7..9], ["Ok(Idle)", "Ok(End(0))"]);
}

#[derive(Default)]
struct Settled(Mutex<Vec<String>>);

impl FateSink for Settled {
    fn settle(&self, write: u64, range: std::ops::Range<usize>, error: Option<Error>) {
        let mut told = self.0.lock().expect("no panic");
        told.push(format!("{write} {range:?} {error:?}"));
    }
}

fn batch() -> Batch {
    let mut builder = BatchBuilder::new();
    builder.push_bytes("one");
    builder.push_bytes("two");
    builder.seal()
}

trait PushBytes {
    fn push_bytes(&mut self, text: &str);
}

impl PushBytes for BatchBuilder {
    fn push_bytes(&mut self, text: &str) {
        self.push_buffer(Buffer::from_vec(text.into()), |bytes, sink| {
            sink.push(Event::new(Value::bytes(bytes)));
        });
    }
}

#[test]
fn a_sink_settles() {
    for how in ["", "split", "fail"] {
        let told = same(|mode, host| {
            let mut sink = mode.sink("probe", &format!(r#"{{"source":"{how}"}}"#), host);
            let settled = Arc::new(Settled::default());
            let fates = Fates::new(Arc::clone(&settled), 7, 2);
            let replies = [Command::Write(batch(), fates), Command::Flush, pull()]
                .map(|command| said(&give(&mut *sink.side, command)));
            drop(sink);
            let mut told = settled.0.lock().expect("no panic").clone();
            assert_eq!(Arc::strong_count(&settled), 1);
            told.extend(replies);
            told
        });
        let gone = r#"7 0..2 Some(Error { kind: Disconnected, message: "gone" })"#;
        let much = r#"7 1..2 Some(Error { kind: Rejected, message: "too much" })"#;
        let expected: &[&str] = match how {
            "split" => &["7 0..1 None", much, "7 2..2 None"],
            "fail" => &[gone],
            _ => &["7 0..2 None"],
        };
        assert_eq!(told[..expected.len()], *expected);
    }
}

#[test]
fn a_batch_crosses_without_being_copied() {
    for mode in MODES {
        let host = TestHost::new();
        let mut sink = mode.sink("probe", r#"{"source":"keep"}"#, &host);
        let batch = batch();
        let fates = Fates::new(Arc::new(Settled::default()), 0, 2);
        let written = give(&mut *sink.side, Command::Write(batch.clone(), fates));
        assert!(matches!(written, Ok(Outcome::Done)));
        let (kept, _) = KEPT.lock().expect("no panic").pop().expect("a batch");
        assert_eq!(kept.events().as_ptr(), batch.events().as_ptr());
    }
}

#[test]
fn errors_keep_their_kind_and_words() {
    for kind in 1..=5 {
        let expected = ErrorKind::from_code(kind);
        let config = |place| format!(r#"{{"fail":"{place}","kind":{kind}}}"#);
        for mode in MODES {
            let host = TestHost::new();
            let made = mode.connector("probe", &config("new"), &host).err();
            assert_eq!(made, Some(Error::new(expected, "new fails")));
            let mut source = mode.source("probe", &config("pull"), &host);
            let pulled = give(&mut *source.side, pull()).err();
            assert_eq!(pulled, Some(Error::new(expected, "pull fails")));
        }
    }
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let told = same(|mode, host| {
        let refuse = |config| {
            let error = mode
                .connector("probe", config, host)
                .err()
                .expect("refused");
            assert_eq!(error.kind(), ErrorKind::Config);
            error.message().to_owned()
        };
        ["{", r#"{"unknown":1}"#, "[]5", ""].map(refuse).to_vec()
    });
    assert!(told[1].contains("unknown field `unknown`"), "{}", told[1]);
}

#[test]
fn descriptions_say_what_entries_say() {
    let entry = entry(Kind::Connector, "probe");
    let description = entry.describe();
    assert_eq!(description.kind(), Some(entry.kind()));
    assert_eq!(description.name(), entry.name());
    assert_eq!(description.version(), entry.version());
    assert_eq!(description.crate_name(), "temblor-pdk");
    assert_eq!(description.summary(), entry.summary());
    assert_eq!(description.example(), entry.example());
    assert_eq!(description.source(), entry.source());
    assert_eq!(description.sink(), entry.sink());
    assert_eq!(description.schema(), entry.schema());
    assert!(description.schema().contains("Where it panics"));
    assert!(!description.aborts_on_panic());
    let codec = description
        .codec("{}")
        .err()
        .map(|e| e.message().to_owned());
    assert_eq!(codec.as_deref(), Some("`probe` is not a codec"));
    let codec = entry.make_codec("{}").err().map(|e| e.message().to_owned());
    assert_eq!(codec.as_deref(), Some("`probe` is not a codec"));
}
