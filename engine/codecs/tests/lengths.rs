//! `length-prefixed` and `textual-length-prefixed`, seen from outside, called as Rust and through the C ABI.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::{Frames, frames, frames_of, made, postprocessor, preprocessors};
use proptest::prelude::*;
use temblor_pdk::{Frame, FrameSink};

const BINARY: &str = "length-prefixed";
const TEXTUAL: &str = "textual-length-prefixed";

/// What a preprocessor makes of pieces, the same as Rust and through the C ABI.
fn run(name: &str, config: &str, pieces: &[&[u8]]) -> Frames {
    let [mut native, mut abi] = preprocessors(name, config);
    let found = frames_of(native.as_mut(), pieces);
    assert_eq!(frames_of(abi.as_mut(), pieces), found);
    found
}

/// The frames as text with `;` between them, and the reasons of those that failed.
fn show(name: &str, config: &str, pieces: &[&[u8]]) -> (String, Vec<String>) {
    let found = run(name, config, pieces);
    let text = |frame: &Result<Vec<u8>, String>| match frame {
        Ok(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => "!".to_owned(),
    };
    let texts: Vec<_> = found.iter().map(text).collect();
    (
        texts.join(";"),
        found.into_iter().filter_map(Result::err).collect(),
    )
}

fn prefixed(length: u64, bytes: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes(), bytes].concat()
}

#[test]
fn an_empty_frame_is_a_frame() {
    let zero = prefixed(0, b"");
    assert_eq!(run(BINARY, "{}", &[&zero]), [Ok(vec![])]);
    assert_eq!(run(TEXTUAL, "{}", &[b"0 "]), [Ok(vec![])]);
    // It does not wait for what comes behind it.
    for (name, stream) in [(BINARY, zero.as_slice()), (TEXTUAL, b"0 ")] {
        let [mut step, _] = preprocessors(name, "{}");
        let mut found = 0;
        let mut take = |_: Frame<'_, '_>| found += 1;
        step.process(stream, &mut FrameSink::new(&mut take))
            .unwrap();
        assert_eq!((found, step.held()), (1, 0), "{name}");
    }
}

#[test]
fn lengths_that_nobody_means() {
    for (length, expected) in [
        (1u64 << 31, "raise `max_length` of `length-prefixed`"),
        (1 << 63, "see whether the other side"),
        (u64::MAX, "see whether the other side"),
    ] {
        let stream = prefixed(length, b"abc");
        let found = run(BINARY, "{}", &[&stream]);
        let error = found[0].as_ref().unwrap_err();
        let start = format!(
            "a frame of {length} bytes is longer than `max_length`, which is 16777216\nhelp: "
        );
        assert!(
            error.starts_with(&start) && error.contains(expected),
            "{error}"
        );
        assert_eq!(found.len(), 1);
    }
    assert_eq!(
        run(BINARY, "{}", &[&prefixed(1, b"abc")])[0],
        Ok(b"a".to_vec())
    );
    let good = prefixed(4, b"good");
    let bad = prefixed(u64::MAX, b"abc");
    assert_eq!(show(BINARY, "{}", &[&bad, &good]).0, "!;good");
}

#[test]
fn what_is_too_long_is_left_out() {
    let config = r#"{"max_length": 3}"#;
    let stream = [
        prefixed(3, b"abc"),
        prefixed(5, b"abcde"),
        prefixed(1, b"x"),
    ]
    .concat();
    assert_eq!(show(BINARY, config, &[&stream]).0, "abc;!;x");
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(show(BINARY, config, &bytes).0, "abc;!;x");
    let stream = b"3 abc5 abcde1 x";
    assert_eq!(show(TEXTUAL, config, &[stream]).0, "abc;!;x");
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(show(TEXTUAL, config, &bytes).0, "abc;!;x");
}

#[test]
fn words_that_are_no_lengths() {
    let table = [
        (
            "99999999999999999999 5 hello",
            "!;hello",
            "a frame of 18446744073709551615 bytes",
        ),
        ("-1 5 hello", "!;hello", "found \"-\" where"),
        ("+5 5 hello", "!;hello", "found \"+\" where"),
        ("0x10 5 hello", "!;hello", "found \"0x\" where"),
        (" 5 hello", "!;hello", "found \" \" where"),
        (
            "123456789012345678901 5 hello",
            "!;hello",
            "found \"123456789012345678901\" where",
        ),
        (
            "many words in a row 5 hello",
            "!;hello",
            "found \"m\" where",
        ),
        ("5\nhello 5 hello", "!;hello", "found \"5\\n\" where"),
        ("1e3 5 hello", "!;hello", "found \"1e\" where"),
        ("00000000000000000005 hello", "hello", ""),
    ];
    for (stream, expected, reason) in table {
        let (found, errors) = show(TEXTUAL, "{}", &[stream.as_bytes()]);
        assert_eq!(found, expected, "{stream}");
        assert!(
            errors.iter().all(|error| error.contains(reason)),
            "{errors:?}"
        );
        let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
        assert_eq!(show(TEXTUAL, "{}", &bytes), (found, errors), "{stream}");
    }
    assert_eq!(run(TEXTUAL, "{}", &[b""]), []);
}

#[test]
fn every_truncation_is_told() {
    let streams = [
        (BINARY, prefixed(5, b"hello")),
        (TEXTUAL, b"5 hello".to_vec()),
    ];
    for (name, stream) in streams {
        for length in 1..stream.len() {
            let (found, errors) = show(name, "{}", &[&stream[..length]]);
            assert_eq!(found, "!");
            let start = "the stream ends within ";
            assert!(errors[0].starts_with(start), "{errors:?}");
        }
    }
    let (_, errors) = show(BINARY, "{}", &[&prefixed(5, b"hel")]);
    assert_eq!(
        errors,
        ["the stream ends within a frame, with 3 of its 5 bytes"]
    );
}

#[test]
fn what_is_held_is_said() {
    for (name, stream) in [
        (BINARY, prefixed(5, b"hello")),
        (TEXTUAL, b"5 hello".to_vec()),
    ] {
        for mut step in preprocessors(name, "{}") {
            let mut take = |_: Frame<'_, '_>| ();
            let mut sink = FrameSink::new(&mut take);
            for (at, byte) in stream.chunks(1).enumerate() {
                assert_eq!(step.held(), at);
                step.process(byte, &mut sink).unwrap();
            }
            assert_eq!(step.held(), 0);
        }
    }
}

/// Memory is given to what has arrived, not to what was announced.
#[test]
fn announced_bytes_take_no_memory() {
    let config = r#"{"max_length": 1099511627776}"#;
    for (name, prefix) in [
        (BINARY, (1u64 << 40).to_be_bytes().to_vec()),
        (TEXTUAL, b"1099511627776 ".to_vec()),
    ] {
        let [mut step, _] = preprocessors(name, config);
        let mut take = |frame: Frame<'_, '_>| panic!("{frame:?}");
        let mut sink = FrameSink::new(&mut take);
        step.process(&prefix, &mut sink).unwrap();
        step.process(b"abc", &mut sink).unwrap();
        assert_eq!(step.held(), prefix.len() + 3);
    }
}

#[test]
fn frames_within_a_piece_are_not_copied() {
    for (name, stream) in [
        (BINARY, prefixed(5, b"hello")),
        (TEXTUAL, b"5 hello".to_vec()),
    ] {
        let [mut step, _] = preprocessors(name, "{}");
        let mut parts = 0;
        let mut take = |frame: Frame<'_, '_>| match frame {
            Frame::Part(b"hello") => parts += 1,
            other => panic!("{other:?}"),
        };
        step.process(&stream, &mut FrameSink::new(&mut take))
            .unwrap();
        assert_eq!(parts, 1);
    }
}

#[test]
fn settings_that_cannot_work() {
    for name in [BINARY, TEXTUAL] {
        let entry = properties::entry(temblor_pdk::Kind::Preprocessor, name);
        let error = entry
            .make_preprocessor(r#"{"max_length": 0}"#)
            .err()
            .unwrap();
        assert!(error.message().contains("`max_length` is 0"), "{error}");
        assert!(entry.make_preprocessor(r#"{"max": 1}"#).is_err());
    }
}

proptest! {
    #[test]
    fn any_events_come_back_however_the_stream_is_cut(
        events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        cuts in prop::collection::vec(0usize..200, 0..8),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let expected: Vec<_> = events.iter().cloned().map(Ok).collect();
        for name in [BINARY, TEXTUAL] {
            let mut writer = postprocessor(name, "{}");
            let stream: Vec<_> = events.iter().flat_map(|event| made(writer.as_mut(), event)).collect();
            for mut step in preprocessors(name, "{}") {
                prop_assert_eq!(frames(step.as_mut(), &stream, &cuts), expected.clone());
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(
        bytes: Vec<u8>,
        digits in "[0-9 a+-]{0,60}",
        cuts in prop::collection::vec(0usize..100, 0..8),
        max_length in 1usize..40,
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let config = format!(r#"{{"max_length": {max_length}}}"#);
        for bytes in [&bytes, digits.as_bytes()] {
            let [mut whole, mut cut] = preprocessors(TEXTUAL, &config);
            // Wherever the stream is cut, the same comes out.
            prop_assert_eq!(frames(whole.as_mut(), bytes, &[]), frames(cut.as_mut(), bytes, &cuts));
            let [mut binary, _] = preprocessors(BINARY, &config);
            for frame in frames(binary.as_mut(), bytes, &cuts).into_iter().flatten() {
                prop_assert!(frame.len() <= max_length);
            }
        }
    }
}
