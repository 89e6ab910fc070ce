//! Processors that know of time, or make another number of frames of events: `ingest-ns`, `gelf-chunking`, `chunk` and
//! `collect`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use std::cell::Cell;

use properties::{Frames, entry, frames_of, postprocessor, preprocessors};
use proptest::prelude::*;
use temblor_pdk::{DynPostprocessor, DynPreprocessor, Frame, FrameSink, Kind};

const SECOND: u64 = 1_000_000_000;

/// The frames of what the last call appended.
fn cut(step: &dyn DynPostprocessor, out: &[u8]) -> Vec<Vec<u8>> {
    let Some(ends) = step.ends() else {
        return vec![out.to_vec()];
    };
    let mut start = 0;
    let frame = |end: &usize| out[std::mem::replace(&mut start, *end)..*end].to_vec();
    let frames = ends.iter().map(frame).collect();
    assert_eq!(start, out.len(), "frames are all that was appended");
    frames
}

/// What a postprocessor makes of a batch; of an event that it refuses, why.
fn batch(step: &mut dyn DynPostprocessor, events: &[&[u8]]) -> Frames {
    let mut found = Vec::new();
    for event in events {
        let mut out = Vec::new();
        match step.process(event, &mut out) {
            Ok(()) => found.extend(cut(step, &out).into_iter().map(Ok)),
            Err(error) => found.push(Err(error.message().to_owned())),
        }
    }
    let mut out = Vec::new();
    step.flush(&mut out).unwrap();
    found.extend(
        cut(step, &out)
            .into_iter()
            .filter(|frame| !frame.is_empty())
            .map(Ok),
    );
    found
}

/// What a preprocessor makes of pieces, each with the time at which it came in; at the end of it their times.
fn timed(step: &mut dyn DynPreprocessor, pieces: &[(u64, &[u8])]) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for (ingest_ns, piece) in pieces {
        let time = Cell::new(*ingest_ns);
        let mut take = |frame: Frame<'_, '_>| match frame {
            Frame::Part(bytes) | Frame::Made(bytes) => {
                found.push((String::from_utf8_lossy(bytes).into_owned(), time.get()));
            }
            Frame::Failed(error) | Frame::FailedPart(_, error) => {
                found.push((format!("! {}", error.message()), time.get()));
            }
        };
        step.process(piece, &mut FrameSink::new(&mut take).with_time(&time))
            .unwrap();
    }
    found
}

fn chunk(id: u64, number: u8, count: u8, data: &[u8]) -> Vec<u8> {
    [&b"\x1e\x0f"[..], &id.to_be_bytes(), &[number, count], data].concat()
}

#[test]
fn times_go_with_events() {
    let mut writer = postprocessor("ingest-ns", "{}");
    let mut bytes = Vec::new();
    writer.came_in(0x0102_0304_0506_0708);
    writer.process(b"event", &mut bytes).unwrap();
    assert_eq!(bytes, b"\x01\x02\x03\x04\x05\x06\x07\x08event");
    for mut reader in preprocessors("ingest-ns", "{}") {
        let found = timed(
            reader.as_mut(),
            &[(5, &bytes), (6, b"\0\0\0\0\0\0\0\x01"), (7, b"short")],
        );
        let refused = "! a frame of 5 bytes is too short for an ingest time, which has 8";
        let expected = [("event", 0x0102_0304_0506_0708), ("", 1), (refused, 7)];
        assert_eq!(
            found,
            expected.map(|(frame, time)| (frame.to_owned(), time))
        );
    }
}

#[test]
fn chunks_come_together_in_any_order() {
    let (a, b) = (
        |n, data| chunk(1, n, 3, data),
        |n, data| chunk(2, n, 2, data),
    );
    let pieces = [
        a(2, b"c"),
        b(1, b"y"),
        a(0, b"a"),
        a(0, b"again"),
        b(0, b"x"),
        a(1, b"b"),
    ];
    let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
    for mut step in preprocessors("gelf-chunking", "{}") {
        let found = frames_of(step.as_mut(), &pieces);
        assert_eq!(found, [Ok(b"xy".to_vec()), Ok(b"abc".to_vec())]);
    }
    // An id can be used again, and what is no chunk passes.
    let again = [
        &chunk(1, 0, 1, b"one")[..],
        b"plain",
        &chunk(1, 0, 1, b"two"),
        b"",
    ];
    for mut step in preprocessors("gelf-chunking", "{}") {
        let found = frames_of(step.as_mut(), &again);
        assert_eq!(
            found,
            [&b"one"[..], b"plain", b"two", b""].map(|frame| Ok(frame.to_vec()))
        );
    }
}

#[test]
fn chunks_that_cannot_be() {
    let table = [
        (
            b"\x1e\x0f1234567".to_vec(),
            "a chunk of 9 bytes is shorter than its header, which has 12",
        ),
        (
            chunk(1, 0, 0, b""),
            "a chunk says that its message has 0 chunks, and it can have 1 to 128",
        ),
        (
            chunk(1, 0, 129, b""),
            "a chunk says that its message has 129 chunks, and it can have 1 to 128",
        ),
        (
            chunk(1, 3, 3, b""),
            "a chunk says that it is number 3, counted from 0, of 3",
        ),
        (
            chunk(7, 0, 3, b""),
            "a chunk says that its message has 3 chunks, and those before it said 2",
        ),
    ];
    for (piece, expected) in table {
        let [mut step, _] = preprocessors("gelf-chunking", "{}");
        let found = frames_of(
            step.as_mut(),
            &[&chunk(7, 0, 2, b"x"), &piece, &chunk(7, 1, 2, b"y")],
        );
        assert_eq!(found, [Err(expected.to_owned()), Ok(b"xy".to_vec())]);
    }
}

#[test]
fn incomplete_messages_are_given_up_in_time() {
    let [mut step, _] = preprocessors("gelf-chunking", "{}");
    let first = chunk(1, 0, 2, b"a");
    let found = timed(
        step.as_mut(),
        &[
            (SECOND, &first),
            (6 * SECOND, b"five"),
            (6 * SECOND + 1, b"more"),
        ],
    );
    let reason = "! message 0000000000000001 is incomplete, with 1 of its 2 chunks, and given up: it has taken longer than `timeout_ms`, which is 5000";
    let texts: Vec<_> = found.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["five", reason, "more"]);
    assert_eq!(step.held(), 0);
    // The other half of it begins anew, and the end gives it up too.
    let found = frames_of(step.as_mut(), &[&chunk(1, 1, 2, b"b")]);
    assert!(
        found[0]
            .as_ref()
            .unwrap_err()
            .ends_with("given up: the stream has ended")
    );
}

/// A million messages of which none is ever complete.
#[test]
fn incomplete_messages_are_bounded() {
    let [mut step, _] = preprocessors("gelf-chunking", r#"{"max_messages": 3}"#);
    let mut given_up = 0;
    let mut take = |frame: Frame<'_, '_>| match frame {
        Frame::Failed(error) => {
            assert!(
                error
                    .message()
                    .ends_with("there are more than `max_messages`, which is 3")
            );
            given_up += 1;
        }
        other => panic!("{other:?}"),
    };
    for id in 0..1_000_000 {
        let piece = chunk(id, 0, 2, b"data");
        step.process(&piece, &mut FrameSink::new(&mut take))
            .unwrap();
        assert!(step.held() <= 3 * 16);
    }
    assert_eq!(given_up, 999_997);
    let [mut step, _] = preprocessors("gelf-chunking", r#"{"max_bytes": 1000}"#);
    for id in 0..100 {
        let mut take = |_: Frame<'_, '_>| ();
        step.process(&chunk(id, 0, 2, &[0; 300]), &mut FrameSink::new(&mut take))
            .unwrap();
        assert!(step.held() <= 1_000);
    }
}

#[test]
fn messages_are_taken_apart() {
    let mut step = postprocessor("gelf-chunking", r#"{"chunk_size": 15}"#);
    step.came_in(0x1_0002);
    let found = batch(
        step.as_mut(),
        &[b"fifteen bytes !", b"sixteen bytes !!", b"sixteen bytes !?"],
    );
    assert_eq!(found.len(), 1 + 6 + 6);
    assert_eq!(found[0], Ok(b"fifteen bytes !".to_vec()));
    assert_eq!(found[1], Ok(chunk(0x0002, 0, 6, b"six")));
    assert_eq!(found[6], Ok(chunk(0x0002, 5, 6, b"!")));
    assert_eq!(found[7], Ok(chunk(0x1_0002, 0, 6, b"six")));
    let too_long = vec![b'x'; 128 * 3 + 1];
    let found = batch(step.as_mut(), &[&too_long]);
    let expected = "an event of 385 bytes does not fit into 128 chunks, which hold 384 together\nhelp: raise `chunk_size` of `gelf-chunking`, or compress before it";
    assert_eq!(found, [Err(expected.to_owned())]);
}

/// Frames with `;` between them, those that were refused as `!`.
fn show(found: &Frames) -> String {
    let text = |frame: &Result<Vec<u8>, String>| match frame {
        Ok(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Err(_) => "!".into(),
    };
    found.iter().map(text).collect::<Vec<_>>().join(";")
}

#[test]
fn events_share_frames() {
    let config = r#"{"max_bytes": 4}"#;
    let table: &[(&[&[u8]], &str, &str)] = &[
        (&[], "", ""),
        (&[b"ab"], "ab", "ab"),
        (&[b"ab", b"cd", b"e"], "abcd;e", "abcd;e"),
        (&[b"abc", b"de", b"f"], "abc;def", "abcde;f"),
        (&[b"abcd", b"", b"e"], "abcd;e", "abcd;e"),
        (&[b"a", b"bcdef", b"g"], "!;ag", "abcdef;g"),
    ];
    for (events, chunked, collected) in table {
        let found = batch(postprocessor("chunk", config).as_mut(), events);
        assert_eq!(show(&found), *chunked);
        let found = batch(postprocessor("collect", config).as_mut(), events);
        assert_eq!(show(&found), *collected);
    }
    let found = batch(postprocessor("chunk", config).as_mut(), &[b"abcde"]);
    let expected = "an event of 5 bytes is longer than `max_bytes`, which is 4\nhelp: raise `max_bytes` of `chunk`";
    assert_eq!(found, [Err(expected.to_owned())]);
}

#[test]
fn settings_that_cannot_work() {
    let table = [
        (
            Kind::Preprocessor,
            "gelf-chunking",
            r#"{"max_messages": 0}"#,
            "`max_messages` is 0",
        ),
        (
            Kind::Preprocessor,
            "gelf-chunking",
            r#"{"timeout_ms": 0}"#,
            "`timeout_ms` is 0",
        ),
        (
            Kind::Postprocessor,
            "gelf-chunking",
            r#"{"chunk_size": 12}"#,
            "`chunk_size` is 12",
        ),
        (
            Kind::Postprocessor,
            "chunk",
            "{}",
            "missing field `max_bytes`",
        ),
        (
            Kind::Postprocessor,
            "collect",
            r#"{"max_bytes": 0}"#,
            "`max_bytes` is 0",
        ),
    ];
    for (kind, name, config, expected) in table {
        let entry = entry(kind, name);
        let error = match kind {
            Kind::Preprocessor => entry.make_preprocessor(config).err(),
            _ => entry.make_postprocessor(config).err(),
        };
        let error = error.expect(config);
        assert!(error.message().contains(expected), "{error}");
    }
}

proptest! {
    #[test]
    fn messages_come_back_in_any_order(
        events in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..5),
        order: u64,
    ) {
        let mut writer = postprocessor("gelf-chunking", r#"{"chunk_size": 32}"#);
        let slices: Vec<_> = events.iter().map(Vec::as_slice).collect();
        // What looks like a chunk and is a message cannot be told apart.
        prop_assume!(slices.iter().all(|event| !event.starts_with(b"\x1e\x0f")));
        let mut pieces: Vec<_> = batch(writer.as_mut(), &slices).into_iter().map(Result::unwrap).collect();
        pieces.sort_by_key(|piece| piece.iter().fold(order, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)));
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        for mut reader in preprocessors("gelf-chunking", "{}") {
            let mut found: Vec<_> = frames_of(reader.as_mut(), &pieces).into_iter().map(Result::unwrap).collect();
            let mut expected = events.clone();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn any_chunks_are_survived(pieces in prop::collection::vec((0u64..3, 0u8..5, 0u8..5, any::<Vec<u8>>(), 0usize..40), 0..30)) {
        let pieces: Vec<_> = pieces.into_iter().map(|(id, number, count, data, length)| {
            let mut piece = chunk(id, number, count, &data);
            piece.truncate(length);
            piece
        }).collect();
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        let [mut native, mut abi] = preprocessors("gelf-chunking", r#"{"max_messages": 2}"#);
        prop_assert_eq!(frames_of(native.as_mut(), &pieces), frames_of(abi.as_mut(), &pieces));
    }

    #[test]
    fn nothing_is_lost_in_packets(events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20), max_bytes in 40usize..100) {
        let config = format!(r#"{{"max_bytes": {max_bytes}}}"#);
        let slices: Vec<_> = events.iter().map(Vec::as_slice).collect();
        for name in ["chunk", "collect"] {
            let frames: Vec<_> = batch(postprocessor(name, &config).as_mut(), &slices).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(frames.concat(), events.concat());
            prop_assert!(frames.iter().all(|frame| frame.len() <= max_bytes || name == "collect"));
        }
    }
}
