//! The same flows in each link mode write the same bytes.

use std::path::Path;

use serde_json::json;
use temblor::FlowReport;
use temblor_registry::LinkMode;

use crate::plugins::{MODES, linked};
use crate::support::{builder, coded, ended, start, text, with};

const TO_LINES: &str = "codec = \"json\", postprocessors = [\"separate\"]";

/// Input with everything that could come out differently: escapes, floats, nesting, lines that cannot be decoded.
fn input(dir: &Path) -> std::path::PathBuf {
    let mut lines = String::new();
    for n in 0..3000 {
        match n % 7 {
            0 => lines += "{broken\n",
            1 => lines += "\n",
            2 => {
                lines += &format!(
                    "{{\"n\":{n},\"s\":\"a\\n\\\"\\u00e9\\ud83d\\ude00\",\"f\":{n}.5e-3}}\n"
                )
            }
            _ => {
                let nested =
                    json!({ "n": n, "list": [n, null, true, { "deep": [n] }], "t": "plain" });
                lines += &format!("{nested}\n");
            }
        }
    }
    let path = dir.join("input.jsonl");
    std::fs::write(&path, lines).unwrap();
    path
}

/// Runs a flow that writes `path`; returns what it wrote and its report.
fn run(mode: LinkMode, path: &Path, flow: &str) -> (Vec<u8>, FlowReport) {
    let engine = builder().0.registry(linked(mode)).build().unwrap();
    let report = ended(&start(&engine, flow));
    assert!(report.is_ok(), "{report:?}");
    for connector in &report.connectors {
        assert_eq!(connector.link_mode, mode, "{}", connector.name);
    }
    (std::fs::read(path).unwrap(), report)
}

/// Runs the flow in each mode and compares.
fn same(name: &str, flow: impl Fn(&Path, &Path) -> String) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let input = input(dir.path());
    let out = dir.path().join("out");
    let flow = flow(&input, &out);
    let mut runs = MODES.map(|mode| run(mode, &out, &flow)).into_iter();
    let (bytes, report) = runs.next().unwrap();
    assert!(!bytes.is_empty());
    for (at, (other, other_report)) in runs.enumerate() {
        assert!(
            other == bytes,
            "{name}: {:?} writes something else",
            MODES[at + 1]
        );
        assert_eq!(other_report.counts, report.counts, "{name}");
    }
    bytes
}

const EDIT: &str = "select { \"n\": event.n, \"all\": event, \"sum\": event.n + 1 } from in where event.n % 2 == 0 into out;";

#[test]
fn file_to_file() {
    let bytes = same("file", |input, out| {
        let lines = "codec = \"json\", preprocessors = [\"separate\"]";
        text(
            &[
                &coded(
                    "s",
                    "file",
                    &json!({ "path": input, "mode": "read" }),
                    lines,
                ),
                &coded(
                    "d",
                    "file",
                    &json!({ "path": out, "mode": "write" }),
                    TO_LINES,
                ),
            ],
            &[("p", EDIT)],
            &["connector/s -> pipeline/p", "pipeline/p -> connector/d"],
        )
    });
    let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<serde_json::Value> = lines.map(|l| serde_json::from_slice(l).unwrap()).collect();
    assert_eq!(
        lines.len(),
        (0..3000).filter(|n| n % 7 > 1 && n % 2 == 0).count()
    );
    assert_eq!(lines[0]["all"]["s"], "a\n\"é😀");
}

#[test]
fn blaster_to_file() {
    same("blaster", |input, out| {
        let blaster = json!({ "file": input, "iterations": 3 });
        text(
            &[
                &coded("s", "blaster", &blaster, "codec = \"json\""),
                &coded(
                    "d",
                    "file",
                    &json!({ "path": out, "mode": "write" }),
                    TO_LINES,
                ),
            ],
            &[("p", EDIT)],
            &["connector/s -> pipeline/p", "pipeline/p -> connector/d"],
        )
    });
}

#[test]
fn metronome_and_emitter_to_file() {
    same("metronome", |_, out| {
        let metronome = json!({ "interval_ms": 1, "count": 20 });
        text(
            &[
                &with("s", "metronome", &metronome),
                &coded(
                    "d",
                    "file",
                    &json!({ "path": out, "mode": "truncate" }),
                    TO_LINES,
                ),
            ],
            &[("p", "select event.onramp from in into out;")],
            &["connector/s -> pipeline/p", "pipeline/p -> connector/d"],
        )
    });
    let emitted = same("emitter", |_, out| {
        let emitter = json!({ "count": 1000, "batch": 7, "fields": 40 });
        text(
            &[
                &with("s", "emitter", &emitter),
                &coded(
                    "d",
                    "file",
                    &json!({ "path": out, "mode": "write" }),
                    TO_LINES,
                ),
            ],
            &[(
                "p",
                "select { \"twice\": event.id * 2, \"event\": event } from in into out;",
            )],
            &["connector/s -> pipeline/p", "pipeline/p -> connector/d"],
        )
    });
    assert_eq!(emitted.iter().filter(|b| **b == b'\n').count(), 1000);
}

#[test]
fn blaster_into_sinks_that_swallow() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let input = input(dir.path());
        let engine = builder().0.registry(linked(mode)).build().unwrap();
        let blaster = json!({ "file": input, "iterations": 2 });
        let report = ended(&start(
            &engine,
            &text(
                &[
                    &coded("s", "blaster", &blaster, "codec = \"json\""),
                    "n from `null`",
                    &coded(
                        "b",
                        "blackhole",
                        &json!({ "report": "none" }),
                        "codec = \"json\"",
                    ),
                ],
                &[],
                &["connector/s -> connector/n", "connector/s -> connector/b"],
            ),
        ));
        let broken = 2 * (0..3000).filter(|n| n % 7 == 0).count() as u64;
        let empty = 2 * (0..3000).filter(|n| n % 7 == 1).count() as u64;
        let counts = report.counts;
        assert_eq!((counts.failed, counts.empty), (broken, empty), "{mode}");
        assert_eq!(
            (counts.events_in, counts.delivered),
            (6000, 6000 - broken - empty)
        );
    }
}
