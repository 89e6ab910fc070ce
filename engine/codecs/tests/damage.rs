//! `decompress` with messages that are cut off, damaged or too large.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::compressed::{ALGORITHMS, compressed, decompressed, of, only_error, text};
use properties::{frames, preprocessors};
use proptest::prelude::*;
use temblor_pdk::DynPreprocessor;

#[test]
fn every_truncation_is_told() {
    for algorithm in ALGORITHMS {
        let event = text(300);
        let message = compressed(algorithm, &[&event]);
        let good = compressed(algorithm, &[b"good"]);
        for length in 1..message.len() {
            let cut = &message[..length];
            // So little of snappy could be all of it.
            if algorithm == "snappy" && length == 10 {
                continue;
            }
            let error = only_error(&decompressed(&of(algorithm), &[cut]));
            let start =
                format!("a message of {algorithm} is incomplete: the stream ends behind byte ");
            assert!(error.starts_with(&start), "{error}");
            let alone = format!(r#"{{"algorithm": "{algorithm}", "buffered": false}}"#);
            let found = decompressed(&alone, &[cut, &good]);
            assert_eq!(found.len(), 2, "{algorithm} {length}: {found:?}");
            assert!(found[0].is_err());
            assert_eq!(found[1].as_deref(), Ok(&b"good"[..]));
        }
    }
}

#[test]
fn every_damaged_byte_is_survived() {
    for algorithm in ALGORITHMS {
        let event = text(300);
        let message = compressed(algorithm, &[&event]);
        let good = compressed(algorithm, &[b"good"]);
        for at in 0..message.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = message.clone();
                damaged[at] ^= flip;
                let alone = format!(r#"{{"algorithm": "{algorithm}", "buffered": false}}"#);
                let found = decompressed(&alone, &[&damaged, &good]);
                assert_eq!(found.last().unwrap().as_deref(), Ok(&b"good"[..]));
                decompressed(&of(algorithm), &[&damaged, &good]);
                decompressed("{}", &[&damaged, &good]);
            }
        }
    }
}

#[test]
fn the_next_message_is_found() {
    for algorithm in ["gzip", "zlib", "xz", "snappy", "lz4", "zstd", "bzip2"] {
        let long = text(50_000);
        let mut damaged = compressed(algorithm, &[&long]);
        let middle = damaged.len() / 2;
        damaged[middle..middle + 64].fill(0xa5);
        let good = compressed(algorithm, &[b"good"]);
        for config in ["{}".to_owned(), of(algorithm)] {
            let mut pieces: Vec<_> = damaged.chunks(1_000).collect();
            pieces.push(&good);
            let found = decompressed(&config, &pieces);
            let (last, failed) = found.split_last().unwrap();
            assert_eq!(last.as_deref(), Ok(&b"good"[..]), "{algorithm} {config}");
            assert!(failed.iter().all(Result::is_err), "{algorithm} {config}");
        }
    }
}

#[test]
fn limits_are_exact_and_say_where() {
    for algorithm in ALGORITHMS {
        let event = text(100_000);
        let message = compressed(algorithm, &[&event]);
        let limited = |bytes| format!(r#"{{"algorithm": "{algorithm}", "max_bytes": {bytes}}}"#);
        assert_eq!(decompressed(&limited(100_000), &[&message]), [Ok(event)]);
        let error = only_error(&decompressed(&limited(99_999), &[&message]));
        let start = format!(
            "a message of {algorithm} becomes larger than `max_bytes`, which is 99999, behind byte "
        );
        assert!(error.starts_with(&start), "{error}");
        assert!(
            error.ends_with("\nhelp: raise `max_bytes` of `decompress`"),
            "{error}"
        );
    }
}

#[test]
fn a_piece_gives_no_more_than_the_limit() {
    let events = [&[0; 60_000][..]; 3];
    let stream = compressed("bzip2", &events);
    let config = r#"{"max_bytes": 150000}"#;
    let found = decompressed(config, &[&stream]);
    assert_eq!(found.len(), 3);
    assert!(only_error(&found).contains("`max_bytes`"));
    let config = r#"{"max_bytes": 150000, "streaming": true}"#;
    let made: usize = decompressed(config, &[&stream])
        .iter()
        .flatten()
        .map(Vec::len)
        .sum();
    assert!(made <= 150_000);
}

#[test]
fn windows_are_bounded() {
    let event = text(300_000);
    for algorithm in ["zstd", "xz"] {
        let message = compressed(algorithm, &[&event]);
        let config = r#"{"max_window": 65536}"#;
        let error = only_error(&decompressed(config, &[&message]));
        let expected = "looks back further than `max_window`, which is 65536, as byte ";
        assert!(error.contains(expected), "{error}");
    }
}

/// Runs any bytes through every kind of nothing panics, and the same comes out however they are cut.
fn survives(bytes: &[u8], cuts: &[usize]) {
    for algorithm in ALGORITHMS.into_iter().chain(["autodetect"]) {
        for more in ["", r#", "buffered": false"#, r#", "streaming": true"#] {
            let config = format!(r#"{{"algorithm": "{algorithm}"{more}}}"#);
            let [mut step, _] = preprocessors("decompress", &config);
            let step: &mut dyn DynPreprocessor = step.as_mut();
            frames(step, bytes, cuts);
            // It can be used again.
            frames(step, bytes, &[]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_are_survived(
        bytes: Vec<u8>,
        cuts in prop::collection::vec(0usize..100, 0..4),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        survives(&bytes, &cuts);
    }

    #[test]
    fn any_bytes_behind_a_good_beginning_are_survived(
        algorithm in 0usize..8,
        kept in 1usize..60,
        bytes: Vec<u8>,
        cuts in prop::collection::vec(0usize..100, 0..4),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut message = compressed(ALGORITHMS[algorithm], &[&text(200)]);
        message.truncate(kept);
        message.extend(bytes);
        survives(&message, &cuts);
    }
}
