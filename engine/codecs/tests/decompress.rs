//! Preprocessor `decompress`: every format, bombs in each, and what is broken.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod properties;

use std::io::Write;

use properties::{entry, frames};
use temblor_pdk::{DynPreprocessor, Kind};

const FORMATS: [&str; 7] = ["gzip", "zlib", "xz2", "snappy", "lz4", "zstd", "br"];

/// The same byte so often, compressed.
fn compressed(format: &str, blocks: usize, block: &[u8]) -> Vec<u8> {
    fn all(mut writer: impl Write, blocks: usize, block: &[u8]) {
        (0..blocks).for_each(|_| writer.write_all(block).unwrap());
        writer.flush().unwrap();
    }
    let mut out = Vec::new();
    match format {
        "gzip" => all(
            flate2::write::GzEncoder::new(&mut out, flate2::Compression::best()),
            blocks,
            block,
        ),
        "zlib" => all(
            flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::best()),
            blocks,
            block,
        ),
        "xz2" => {
            let mut writer = liblzma::write::XzEncoder::new(&mut out, 1);
            (0..blocks).for_each(|_| writer.write_all(block).unwrap());
            writer.finish().unwrap();
        }
        "snappy" => all(snap::write::FrameEncoder::new(&mut out), blocks, block),
        "lz4" => {
            let mut writer = lz4_flex::frame::FrameEncoder::new(&mut out);
            (0..blocks).for_each(|_| writer.write_all(block).unwrap());
            writer.finish().unwrap();
        }
        "zstd" => {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            out = ruzstd::encoding::compress_to_vec(block.repeat(blocks).as_slice(), level);
        }
        _ => all(
            brotli::CompressorWriter::new(&mut out, 1 << 16, 5, 22),
            blocks,
            block,
        ),
    }
    out
}

fn decompress(config: &str) -> [Box<dyn DynPreprocessor>; 2] {
    let entry = entry(Kind::Preprocessor, "decompress");
    let native = entry.make_preprocessor(config).unwrap();
    [native, entry.describe().preprocessor(config).unwrap()]
}

fn run(config: &str, frame: &[u8]) -> Result<Vec<u8>, String> {
    let [native, abi] = decompress(config).map(|mut made| frames(made.as_mut(), frame, &[]));
    assert_eq!(native, abi);
    assert_eq!(native.len(), 1);
    native.into_iter().next().unwrap()
}

fn named(format: &str) -> String {
    format!(r#"{{"algorithm": "{format}"}}"#)
}

#[test]
fn every_format_comes_back_named_or_found_out() {
    let text = b"{\"n\":1,\"text\":\"some text\"}";
    for format in FORMATS {
        let frame = compressed(format, 3, text);
        assert_eq!(
            run(&named(format), &frame).unwrap(),
            text.repeat(3),
            "{format}"
        );
        if format != "br" {
            assert_eq!(run("{}", &frame).unwrap(), text.repeat(3), "{format}");
        }
    }
    assert_eq!(run("{}", text).unwrap(), text);
    assert_eq!(run("{}", b"").unwrap(), b"");
}

#[test]
fn bombs_of_every_format_stop_at_the_limit() {
    let bomb = compressed("gzip", 66, &[0; 1 << 20]);
    let error = run("{}", &bomb).unwrap_err();
    assert!(
        error.contains("more than `max_length`, which is 67108864")
            || error.contains("`max_ratio`"),
        "{error}"
    );
    for format in FORMATS {
        let bomb = compressed(format, 10, &[0; 1 << 20]);
        let most =
            format!(r#"{{"algorithm": "{format}", "max_length": 8000000, "max_ratio": 1000000}}"#);
        let error = run(&most, &bomb).unwrap_err();
        let frame = format!(
            "the {format} frame of {} bytes becomes more than `max_length`, which is 8000000",
            bomb.len()
        );
        assert!(error.starts_with(&frame), "{format}: {error}");
        let small = format!(r#"{{"algorithm": "{format}", "max_length": 1000}}"#);
        let error = run(&small, &bomb).unwrap_err();
        assert!(
            error.contains("`max_length`, which is 1000\nhelp: "),
            "{error}"
        );
        let narrow = format!(r#"{{"algorithm": "{format}", "max_ratio": 2}}"#);
        let error = run(&narrow, &bomb).unwrap_err();
        assert!(
            error.contains("`max_ratio` times as long, which is 2\nhelp: "),
            "{error}"
        );
    }
}

#[test]
fn what_is_cut_off_or_broken_is_refused_and_the_next_frame_passes() {
    let text = b"0123456789".repeat(50);
    for format in FORMATS {
        let frame = compressed(format, 1, &text);
        let mut steps = decompress(&named(format));
        for step in &mut steps {
            for end in 1..frame.len() - 1 {
                for found in frames(step.as_mut(), &frame[..end], &[]) {
                    match found {
                        // Some formats end with a checksum that need not be there.
                        Ok(part) => assert!(text.starts_with(&part), "{format} {end}"),
                        Err(error) => assert!(
                            error.starts_with(&format!("the frame is no {format}: ")),
                            "{error}"
                        ),
                    }
                }
            }
            for at in 0..frame.len() {
                let mut broken = frame.clone();
                broken[at] ^= 0xff;
                let _ = frames(step.as_mut(), &broken, &[]);
            }
            assert_eq!(
                frames(step.as_mut(), &frame, &[]),
                [Ok(text.clone())],
                "{format}"
            );
        }
    }
}

#[test]
fn headers_that_promise_too_much_take_no_memory() {
    // A snappy block that says that it becomes 4 GiB, a window of zstd of 2^31 and more, a block of lz4 that is too large.
    let snappy = [
        &b"\xff\x06\x00\x00sNaPpY\x00\x0a\x00\x00\0\0\0\0"[..],
        b"\xff\xff\xff\xff\x0f\x00",
    ]
    .concat();
    let zstd = b"\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00a".to_vec();
    let lz4 = b"\x04\x22\x4d\x18\x60\x70\x73\xff\xff\xff\x7fabc".to_vec();
    for (format, frame) in [("snappy", snappy), ("zstd", zstd), ("lz4", lz4)] {
        let error = run(&named(format), &frame).unwrap_err();
        assert!(
            error.starts_with(&format!("the frame is no {format}: ")),
            "{error}"
        );
    }
}

#[test]
fn settings_that_cannot_work() {
    let entry = entry(Kind::Preprocessor, "decompress");
    for (config, expected) in [
        (r#"{"max_length": 0}"#, "`max_length` is 0"),
        (r#"{"max_ratio": 0}"#, "`max_ratio` is 0"),
        (r#"{"algorithm": "rar"}"#, "unknown variant `rar`"),
    ] {
        let error = entry.make_preprocessor(config).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
