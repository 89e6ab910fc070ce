//! `decompress`, `compress` and `streaming-compress`, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::compressed::{ALGORITHMS, STREAMS, compressed, decompressed, of, only_error, text};
use properties::{entry, frames, made, postprocessor, preprocessors};
use proptest::prelude::*;
use temblor_pdk::{Frame, FrameSink, Kind};

#[test]
fn messages_of_all_sizes_come_back() {
    for algorithm in ALGORITHMS {
        let sizes = [1, 2, 100, 65_535, 65_536, 65_537, 200_000, 0];
        let events: Vec<_> = sizes.map(text).to_vec();
        let events: Vec<_> = events.iter().map(Vec::as_slice).collect();
        let stream = compressed(algorithm, &events);
        let expected: Vec<_> = events.iter().map(|event| Ok(event.to_vec())).collect();
        let [mut whole, mut parts] = preprocessors("decompress", &of(algorithm));
        assert_eq!(
            frames(whole.as_mut(), &stream, &[]),
            expected,
            "{algorithm}"
        );
        let cuts: Vec<_> = (0..stream.len()).step_by(1_009).collect();
        assert_eq!(
            frames(parts.as_mut(), &stream, &cuts),
            expected,
            "{algorithm}"
        );
        if algorithm != "br" {
            let [mut detecting, _] = preprocessors("decompress", "{}");
            assert_eq!(
                frames(detecting.as_mut(), &stream, &cuts),
                expected,
                "{algorithm}"
            );
        }
    }
}

/// A message that is complete is handed over at once, also where the format does not say that it is.
#[test]
fn nothing_waits_for_the_next_message() {
    for algorithm in ALGORITHMS {
        let [mut step, _] = preprocessors("decompress", &of(algorithm));
        let mut found = 0;
        let mut take = |_: Frame<'_, '_>| found += 1;
        let message = compressed(algorithm, &[b"event"]);
        step.process(&message, &mut FrameSink::new(&mut take))
            .unwrap();
        assert_eq!((found, step.held()), (1, 0), "{algorithm}");
    }
}

#[test]
fn what_is_held_is_said() {
    let message = compressed("gzip", &[&text(5_000)]);
    let [mut step, _] = preprocessors("decompress", "{}");
    let mut take = |_: Frame<'_, '_>| ();
    let mut sink = FrameSink::new(&mut take);
    for (at, byte) in message.chunks(1).enumerate() {
        assert_eq!(step.held(), at);
        step.process(byte, &mut sink).unwrap();
    }
    assert_eq!(step.held(), 0);
}

#[test]
fn streams_can_be_read_up_to_every_event() {
    for algorithm in STREAMS {
        let mut writer = postprocessor("streaming-compress", &of(algorithm));
        let config = format!(r#"{{"algorithm": "{algorithm}", "streaming": true}}"#);
        let [mut reader, _] = preprocessors("decompress", &config);
        for size in [1, 10, 1_000, 100_000, 5] {
            let (event, mut read) = (text(size), Vec::new());
            let piece = made(writer.as_mut(), &event);
            let mut take = |frame: Frame<'_, '_>| match frame {
                Frame::Made(bytes) => read.extend_from_slice(bytes),
                other => panic!("{algorithm}: {other:?}"),
            };
            let mut sink = FrameSink::new(&mut take);
            for part in piece.chunks(7_001) {
                reader.process(part, &mut sink).unwrap();
            }
            assert!(read == event, "{algorithm}: {} of {size}", read.len());
        }
        let mut end = Vec::new();
        writer.finish(&mut end).unwrap();
        assert_eq!(frames(reader.as_mut(), &end, &[]), [], "{algorithm}");
    }
}

#[test]
fn a_stream_without_events_is_empty() {
    let mut writer = postprocessor("streaming-compress", &of("gzip"));
    let mut end = Vec::new();
    writer.finish(&mut end).unwrap();
    assert_eq!(end, b"");
}

/// Behind a message that was given up, nothing is taken for an event until another one begins for certain.
#[test]
fn what_is_not_compressed_passes() {
    let plain: &[&[u8]] = &[
        b"plain",
        b"x",
        b"(2)",
        b"BZhx",
        b"\x1f",
        b"{\"a\": 1}",
        b"P",
    ];
    let alone: Vec<_> = plain.iter().map(|piece| Ok(piece.to_vec())).collect();
    assert_eq!(decompressed(r#"{"buffered": false}"#, plain), alone);
    for piece in plain {
        assert_eq!(decompressed("{}", &[piece]), [Ok(piece.to_vec())]);
    }
    // It may go on in the next piece, so that what is too short to tell waits for it.
    assert_eq!(decompressed("{}", &[b"x", b"yz"]), [Ok(b"xyz".to_vec())]);
    assert_eq!(decompressed("{}", &[b""]), []);
    assert_eq!(decompressed(r#"{"buffered": false}"#, &[b""]), [Ok(vec![])]);
    let gzip = compressed("gzip", &[b"a"]);
    let mixed = decompressed("{}", &[b"plain", &gzip, b"plain"]);
    assert_eq!(
        mixed,
        [b"plain".to_vec(), b"a".to_vec(), b"plain".to_vec()].map(Ok)
    );
}

#[test]
fn a_bare_block_of_snappy() {
    let event = text(5_000);
    let bare = snap::raw::Encoder::new().compress_vec(&event).unwrap();
    for config in [
        of("snappy"),
        r#"{"algorithm": "snappy", "buffered": false}"#.into(),
    ] {
        assert_eq!(decompressed(&config, &[&bare]), [Ok(event.clone())]);
        let huge = b"\xff\xff\xff\xff\x0fabc";
        let error = only_error(&decompressed(&config, &[huge]));
        assert!(error.contains("`max_bytes`, which is 67108864"), "{error}");
        let claims = b"\xff\xff\xff\x07abc";
        let error = only_error(&decompressed(&config, &[claims]));
        assert!(
            error.contains("cannot be decompressed behind byte 0"),
            "{error}"
        );
    }
}

#[test]
fn frames_without_data_are_no_events() {
    let skippable = b"\x53\x2a\x4d\x18\x05\0\0\0hello";
    for algorithm in ["zstd", "lz4"] {
        let stream = [&skippable[..], &compressed(algorithm, &[b"a"]), skippable].concat();
        for config in ["{}".to_owned(), of(algorithm)] {
            let [mut step, _] = preprocessors("decompress", &config);
            assert_eq!(frames(step.as_mut(), &stream, &[]), [Ok(b"a".to_vec())]);
            let bytes: Vec<_> = (0..stream.len()).collect();
            assert_eq!(frames(step.as_mut(), &stream, &bytes), [Ok(b"a".to_vec())]);
        }
    }
}

/// Many messages in a piece are bounded together.
#[test]
fn settings_that_cannot_work() {
    let table = [
        (
            Kind::Preprocessor,
            "decompress",
            r#"{"max_bytes": 0}"#,
            "`max_bytes` is 0",
        ),
        (
            Kind::Preprocessor,
            "decompress",
            r#"{"max_ratio": 0}"#,
            "`max_ratio` is 0",
        ),
        (
            Kind::Preprocessor,
            "decompress",
            r#"{"max_window": 0}"#,
            "`max_window` is 0",
        ),
        (
            Kind::Preprocessor,
            "decompress",
            r#"{"algorithm": "zip"}"#,
            "unknown variant `zip`",
        ),
        (
            Kind::Preprocessor,
            "decompress",
            r#"{"buffered": false, "streaming": true}"#,
            "`streaming` is for messages",
        ),
        (
            Kind::Postprocessor,
            "compress",
            "{}",
            "missing field `algorithm`",
        ),
        (
            Kind::Postprocessor,
            "compress",
            r#"{"algorithm": "autodetect"}"#,
            "unknown variant",
        ),
        (
            Kind::Postprocessor,
            "compress",
            r#"{"algorithm": "lz4", "level": 1}"#,
            "lz4 has no levels",
        ),
        (
            Kind::Postprocessor,
            "compress",
            r#"{"algorithm": "gzip", "level": 10}"#,
            "`level` is 10, and gzip has levels from 0 to 9",
        ),
        (
            Kind::Postprocessor,
            "streaming-compress",
            r#"{"algorithm": "zstd", "level": 23}"#,
            "levels from 1 to 22",
        ),
        (
            Kind::Postprocessor,
            "streaming-compress",
            r#"{"algorithm": "bzip2"}"#,
            "cannot be read before its end",
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

#[test]
fn every_level_works() {
    let event = text(20_000);
    let levels = [
        ("gzip", 0..=9),
        ("zlib", 0..=9),
        ("xz2", 0..=9),
        ("zstd", 1..=22),
        ("br", 0..=11),
        ("bzip2", 1..=9),
    ];
    for (algorithm, levels) in levels {
        for level in levels {
            let config = format!(r#"{{"algorithm": "{algorithm}", "level": {level}}}"#);
            let message = made(postprocessor("compress", &config).as_mut(), &event);
            assert_eq!(
                decompressed(&of(algorithm), &[&message]),
                [Ok(event.clone())]
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_events_come_back_however_the_stream_is_cut(
        events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..5),
        cuts in prop::collection::vec(0usize..1_500, 0..8),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let slices: Vec<_> = events.iter().map(Vec::as_slice).collect();
        let expected: Vec<_> = events.iter().cloned().map(Ok).collect();
        for algorithm in ALGORITHMS {
            let stream = compressed(algorithm, &slices);
            for mut step in preprocessors("decompress", &of(algorithm)) {
                prop_assert_eq!(frames(step.as_mut(), &stream, &cuts), expected.clone(), "{}", algorithm);
            }
        }
    }

    #[test]
    fn any_events_come_back_from_a_stream(
        events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..5),
        cuts in prop::collection::vec(0usize..1_500, 0..8),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        for algorithm in STREAMS {
            let mut writer = postprocessor("streaming-compress", &of(algorithm));
            let mut stream = Vec::new();
            events.iter().for_each(|event| stream.extend(made(writer.as_mut(), event)));
            writer.finish(&mut stream).unwrap();
            let config = format!(r#"{{"algorithm": "{algorithm}", "streaming": true}}"#);
            let [mut reader, _] = preprocessors("decompress", &config);
            let read: Result<Vec<_>, _> = frames(reader.as_mut(), &stream, &cuts).into_iter().collect();
            prop_assert_eq!(read.unwrap().concat(), events.concat(), "{}", algorithm);
        }
    }
}
