//! Allocations and copied bytes per event in the three link modes: the same numbers, none at the boundary.
//!
//! Each run is a process of its own, in which `count.c`, loaded before everything else, counts the calls of `malloc`
//! and its like and the bytes that `memcpy` and `memmove` carry, whoever calls them: the host and the plugins use the
//! system's allocator, so all of it goes through there. Of two runs of different length the difference is taken, which
//! leaves out what starting costs. Copies below 512 bytes are left out, because a debug build moves plain structures by
//! `memcpy`; payloads here are larger, so that a copied payload shows.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../fixtures/faulty/src/lib.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "it is a crate of its own elsewhere"
)]
mod fixture;
#[path = "../plugins/plugins.rs"]
mod plugins;
#[path = "../engine/support.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use temblor::Engine;
use temblor_registry::LinkMode;

use plugins::{MODES, directory, linked};
use support::{coded, ended, start, text, with};

/// Tells the child what to run: mode, flow, length.
const CHILD: &str = "TEMBLOR_TEST_COUNTED";
const BATCH: u64 = 64;

/// Events of values that a plugin makes, or bytes that it hands over and takes.
fn flow(which: &str, rounds: u64, dir: &Path) -> String {
    if which == "values" {
        let emitter = json!({ "count": rounds * BATCH, "batch": BATCH, "fields": 30 });
        let links = &["connector/e -> connector/n"];
        return text(
            &[&with("e", "emitter", &emitter), "n from `null`"],
            &[],
            links,
        );
    }
    let blaster = json!({ "file": dir.join("lines"), "iterations": rounds, "chunk_events": BATCH });
    let blackhole = json!({ "report": "none" });
    text(
        &[
            &coded("s", "blaster", &blaster, "codec = \"json\""),
            &coded("b", "blackhole", &blackhole, "codec = \"json\""),
        ],
        &[],
        &["connector/s -> connector/b"],
    )
}

fn child(task: &str) {
    let mut words = task.split(' ');
    let mode: LinkMode = words.next().unwrap().parse().unwrap();
    let which = words.next().unwrap();
    let rounds: u64 = words.next().unwrap().parse().unwrap();
    let dir = PathBuf::from(words.next().unwrap());
    let engine = Engine::builder().registry(linked(mode)).workers(1);
    let engine = engine.build().unwrap();
    let report = ended(&start(&engine, &flow(which, rounds, &dir)));
    assert_eq!(report.counts.delivered, rounds * BATCH);
    assert!(report.connectors.iter().all(|c| c.link_mode == mode));
}

/// Allocations, bytes allocated and bytes copied of a run.
fn run(mode: LinkMode, which: &str, rounds: u64, dir: &Path) -> [f64; 3] {
    let counts = dir.join("counts");
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_same_in_every_link_mode", "--nocapture"])
        .env("LD_PRELOAD", dir.join("count.so"))
        .env("TEMBLOR_COUNTS", &counts)
        .env(CHILD, format!("{mode} {which} {rounds} {}", dir.display()))
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let text = std::fs::read_to_string(&counts).unwrap();
    let mut numbers = text.split_whitespace().map(|n| n.parse().unwrap());
    std::array::from_fn(|_| numbers.next().unwrap())
}

#[test]
fn the_same_in_every_link_mode() {
    if let Ok(task) = std::env::var(CHILD) {
        return child(&task);
    }
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counted/count.c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-fno-builtin", "-shared", "-fPIC", "-o"]);
    cc.arg(dir.path().join("count.so")).arg(source).arg("-ldl");
    assert!(cc.status().unwrap().success());
    let long = "x".repeat(1000);
    let line = json!({ "text": long, "list": [1, 2, { "deep": long }] });
    let lines = format!("{line}\n").repeat(BATCH as usize);
    std::fs::write(dir.path().join("lines"), &lines).unwrap();
    // Built before anything is counted.
    directory();
    for which in ["values", "bytes"] {
        let (short, long) = (100, 500);
        let per_event = MODES.map(|mode| {
            let (first, second) = (
                run(mode, which, short, dir.path()),
                run(mode, which, long, dir.path()),
            );
            let events = ((long - short) * BATCH) as f64;
            std::array::from_fn::<f64, 3, _>(|at| (second[at] - first[at]) / events)
        });
        println!("{which}, per event: allocations, bytes allocated, bytes copied");
        for (mode, numbers) in MODES.iter().zip(&per_event) {
            println!("  {mode:>6}: {numbers:.3?}");
        }
        let [native, abi, dylib] = per_event;
        for (name, other) in [("abi", abi), ("dylib", dylib)] {
            // Less than one allocation a batch of 64: an event costs none. How many pieces bytes come in follows the
            // load of the machine a little.
            let a_batch = if which == "values" { 1.0 } else { 4.0 };
            let allocations = other[0] - native[0];
            assert!(
                allocations.abs() < a_batch / BATCH as f64,
                "{which} {name}: {allocations}"
            );
            // One payload in a hundred copied would be more than this.
            assert!(
                (other[2] - native[2]).abs() < 10.0,
                "{which} {name}: {per_event:?}"
            );
        }
    }
}
