//! Preprocessor and postprocessor `separate`, seen from outside, called as Rust and through the C ABI.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use std::hint::black_box;

use properties::{appender, entry, frames, separate_is_blind_to_cuts, separators};
use proptest::prelude::*;
use temblor_pdk::{Frame, FrameSink, Kind};

/// Runs pieces and shows the frames with `;` between them, errors as `!`.
fn show(config: &str, pieces: &[&str]) -> String {
    let stream = pieces.concat();
    let ends = pieces.iter().scan(0, |end, piece| {
        *end += piece.len();
        Some(*end)
    });
    let cuts: Vec<_> = ends.collect();
    let mut shown = Vec::new();
    for mut separate in separators(config) {
        let found = frames(separate.as_mut(), stream.as_bytes(), &cuts);
        let frame = |frame: &Result<Vec<u8>, String>| match frame {
            Ok(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            Err(_) => "!".into(),
        };
        let found: Vec<_> = found.iter().map(frame).collect();
        shown.push(format!("{} of {}", found.join(";"), found.len()));
    }
    assert_eq!(shown[0], shown[1]);
    shown.remove(0)
}

#[test]
fn cuts_at_separators() {
    let table: &[(&[&str], &str)] = &[
        (&[""], " of 0"),
        (&["a\nb\n"], "a;b of 2"),
        (&["a\nb"], "a;b of 2"),
        (&["a", "b\nc", "", "d\n", "e"], "ab;cd;e of 3"),
        (&["\n\na\n\n"], ";;a; of 4"),
        (&["\n", "\n"], "; of 2"),
        (&["a\r\nb\r", "\n"], "a\r;b\r of 2"),
    ];
    for (pieces, expected) in table {
        assert_eq!(show("{}", pieces), *expected, "{pieces:?}");
    }
}

#[test]
fn settings() {
    let bar = r#"{"separator": "|"}"#;
    assert_eq!(show(bar, &["a|b\nc", "|"]), "a;b\nc of 2");
    let at_once = r#"{"buffered": false}"#;
    assert_eq!(show(at_once, &["a\nb", "c\n", "", "\nd"]), "a;b;c;;d of 5");
    let short = r#"{"max_length": 3}"#;
    assert_eq!(
        show(short, &["abc\nabcd\nab", "c\nab", "cd", "efg\nabc"]),
        "abc;!;abc;!;abc of 5"
    );
    assert_eq!(show(short, &["a\nabcd"]), "a;! of 2");
    let both = r#"{"max_length": 3, "buffered": false}"#;
    assert_eq!(show(both, &["abc\nabcd", "abc"]), "abc;!;abc of 3");
}

#[test]
fn settings_that_cannot_work() {
    let table = [
        (
            r#"{"separator": ""}"#,
            "`separator` is \"\", which has 0 bytes",
        ),
        (
            r#"{"separator": "\r\n"}"#,
            "`separator` is \"\\r\\n\", which has 2 bytes",
        ),
        (
            r#"{"separator": "é"}"#,
            "`separator` is \"é\", which has 2 bytes",
        ),
        (r#"{"max_length": 0}"#, "`max_length` is 0"),
        (r#"{"max_length": -1}"#, "invalid value"),
        (r#"{"maxlength": 1}"#, "unknown field `maxlength`"),
    ];
    let entry = entry(Kind::Preprocessor, "separate");
    for (config, expected) in table {
        let error = entry.make_preprocessor(config).err().expect(config);
        assert!(error.message().contains(expected), "{error}");
    }
}

#[test]
fn a_frame_that_is_too_long_names_its_length_and_the_limit() {
    let stream = format!("{}\nok\n", "x".repeat(100));
    for mut separate in separators(r#"{"max_length": 9}"#) {
        let found = frames(separate.as_mut(), stream.as_bytes(), &[40, 80]);
        let expected = "frame of 100 bytes is longer than `max_length`, which is 9\n\
                        help: raise `max_length` of `separate`";
        assert_eq!(found, [Err(expected.to_owned()), Ok(b"ok".to_vec())]);
    }
}

#[test]
fn parts_of_the_piece_are_not_copied() {
    for mut separate in separators("{}") {
        let piece = b"a\nbb\nc";
        let mut parts = Vec::new();
        let mut take = |frame: Frame<'_, '_>| match frame {
            Frame::Part(part) => {
                parts.push((part.as_ptr() as usize - piece.as_ptr() as usize, part.len()))
            }
            other => panic!("{other:?}"),
        };
        separate
            .process(piece, &mut FrameSink::new(&mut take))
            .unwrap();
        assert_eq!(parts, [(0, 1), (2, 2)]);
    }
}

#[test]
fn every_cut_of_mixed_line_ends() {
    let stream = b"\r\n\na\r\nb\rc\n\r\n\r\r\n\n\ndd\r\nee";
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            separate_is_blind_to_cuts(stream, &[first, second], 64);
            separate_is_blind_to_cuts(stream, &[first, second], 2);
        }
    }
}

/// What a piece costs must not grow with what was carried over from earlier ones.
#[test]
fn a_long_line_in_many_pieces() {
    let piece = vec![b'x'; 1024];
    for mut separate in separators(r#"{"max_length": 67108864}"#) {
        let mut lengths = Vec::new();
        let mut take = |frame: Frame<'_, '_>| match frame {
            Frame::Made(bytes) => lengths.push(bytes.len()),
            other => panic!("{other:?}"),
        };
        let mut sink = FrameSink::new(&mut take);
        for _ in 0..65_536 {
            separate.process(black_box(&piece), &mut sink).unwrap();
        }
        separate.process(b"\n", &mut sink).unwrap();
        assert_eq!(lengths, [67_108_864]);
    }
}

/// A stream without any separator: bytes are counted, not kept.
#[test]
fn a_stream_without_separators() {
    let piece = vec![b'x'; 1024 * 1024];
    for mut separate in separators(r#"{"max_length": 1048576}"#) {
        let mut found = Vec::new();
        let mut take = |frame: Frame<'_, '_>| match frame {
            Frame::Failed(error) | Frame::FailedPart(_, error) => {
                found.push(error.message().to_owned())
            }
            other => panic!("{other:?}"),
        };
        let mut sink = FrameSink::new(&mut take);
        for byte in piece.chunks(1) {
            separate.process(byte, &mut sink).unwrap();
        }
        for _ in 1..256 {
            separate.process(black_box(&piece), &mut sink).unwrap();
        }
        separate.finish(&mut sink).unwrap();
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("frame of 268435456 bytes"),
            "{found:?}"
        );
    }
}

#[test]
fn appends_the_separator() {
    let table = [("{}", "a\n"), (r#"{"separator": "|"}"#, "a|")];
    for (config, expected) in table {
        let mut out = b"before".to_vec();
        let mut appender = appender(config);
        appender.process(b"a", &mut out).unwrap();
        appender.finish(&mut out).unwrap();
        assert_eq!(out, [b"before", expected.as_bytes()].concat());
    }
    let entry = entry(Kind::Postprocessor, "separate");
    let error = entry
        .make_postprocessor(r#"{"separator": "ab"}"#)
        .err()
        .unwrap();
    assert!(error.message().contains("which has 2 bytes"), "{error}");
}

proptest! {
    #[test]
    fn any_cuts(
        stream in "[ab\r\n]{0,200}",
        cuts in prop::collection::vec(0usize..200, 0..8),
        max_length in 1usize..12,
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        separate_is_blind_to_cuts(stream.as_bytes(), &cuts, max_length);
    }

    #[test]
    fn any_bytes(stream: Vec<u8>, cuts in prop::collection::vec(0usize..100, 0..8)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        separate_is_blind_to_cuts(&stream, &cuts, 20);
    }
}
