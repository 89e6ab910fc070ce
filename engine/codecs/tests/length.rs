//! Pre- and postprocessors `length-prefixed` and `textual-length-prefixed`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use properties::{entry, frames};
use proptest::prelude::*;
use temblor_pdk::{DynPreprocessor, Kind};

/// A preprocessor, called as Rust and through the C ABI.
fn makers(name: &str, config: &str) -> [Box<dyn DynPreprocessor>; 2] {
    let entry = entry(Kind::Preprocessor, name);
    let native = entry.make_preprocessor(config).unwrap();
    [native, entry.describe().preprocessor(config).unwrap()]
}

/// What a stream becomes that is cut at places: frames, and reasons of failures.
fn cut(name: &str, config: &str, stream: &[u8], cuts: &[usize]) -> Vec<Result<Vec<u8>, String>> {
    let [native, abi] = makers(name, config).map(|mut made| frames(made.as_mut(), stream, cuts));
    assert_eq!(native, abi);
    native
}

fn stream_of(name: &str, events: &[&[u8]]) -> Vec<u8> {
    let mut post = entry(Kind::Postprocessor, name)
        .make_postprocessor("{}")
        .unwrap();
    let mut stream = Vec::new();
    events
        .iter()
        .for_each(|event| post.process(event, &mut stream).unwrap());
    stream
}

const BOTH: [&str; 2] = ["length-prefixed", "textual-length-prefixed"];

#[test]
fn events_come_back_wherever_the_stream_is_cut() {
    let events: [&[u8]; 5] = [b"one", b"", b"three three", b"", b"5"];
    for name in BOTH {
        let stream = stream_of(name, &events);
        let expected: Vec<_> = events.iter().map(|event| Ok(event.to_vec())).collect();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                assert_eq!(cut(name, "{}", &stream, &[first, second]), expected);
            }
        }
        let every: Vec<usize> = (0..stream.len()).collect();
        assert_eq!(cut(name, "{}", &stream, &every), expected);
    }
}

#[test]
fn both_write_what_they_say() {
    assert_eq!(
        stream_of("length-prefixed", &[b"ab"]),
        b"\0\0\0\0\0\0\0\x02ab"
    );
    assert_eq!(
        stream_of("textual-length-prefixed", &[b"ab", b""]),
        b"2 ab0 "
    );
}

#[test]
fn a_frame_that_is_too_long_is_told_at_once_and_left_out() {
    for name in BOTH {
        let stream = stream_of(name, &[b"12345678", b"123456789", b"1"]);
        let found = cut(name, r#"{"max_length": 8}"#, &stream, &[20, 30]);
        assert_eq!(
            (&found[0], &found[2]),
            (&Ok(b"12345678".to_vec()), &Ok(b"1".to_vec()))
        );
        let error = found[1].as_ref().unwrap_err();
        let expected = format!(
            "frame of 9 bytes is longer than `max_length`, which is 8\nhelp: raise `max_length` of `{name}`"
        );
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn lengths_that_cannot_be_take_no_memory() {
    for length in [1 << 31, 1 << 63, u64::MAX] {
        let binary = [&length.to_be_bytes()[..], b"abc"].concat();
        let textual = format!("{length} abc").into_bytes();
        for (name, stream) in BOTH.into_iter().zip([binary, textual]) {
            let found = cut(name, "{}", &stream, &[]);
            assert_eq!(found.len(), 1);
            let error = found[0].as_ref().unwrap_err();
            assert!(
                error.contains(&format!("frame of {length} bytes")),
                "{error}"
            );
        }
    }
}

#[test]
fn what_is_no_length_is_told_once() {
    for bad in [
        " x",
        "-1 x",
        "+5 xxxxx",
        "0x10 x",
        "18446744073709551616 x",
        "99999999999999999999999 x",
    ] {
        let found = cut(
            "textual-length-prefixed",
            "{}",
            format!("1 a{bad}5 abcde").as_bytes(),
            &[],
        );
        assert_eq!(found.len(), 2, "{bad}");
        assert_eq!(found[0], Ok(b"a".to_vec()));
        assert!(
            found[1]
                .as_ref()
                .unwrap_err()
                .contains("is no length of a frame"),
            "{bad}"
        );
    }
}

#[test]
fn a_stream_that_ends_too_early_is_told() {
    for name in BOTH {
        let stream = stream_of(name, &[b"whole", b"cut off"]);
        for end in 0..stream.len() {
            let found = cut(name, "{}", &stream[..end], &[]);
            let whole = found.iter().filter(|frame| frame.is_ok()).count();
            let failed: Vec<_> = found
                .iter()
                .filter_map(|frame| frame.as_ref().err())
                .collect();
            let at_a_border = end == 0 || end == stream_of(name, &[b"whole"]).len();
            assert_eq!(failed.len(), usize::from(!at_a_border), "{name} {end}");
            assert!(
                whole <= 1
                    && failed
                        .iter()
                        .all(|error| error.contains("the stream ended within"))
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_bad(stream in prop::collection::vec(any::<u8>(), 0..200), at in 0..200usize) {
        for name in BOTH {
            let at = at.min(stream.len());
            let config = r#"{"max_length": 100}"#;
            prop_assert_eq!(cut(name, config, &stream, &[]), cut(name, config, &stream, &[at]));
        }
    }
}
