//! Messages that grow without measure: memory stays within the limits. One test, because it looks at the memory of
//! the whole process.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod properties;

use properties::{Frames, frames, made, postprocessor, preprocessors};

/// What a bomb becomes.
const MIB: usize = 256;

/// The most that the process has ever used, in bytes, as the system counts it.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Zeros, compressed as one message.
fn bomb(algorithm: &str) -> Vec<u8> {
    let level = match algorithm {
        "snappy" | "lz4" => "",
        "xz" => r#", "level": 0"#,
        _ => r#", "level": 1"#,
    };
    let config = format!(r#"{{"algorithm": "{algorithm}"{level}}}"#);
    let mut writer = postprocessor("streaming-compress", &config);
    let zeros = vec![0; 1024 * 1024];
    let mut bomb = Vec::new();
    for _ in 0..MIB {
        bomb.extend(made(writer.as_mut(), &zeros));
    }
    writer.finish(&mut bomb).unwrap();
    bomb
}

/// One message that makes a mebibyte, as often as it takes.
fn cluster() -> Vec<u8> {
    let mut writer = postprocessor("compress", r#"{"algorithm": "bzip2"}"#);
    made(writer.as_mut(), &vec![0; 1024 * 1024]).repeat(MIB)
}

fn run(config: &str, stream: &[u8], piece: usize) -> (usize, Vec<String>) {
    let [mut step, _] = preprocessors("decompress", config);
    let cuts: Vec<_> = (0..stream.len()).step_by(piece).collect();
    let found: Frames = frames(step.as_mut(), stream, &cuts);
    let made = found.iter().flatten().map(Vec::len).sum();
    let errors = found.into_iter().filter_map(Result::err);
    (made, errors.collect())
}

#[test]
fn bombs_fill_no_memory() {
    let limit = 64 * 1024 * 1024;
    for algorithm in ["gzip", "xz", "snappy", "lz4", "zstd", "br"] {
        let bomb = bomb(algorithm);
        let config = format!(r#"{{"algorithm": "{algorithm}"}}"#);
        let (made, errors) = run(&config, &bomb, 5_000);
        assert_eq!(made, 0, "{algorithm}");
        let expected = match errors[0].contains("max_bytes") {
            true => "becomes larger than `max_bytes`, which is 67108864, behind byte ",
            false => "becomes more than `max_ratio` times as large, which is 1000, behind byte ",
        };
        let expected = format!("a message of {algorithm} {expected}");
        assert!(errors[0].starts_with(&expected), "{}", errors[0]);
        let streaming = format!(r#"{{"algorithm": "{algorithm}", "streaming": true}}"#);
        let (made, _) = run(&streaming, &bomb, bomb.len());
        assert!(made <= limit, "{algorithm}: {made}");
        if algorithm == "gzip" {
            let mut writer = postprocessor("compress", r#"{"algorithm": "gzip"}"#);
            let nested = properties::made(writer.as_mut(), &bomb);
            let [mut outer, _] = preprocessors("decompress", "{}");
            let inner = frames(outer.as_mut(), &nested, &[]).remove(0).unwrap();
            let (made, errors) = run("{}", &inner, inner.len());
            assert_eq!((made, errors.len()), (0, 1));
        }
    }
    let (made, errors) = run("{}", &cluster(), usize::MAX);
    assert!(made <= limit && errors[0].contains("`max_bytes`"), "{made}");
    if let Some(peak) = peak() {
        // The limit, what grows into it, what the test keeps of it, and what it took to make the bombs.
        assert!(peak < 320 * 1024 * 1024, "{peak}");
    }
}
