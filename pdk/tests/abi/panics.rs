//! Panics stop at the edge, wherever they start: the instance fails, nothing else does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use temblor_pdk::abi::FateSink;
use temblor_pdk::{BatchBuilder, Command, Error, ErrorKind, Fates, LaneStart, Outcome, Reply};

use super::{MODES, Running, TestHost, give, pull};

fn config(place: &str, bomb: bool) -> String {
    format!(r#"{{"panic":"{place}","bomb":{bomb},"source":"values"}}"#)
}

/// Checks that the reply is a panic of `place`.
fn assert_panicked(reply: Reply, place: &str, bomb: bool) {
    let error = reply.expect_err("a panic is an error");
    assert_eq!(error.kind(), ErrorKind::Bug);
    let expected = match bomb {
        true => "panicked: with a payload that is not text".to_owned(),
        false => format!("panicked: {place} panics"),
    };
    assert_eq!(error.message(), expected);
}

/// Checks that an instance that panicked answers every further command, and can be dropped.
fn assert_poisoned(instance: &mut dyn temblor_pdk::Instance, command: Command) {
    for _ in 0..2 {
        let error = give(instance, Command::Start).expect_err("poisoned");
        assert_eq!(error.kind(), ErrorKind::Bug);
    }
    let error = give(instance, command).expect_err("poisoned");
    assert_eq!(error.message(), "the instance has panicked before");
    instance.interrupt();
}

fn write() -> Command {
    Command::Write(BatchBuilder::new().seal(), fates(Arc::new(Quiet)))
}

fn fates<S: FateSink>(sink: Arc<S>) -> Fates {
    Fates::new(sink, 0, 1)
}

struct Quiet;

impl FateSink for Quiet {
    fn settle(&self, _: u64, _: std::ops::Range<usize>, _: Option<Error>) {}
}

#[test]
fn in_new() {
    for mode in MODES {
        for bomb in [false, true] {
            let host = TestHost::new();
            let made = mode.connector("probe", &config("new", bomb), &host);
            assert_panicked(made.map(Outcome::Instance), "new", bomb);
            assert_eq!(Arc::strong_count(&host.0), 1);
        }
    }
}

#[test]
fn in_every_command_of_a_connector() {
    let commands = [
        ("connect", (|| Command::Connect) as fn() -> Command),
        ("create source", || Command::CreateSource),
        ("create sink", || Command::CreateSink),
        ("start", || Command::Start),
        ("pause", || Command::Pause),
        ("resume", || Command::Resume),
        ("drain", || Command::Drain),
        ("stop", || Command::Stop),
    ];
    for mode in MODES {
        for (place, command) in commands {
            for bomb in [false, true] {
                let host = TestHost::new();
                let made = mode.connector("probe", &config(place, bomb), &host);
                let mut connector = made.expect("a connector");
                assert_panicked(give(&mut *connector, command()), place, bomb);
                assert_poisoned(&mut *connector, command());
                drop(connector);
                assert_eq!(Arc::strong_count(&host.0), 1, "{mode:?} {place}");
            }
        }
    }
}

#[test]
fn in_every_command_of_a_source() {
    let start = LaneStart {
        lane: 0,
        position: None,
        is_kept: true,
    };
    for mode in MODES {
        for (place, command) in [
            ("pull", pull as fn() -> Command),
            ("fates", || Command::Fates(Vec::new())),
            ("revoke", || Command::Revoke(1, 2)),
            ("lost", || Command::Lost(1)),
            ("stored", || Command::Stored(1, 2)),
            ("undecodable", || Command::Undecodable(1, 2, String::new())),
        ] {
            for bomb in [false, true] {
                let host = TestHost::new();
                let Running { mut side, .. } = mode.source("probe", &config(place, bomb), &host);
                assert_panicked(give(&mut *side, command()), place, bomb);
                assert_poisoned(&mut *side, Command::Assigned(start));
            }
        }
    }
}

#[test]
fn in_every_command_of_a_sink() {
    for mode in MODES {
        for (place, command) in [
            ("write", write as fn() -> Command),
            ("flush", || Command::Flush),
        ] {
            for bomb in [false, true] {
                let host = TestHost::new();
                let Running { mut side, .. } = mode.sink("probe", &config(place, bomb), &host);
                assert_panicked(give(&mut *side, command()), place, bomb);
                assert_poisoned(&mut *side, write());
            }
        }
    }
}

#[test]
fn in_drop() {
    for mode in MODES {
        for bomb in [false, true] {
            let host = TestHost::new();
            drop(mode.connector("probe", &config("drop connector", bomb), &host));
            drop(mode.source("probe", &config("drop source", bomb), &host));
            drop(mode.sink("probe", &config("drop sink", bomb), &host));
            let dropped = host
                .messages()
                .iter()
                .filter(|m| m.starts_with("drop"))
                .count();
            assert_eq!(dropped, 5);
            assert_eq!(Arc::strong_count(&host.0), 1);
        }
    }
}

#[test]
fn what_a_panicking_write_had_is_released() {
    for mode in MODES {
        let host = TestHost::new();
        let Running { mut side, .. } = mode.sink("probe", &config("write", false), &host);
        let sink = Arc::new(Quiet);
        let batch = BatchBuilder::new().seal();
        for _ in 0..2 {
            let reply = give(
                &mut *side,
                Command::Write(batch.clone(), fates(Arc::clone(&sink))),
            );
            assert!(reply.is_err());
            assert_eq!(Arc::strong_count(&sink), 1, "{mode:?}");
        }
    }
}

#[test]
fn in_the_host() {
    for mode in MODES {
        let host = TestHost::new();
        let made = mode.connector("probe", r#"{"services":true}"#, &host);
        let mut connector = made.expect("a connector");
        host.0.panics.store(true, Ordering::Relaxed);
        let started = give(&mut *connector, Command::Start);
        assert!(
            matches!(started, Ok(Outcome::Done)),
            "{mode:?}: {started:?}"
        );
        host.0.panics.store(false, Ordering::Relaxed);
        let started = give(&mut *connector, Command::CreateSource);
        assert!(matches!(started, Ok(Outcome::Instance(_))));
    }
}

struct BadSink;

impl FateSink for BadSink {
    fn settle(&self, _: u64, _: std::ops::Range<usize>, _: Option<Error>) {
        panic!("the engine panics");
    }
}

impl Drop for BadSink {
    fn drop(&mut self) {
        panic!("the engine panics again");
    }
}

#[test]
fn in_the_engines_fates() {
    for mode in MODES {
        let host = TestHost::new();
        let Running { mut side, .. } = mode.sink("probe", "{}", &host);
        let batch = BatchBuilder::new().seal();
        let reply = give(&mut *side, Command::Write(batch, fates(Arc::new(BadSink))));
        assert!(matches!(reply, Ok(Outcome::Done)), "{mode:?}: {reply:?}");
    }
}

struct BadWaker;

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        panic!("the executor panics");
    }
}

#[test]
fn in_the_engines_waker() {
    let waker = Waker::from(Arc::new(BadWaker));
    for mode in MODES {
        let host = TestHost::new();
        let Running { mut side, .. } = mode.source("probe", r#"{"source":"wake"}"#, &host);
        let polled = side.poll(Some(pull()), &mut TaskContext::from_waker(&waker));
        match mode {
            // The author's code is called as Rust and so is the waker; the driver's fence is around both.
            super::Mode::Native => assert!(matches!(polled, Poll::Ready(Err(_)))),
            super::Mode::Abi => assert!(matches!(polled, Poll::Ready(Ok(Outcome::Idle)))),
        }
    }
}
